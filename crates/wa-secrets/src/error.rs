//! Errors of secrets and of secret files.

use std::{borrow::Cow, io, path::PathBuf};

/// The reason why a text cannot be an access token or an app secret. The text is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The text is empty or blank.
    #[error("the {what} is empty")]
    Empty {
        /// Which secret was expected: "access token" or "app secret".
        what: &'static str,
    },
    /// The text contains a space, a control character, or a character outside ASCII.
    #[error("the {what} contains a character that is not allowed, at position {position}")]
    ForbiddenCharacter {
        /// Which secret was expected.
        what: &'static str,
        /// The position of the character, counted from 1.
        position: usize,
    },
    /// The text begins with the scheme of the HTTP header.
    #[error("the {what} begins with the word \"Bearer\"")]
    BearerPrefix {
        /// Which secret was expected.
        what: &'static str,
    },
    /// The text is much longer than any such secret.
    #[error("the {what} has {length} characters, more than 8192")]
    TooLong {
        /// Which secret was expected.
        what: &'static str,
        /// The number of characters.
        length: usize,
    },
}

impl SecretError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Empty { .. } => "copy it again from the App Dashboard",
            Self::ForbiddenCharacter { .. } => "copy it again, on one line",
            Self::BearerPrefix { .. } => "leave the word out: it is added to the header automatically",
            Self::TooLong { .. } => "pass the secret itself, not a file or several secrets",
        }))
    }
}

/// The reason why no secret could be read from a file. The path is included unless the file does not exist,
/// because it may then be the secret itself, passed in place of the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// The file does not exist.
    #[error("the file does not exist")]
    Missing(#[source] io::Error),
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is larger than any secret file.
    #[error("{} has more than {limit} bytes and cannot be the right file", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The maximum size in bytes.
        limit: usize,
    },
    /// The file is empty, or its first line is.
    #[error("the first line of {} is empty", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file contains NUL bytes.
    #[error("{} contains NUL bytes: it is a binary file, or UTF-16 without a byte order mark", .path.display())]
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
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Missing(_) => {
                "pass the name of a file with the secret in its first line, not the secret itself"
            }
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => "run as the user who owns the file",
                io::ErrorKind::IsADirectory => "pass the path of a file, not of a directory",
                _ => return None,
            },
            Self::TooLarge { .. } => "pass a file with the secret in its first line",
            Self::Empty { .. } => "write the secret into the first line of the file",
            Self::NulBytes { .. } | Self::NotText { .. } => "save the file as UTF-8 text",
        }))
    }
}
