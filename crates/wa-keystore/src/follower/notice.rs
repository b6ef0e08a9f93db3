//! The events that a follower reports while it runs.

use std::sync::Arc;

use wa_keys::Fingerprint;

use crate::error::StoreError;
use crate::log::LogFault;

/// Something that happened to a [`Follower`](crate::Follower), for the log. `Display` is one line.
///
/// A condition that lasts is reported when it begins, not at each poll.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Notice {
    /// There is no key store yet; each poll checks for it.
    #[error("there is no key store yet")]
    NoStore,
    /// A private key was opened.
    #[error("opened private key {} of key set {set} ({done} of {total})", key.short())]
    Opened {
        /// The set.
        set: String,
        /// The key.
        key: Fingerprint,
        /// Keys that were opened or failed since the start.
        done: usize,
        /// Keys to open since the start.
        total: usize,
    },
    /// A private key cannot be opened. It is tried again every minute.
    #[error("cannot open private key {} of key set {set}: {error}", key.short())]
    Unopened {
        /// The set.
        set: String,
        /// The key.
        key: Fingerprint,
        /// The cause.
        error: Arc<StoreError>,
    },
    /// Events were read.
    #[error("key set {set} is read up to event {last} and serves {keys} keys")]
    Changed {
        /// The set.
        set: String,
        /// The number of the last event.
        last: u64,
        /// The number of keys that are served.
        keys: usize,
    },
    /// The store cannot be read; the served keys do not change.
    #[error("the key store cannot be read: {0}")]
    Unreachable(Arc<StoreError>),
    /// The store can be read again.
    #[error("the key store can be read again")]
    Reachable,
    /// The store could not be read at the start; keys come from the cache directory.
    #[error("the key store cannot be read, and keys are served from the cache directory: {0}")]
    FromCache(Arc<StoreError>),
    /// The log of a set is older than one that was read before; it is not followed.
    #[error("the log of key set {set} is older than event {seen}, which was read before; it is not followed")]
    Older {
        /// The set.
        set: String,
        /// The number of the last event that was read before.
        seen: u64,
    },
    /// A log has a fault.
    #[error("the log of key set {set} has a fault: {fault}")]
    Fault {
        /// The set.
        set: String,
        /// The fault.
        fault: LogFault,
    },
    /// The cache directory cannot be written.
    #[error("the cache directory cannot be written: {0}")]
    CacheFailed(Arc<StoreError>),
    /// The record of this instance cannot be written. Rotations wait for it.
    #[error("the record of this instance cannot be written: {0}")]
    RecordFailed(Arc<StoreError>),
    /// The record of a process with the name of this instance did not change for three minutes; it is now
    /// marked as stopped.
    #[error("marked the record of process {boot} with the name of this instance as stopped")]
    PredecessorStopped {
        /// The identity of that process.
        boot: String,
    },
}

impl Notice {
    /// Returns true if an operator should know about it.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        !matches!(
            self,
            Self::Opened { .. } | Self::Changed { .. } | Self::Reachable | Self::PredecessorStopped { .. }
        )
    }

    /// Returns what to do about it; `None` if nothing needs to be done, or that depends on the cause.
    #[must_use]
    pub fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        match self {
            Self::NoStore => Some("Create it with `wa keys rotate` or `wa keys import`.".into()),
            Self::Unopened { error, .. }
            | Self::Unreachable(error)
            | Self::FromCache(error)
            | Self::CacheFailed(error)
            | Self::RecordFailed(error) => error.remedy(),
            Self::Older { .. } | Self::Fault { .. } => {
                Some("Run `wa store check`, and restore the store from a backup.".into())
            }
            _ => None,
        }
    }
}
