//! Faults of `fleet.toml`.

use std::borrow::Cow;
use std::path::PathBuf;

use wa_graph::WabaId;

/// The reason why `fleet.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Its name.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("{} is larger than 16 MiB", path.display())]
    TooLarge {
        /// Its name.
        path: PathBuf,
    },
    /// A setting is unknown, missing or not valid. The text of the file is not repeated: it may be a secret.
    #[error("line {line}: {message}")]
    Syntax {
        /// The line of the fault, from 1.
        line: usize,
        /// The fault.
        message: String,
    },
    /// The inventory is empty.
    #[error("[inventory] names no phone number, account, business or file")]
    NoNumbers,
    /// Two tables name the same account.
    #[error("[[account]] names account {id} twice")]
    AccountTwice {
        /// The account.
        id: WabaId,
    },
}

impl ConfigError {
    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Read { .. } => "Give the name of the file with --config FILE.",
            Self::TooLarge { .. } => "List the numbers in a CSV file, and name it in [inventory] file.",
            Self::Syntax { .. } => "Compare the line with the reference of fleet.toml in \"Many numbers\".",
            Self::NoNumbers => "Name an account in [inventory] accounts, or a file in [inventory] file.",
            Self::AccountTwice { .. } => "Join both tables.",
        }))
    }
}

impl ConfigError {
    /// Describes a fault without the text around it, which may contain a secret.
    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.as_bytes().iter().take(start);
        Self::Syntax {
            line: 1 + before.filter(|byte| **byte == b'\n').count(),
            message: error.message().to_owned(),
        }
    }
}
