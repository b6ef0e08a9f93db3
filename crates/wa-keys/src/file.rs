//! Key files: private ones are created with mode 0600, never over an existing file unless asked, and written so that a
//! crash leaves the old file or the new one.
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

use self::atomic::Mode;
use crate::{Inspection, Passphrase, PrivateKey, Protection, PublicKey};

/// What to do when the file to be written is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Leave it as it is and fail.
    #[default]
    Refuse,
    /// Replace it; a symbolic link is itself replaced, what it points to is not touched.
    Replace,
}

/// What was read from a file, and what is to be said about the file.
#[derive(Debug)]
pub struct Read<T> {
    value: T,
    warning: Option<ReadableByOthers>,
}

impl<T> Read<T> {
    /// Gives what was read.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Takes what was read.
    pub fn into_value(self) -> T {
        self.value
    }

    /// Tells when a file with a private key can be read by others.
    pub fn warning(&self) -> Option<&ReadableByOthers> {
        self.warning.as_ref()
    }
}

/// Reads a private key in any form; see [`PrivateKey::parse`].
///
/// # Errors
///
/// [`FileError`] names the path; its source says what is wrong with the key.
pub fn read_private_key(
    path: impl AsRef<Path>,
    passphrase: Option<&Passphrase>,
) -> Result<Read<PrivateKey>, FileError> {
    KeyFile::open(path)?.private_key(passphrase)
}

/// Reads a public key in any form; see [`PublicKey::parse`].
///
/// # Errors
///
/// [`FileError`] names the path; its source says what is wrong with the key.
pub fn read_public_key(path: impl AsRef<Path>) -> Result<PublicKey, FileError> {
    KeyFile::open(path)?.public_key()
}

/// Reads a public key, or the public half of a private key; see [`PublicKey::parse_or_derive`]. The warning is given for
/// private keys only.
///
/// # Errors
///
/// [`FileError`] names the path; its source says what is wrong with the key.
pub fn read_or_derive_public_key(
    path: impl AsRef<Path>,
    passphrase: Option<&Passphrase>,
) -> Result<Read<PublicKey>, FileError> {
    KeyFile::open(path)?.public_half(passphrase)
}

/// Tells what a file holds; see [`inspect`](crate::inspect()). The warning is given for private keys only.
///
/// # Errors
///
/// [`FileError`] names the path; its source says why nothing can be told.
pub fn inspect(path: impl AsRef<Path>) -> Result<Read<Inspection>, FileError> {
    KeyFile::open(path)?.inspect()
}

/// Writes the unencrypted PKCS#8 PEM with mode 0600.
///
/// # Errors
///
/// [`FileError::Exists`] when the file is there and is not to be replaced; otherwise what the file system said.
pub fn write_private_key(
    path: impl AsRef<Path>,
    key: &PrivateKey,
    existing: Existing,
) -> Result<(), FileError> {
    atomic::write(
        path.as_ref(),
        key.secret_pkcs8_pem().expose_secret().as_bytes(),
        Mode::Private,
        existing,
    )
}

/// Writes the encrypted PKCS#8 PEM with mode 0600; see [`PrivateKey::encrypted_pkcs8_pem`].
///
/// # Errors
///
/// As [`write_private_key`], and [`FileError::Protect`] when encryption fails.
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
    atomic::write(path, pem.as_bytes(), Mode::Private, existing)
}

/// Writes the canonical SPKI PEM with mode 0644 (less what the umask takes away).
///
/// # Errors
///
/// As [`write_private_key`].
pub fn write_public_key(
    path: impl AsRef<Path>,
    key: &PublicKey,
    existing: Existing,
) -> Result<(), FileError> {
    atomic::write(path.as_ref(), key.to_pem().as_bytes(), Mode::Public, existing)
}
