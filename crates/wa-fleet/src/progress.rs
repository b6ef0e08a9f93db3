//! What an operation reports while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;

use crate::report::{Kept, NumberReport};
use crate::text;

/// A step of a rotation, as it is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stage {
    /// The private key is stored durably.
    Stored,
    /// Every instance serves the key.
    Served,
    /// The endpoint decrypted pings that were encrypted with the key.
    Proved,
    /// The key is the primary; nothing else is uploaded from now on.
    Promoted,
    /// The key was uploaded to every number.
    Uploaded,
    /// The key was read back for every number.
    Verified,
    /// Keys that are no longer used are disabled.
    Retired,
}

impl Stage {
    /// Returns the name of the step.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Served => "served",
            Self::Proved => "proved",
            Self::Promoted => "promoted",
            Self::Uploaded => "uploaded",
            Self::Verified => "verified",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// What an operation reports while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Progress {
    /// An event was written to the set.
    Event {
        /// Its number.
        number: u64,
        /// Its name.
        event: String,
        /// The key that it is about.
        #[serde(with = "text::optional", default)]
        key: Option<Fingerprint>,
    },
    /// A step is complete.
    Done {
        /// The step.
        stage: Stage,
        /// The key.
        #[serde(with = "text")]
        key: Fingerprint,
        /// What it rests on, such as the number of instances and pings.
        detail: String,
    },
    /// A step waits.
    Waiting {
        /// For what.
        cause: String,
        /// How long it waits at most.
        at_most: Duration,
    },
    /// A step is left out, because an option says so or nothing can be checked.
    Skipped {
        /// The step.
        stage: Stage,
        /// Why.
        cause: String,
    },
    /// A key is uploaded.
    Uploading {
        /// The number.
        number: PhoneNumberId,
        /// The key.
        #[serde(with = "text")]
        key: Fingerprint,
    },
    /// A number is finished.
    Number(NumberReport),
    /// A key was disabled.
    Disabled {
        /// The key.
        #[serde(with = "text")]
        key: Fingerprint,
    },
    /// A key that is no longer the primary stays.
    Kept(Kept),
}

/// Receives progress; by default nothing does.
#[derive(Clone)]
pub(crate) struct Observer(Arc<dyn Fn(Progress) + Send + Sync>);

impl Observer {
    pub(crate) fn new(receive: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(receive))
    }

    pub(crate) fn report(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
