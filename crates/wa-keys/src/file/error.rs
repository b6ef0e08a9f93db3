//! Why a key file could not be read or written.

use std::{borrow::Cow, io, path::PathBuf};

use crate::KeyError;

/// Why a key file could not be read or written; every variant names the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was read, but the key in it is refused.
    #[error("{} holds no usable key", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The private key could not be encrypted; nothing was written.
    #[error("cannot encrypt the private key for {}", .path.display())]
    Protect {
        /// The file that was to be written.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The file is there and was not to be replaced.
    #[error("{} exists already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// What is there is a directory, a device, a pipe or a socket, which is never replaced.
    #[error("{} is not a regular file, so it is not replaced", .path.display())]
    NotAFile {
        /// What is in the way.
        path: PathBuf,
    },
    /// The file could not be written: what was there before is unchanged, or (when only making it durable failed) the new
    /// file is there whole.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FileError {
    /// Tells whether the file holds an encrypted private key and only its passphrase is missing.
    pub fn is_passphrase_needed(&self) -> bool {
        matches!(
            self,
            Self::Key {
                source: KeyError::PassphraseNeeded { .. },
                ..
            }
        )
    }

    /// Tells what to do about it, where there is something to say.
    pub fn help(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::Key { source, .. } | Self::Protect { source, .. } => return source.help(),
            Self::NotAFile { .. } => "give the path of a file; to see a key without a file, print it",
            Self::Exists { .. } => "choose another name: a key that is replaced is lost",
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => "run as the user who owns the key",
                io::ErrorKind::IsADirectory => "give the path of a file, not of a directory",
                _ => return None,
            },
            Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "make the directory first",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "choose a directory that you may write to"
                }
                io::ErrorKind::StorageFull => "make room on the file system",
                _ => return None,
            },
        };
        Some(Cow::Borrowed(text))
    }
}
