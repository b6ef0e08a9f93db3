//! Warnings about secrets that can be used but are not safe or not plausible.

use std::{
    borrow::Cow,
    fmt, fs,
    path::{Path, PathBuf},
};

/// A warning: other users than its owner can access a file with a secret or a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadableByOthers {
    path: PathBuf,
    mode: u32,
}

impl ReadableByOthers {
    /// Returns the warning if the mode of a regular file lets its group or all users access it; `None` on
    /// systems without modes.
    pub fn of(path: &Path, metadata: &fs::Metadata) -> Option<Self> {
        let mode = mode(metadata)?;
        (metadata.is_file() && mode & 0o077 != 0).then(|| Self {
            path: path.to_owned(),
            mode,
        })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the permission bits, such as `0o644`.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed("remove the access with chmod 600"))
    }
}

impl fmt::Display for ReadableByOthers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} can be accessed by others (mode {:04o})",
            self.path.display(),
            self.mode
        )
    }
}

/// A warning about a secret that a program should print, or treat as an error in a strict mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretWarning {
    /// Other users can access the file of the secret.
    #[error("{0}")]
    ReadableByOthers(ReadableByOthers),
    /// The app secret does not look like Meta's app secrets
    /// ([`AppSecret::is_usual`](crate::AppSecret::is_usual)).
    #[error("the app secret is not 32 lowercase hexadecimal digits, as Meta's app secrets are")]
    UnusualAppSecret,
}

impl SecretWarning {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::ReadableByOthers(warning) => warning.remedy(),
            Self::UnusualAppSecret => Some(Cow::Borrowed(
                "copy it from the App Dashboard, \"App settings\", \"Basic\"; it is not the verify token \
                 of a webhook",
            )),
        }
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no mode")]
fn mode(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;

    Some(metadata.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<u32> {
    None
}
