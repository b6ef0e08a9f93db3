//! Errors of reading and writing key files.

use std::{borrow::Cow, io, path::PathBuf};

use crate::KeyError;

/// The reason for which a key file could not be read or written. Every variant names the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file was read, but its key is refused.
    #[error("{} contains no usable key", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: KeyError,
    },
    /// The private key could not be encrypted; nothing was written.
    #[error("cannot encrypt the private key for {}", .path.display())]
    Protect {
        /// The file to be written.
        path: PathBuf,
        /// The reason.
        source: KeyError,
    },
    /// The file already exists, and replacing it was not requested.
    #[error("{} already exists", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The path is a directory, a device, a pipe or a socket, which is never replaced.
    #[error("{} is not a regular file, so it is not replaced", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file could not be written. The previous file is unchanged, or, if only the final sync failed, the
    /// new file is complete.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl FileError {
    /// Returns whether the only problem is the missing passphrase of an encrypted private key.
    pub fn is_passphrase_needed(&self) -> bool {
        matches!(
            self,
            Self::Key {
                source: KeyError::PassphraseNeeded { .. },
                ..
            }
        )
    }

    /// Returns how to fix the problem, in one sentence without a command, if there is a known fix.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::Key { source, .. } | Self::Protect { source, .. } => return source.remedy(),
            Self::NotAFile { .. } => "specify the path of a regular file; to see the key, print it instead",
            Self::Exists { .. } => "choose another name: replacing the file would destroy its key",
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => "run as the user who owns the key",
                io::ErrorKind::IsADirectory => "specify the path of a file, not of a directory",
                _ => return None,
            },
            Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "create the directory first",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "choose a directory in which you have write permission"
                }
                io::ErrorKind::StorageFull => "free space on the file system",
                _ => return None,
            },
        };
        Some(Cow::Borrowed(text))
    }
}
