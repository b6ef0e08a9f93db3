//! Reads and writes key files.
//!
//! Private keys are created with mode 0600. An existing file is replaced only on request
//! ([`Existing::Replace`]), and writes are atomic: after a crash, either the old file or the new one is
//! there.
//!
//! ```
//! use wa_keys::{Protection, PrivateKey, file::{self, Existing}};
//!
//! # #[cfg(feature = "generate")] {
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("private.pem");
//! let key = PrivateKey::generate()?;
//! file::write_private_key(&path, &key, Existing::Refuse)?;
//! let read = file::read_private_key(&path, None)?;
//! assert_eq!(read.value(), &key);
//! assert!(read.warning().is_none());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic;
mod error;
mod key_file;
mod key_text;

pub use self::{error::FileError, key_file::KeyFile, key_text::is_key_text};
pub use wa_secrets::ReadableByOthers;

use std::path::Path;

use wa_secrets::AtomicFile;

use crate::{Inspection, Passphrase, PrivateKey, Protection, PublicKey};

/// How to treat an existing file at the path to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Existing {
    /// Keep it unchanged and return an error.
    #[default]
    Refuse,
    /// Replace it. A symbolic link is replaced itself; its target is unchanged.
    Replace,
}

/// A value that was read from a file, with a warning about the file if it needs one.
#[derive(Debug)]
pub struct Read<T> {
    value: T,
    warning: Option<ReadableByOthers>,
}

impl<T> Read<T> {
    /// Returns the value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Consumes the result and returns the value.
    pub fn into_value(self) -> T {
        self.value
    }

    /// Returns a warning if the file contains a private key and other users can access it.
    pub fn warning(&self) -> Option<&ReadableByOthers> {
        self.warning.as_ref()
    }
}

/// Reads a private key in any format; see [`PrivateKey::parse`].
///
/// # Errors
///
/// [`FileError`] names the path; its source is the [`KeyError`](crate::KeyError) if the key is refused.
pub fn read_private_key(
    path: impl AsRef<Path>,
    passphrase: Option<&Passphrase>,
) -> Result<Read<PrivateKey>, FileError> {
    KeyFile::open(path)?.private_key(passphrase)
}

/// Reads a public key in any format; see [`PublicKey::parse`].
///
/// # Errors
///
/// [`FileError`] names the path; its source is the [`KeyError`](crate::KeyError) if the key is refused.
pub fn read_public_key(path: impl AsRef<Path>) -> Result<PublicKey, FileError> {
    KeyFile::open(path)?.public_key()
}

/// Reads a public key, or the public half of a private key; see [`PublicKey::parse_or_derive`].
///
/// Only a private key causes a warning.
///
/// # Errors
///
/// [`FileError`] names the path; its source is the [`KeyError`](crate::KeyError) if the key is refused.
pub fn read_or_derive_public_key(
    path: impl AsRef<Path>,
    passphrase: Option<&Passphrase>,
) -> Result<Read<PublicKey>, FileError> {
    KeyFile::open(path)?.public_half(passphrase)
}

/// Describes the contents of a file; see [`inspect`](crate::inspect()).
///
/// Only a private key causes a warning.
///
/// # Errors
///
/// [`FileError`] names the path; its source is the [`KeyError`](crate::KeyError) if nothing can be
/// recognized.
pub fn inspect(path: impl AsRef<Path>) -> Result<Read<Inspection>, FileError> {
    KeyFile::open(path)?.inspect()
}

/// Writes a private key as unencrypted PKCS#8 PEM with mode 0600.
///
/// # Errors
///
/// [`FileError::Exists`] if the file exists and `existing` is [`Existing::Refuse`], [`FileError::NotAFile`]
/// if it is not a regular file, and [`FileError::Write`] with the error of the file system.
pub fn write_private_key(
    path: impl AsRef<Path>,
    key: &PrivateKey,
    existing: Existing,
) -> Result<(), FileError> {
    atomic::write(
        path.as_ref(),
        key.secret_pkcs8_pem().expose_secret().as_bytes(),
        AtomicFile::PRIVATE,
        existing,
    )
}

/// Writes the text of a private key, in the form that it has, with mode 0600.
///
/// # Errors
///
/// The errors of [`write_private_key`].
pub fn write_private_text(
    path: impl AsRef<Path>,
    text: impl AsRef<[u8]>,
    existing: Existing,
) -> Result<(), FileError> {
    atomic::write(path.as_ref(), text.as_ref(), AtomicFile::PRIVATE, existing)
}

/// Writes a private key as encrypted PKCS#8 PEM with mode 0600; see [`PrivateKey::encrypted_pkcs8_pem`].
///
/// # Errors
///
/// The errors of [`write_private_key`], and [`FileError::Protect`] if encryption fails.
pub fn write_encrypted_private_key(
    path: impl AsRef<Path>,
    key: &PrivateKey,
    passphrase: &Passphrase,
    protection: &Protection,
    existing: Existing,
) -> Result<(), FileError> {
    let path = path.as_ref();
    let pem = key
        .encrypted_pkcs8_pem(passphrase, protection)
        .map_err(|source| FileError::Protect {
            path: path.to_owned(),
            source,
        })?;
    atomic::write(path, pem.as_bytes(), AtomicFile::PRIVATE, existing)
}

/// Writes a public key as canonical SPKI PEM with mode 0644, restricted by the umask.
///
/// # Errors
///
/// The errors of [`write_private_key`].
pub fn write_public_key(
    path: impl AsRef<Path>,
    key: &PublicKey,
    existing: Existing,
) -> Result<(), FileError> {
    atomic::write(
        path.as_ref(),
        key.to_pem().as_bytes(),
        AtomicFile::PUBLIC,
        existing,
    )
}
