//! Why a text is no secret, and why a file holds none.

use std::{borrow::Cow, io, path::PathBuf};

/// Why a text cannot be an access token or an app secret. The text itself is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The text is empty or blank.
    #[error("the {what} is empty")]
    Empty {
        /// Which secret was wanted: "access token" or "app secret".
        what: &'static str,
    },
    /// The text has a blank, a control character or something outside ASCII.
    #[error(
        "the {what} has a character that cannot be part of it (number {position}): copy it again, on one line"
    )]
    ForbiddenCharacter {
        /// Which secret was wanted.
        what: &'static str,
        /// Which character, counted from 1.
        position: usize,
    },
    /// The text begins with the scheme of the HTTP header.
    #[error(
        "the {what} begins with the word \"Bearer\": leave it out, it is added to the header automatically"
    )]
    BearerPrefix {
        /// Which secret was wanted.
        what: &'static str,
    },
    /// The text is far longer than any such secret.
    #[error("the {what} has {length} characters, more than the 8192 that are accepted")]
    TooLong {
        /// Which secret was wanted.
        what: &'static str,
        /// How many characters were given.
        length: usize,
    },
}

/// Why no secret was read from a file. The file is named unless it does not exist: what is no file may be the secret itself,
/// given in place of the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// There is no such file.
    #[error("the file does not exist")]
    Missing(#[source] io::Error),
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than any file with a secret.
    #[error("{} has more than {limit} bytes: this cannot be the right file", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: usize,
    },
    /// The file is empty, or its first line is.
    #[error("the first line of {} is empty", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file has NUL bytes.
    #[error("{} has NUL bytes: it is a binary file, or UTF-16 without a byte order mark", .path.display())]
    NulBytes {
        /// The file.
        path: PathBuf,
    },
    /// The file is not text.
    #[error("{} is neither UTF-8 nor UTF-16 text", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
}

impl SecretFileError {
    /// Returns what to do about it, where there is something to say.
    pub fn help(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Missing(_) => {
                "give the name of a file that has the secret in its first line, not the secret itself"
            }
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => "run as the user who owns the file",
                io::ErrorKind::IsADirectory => "give the path of a file, not of a directory",
                _ => return None,
            },
            Self::TooLarge { .. } => "give a file that has the secret in its first line",
            Self::Empty { .. } => "write the secret into the first line of the file",
            Self::NulBytes { .. } | Self::NotText { .. } => "save the file as UTF-8 text",
        }))
    }
}
