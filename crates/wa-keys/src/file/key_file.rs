//! A key file that is read and decoded once, because a pipe can be read only once.

use std::{
    fmt, fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{FileError, Read, ReadableByOthers};
use crate::{Contents, Inspection, KeyError, Passphrase, PrivateKey, PublicKey, limits::MAX_INPUT_BYTES};

/// The [`Contents`] of a key file, with its path for errors.
///
/// ```
/// use wa_keys::{Passphrase, file::KeyFile};
///
/// # let pipe = include_bytes!("../../tests/data/openssl/pkcs8.pem").as_slice();
/// # let ask = || Passphrase::new("");
/// let file = KeyFile::from_reader("standard input", pipe)?;
/// let passphrase = file.needs_passphrase().then(ask);
/// let key = file.private_key(passphrase.as_ref())?;
/// # Ok::<(), wa_keys::file::FileError>(())
/// ```
pub struct KeyFile {
    path: PathBuf,
    contents: Contents,
    warning: Option<ReadableByOthers>,
}

impl KeyFile {
    /// Reads a file, a pipe or a device, up to [`MAX_INPUT_BYTES`].
    ///
    /// # Errors
    ///
    /// [`FileError::Read`] with the error of the operating system, and [`FileError::Key`] if nothing in the
    /// file can be recognized.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let failed = |source| FileError::Read {
            path: path.to_owned(),
            source,
        };
        let file = fs::File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let warning = ReadableByOthers::of(path, &metadata);
        Ok(Self {
            warning,
            ..Self::from_reader(path, file)?
        })
    }

    /// Reads from any other source, up to [`MAX_INPUT_BYTES`]. Errors show `name` as the path.
    ///
    /// # Errors
    ///
    /// [`FileError::Read`] with the error of the reader, and [`FileError::Key`] if nothing in the input can
    /// be recognized.
    pub fn from_reader(name: impl AsRef<Path>, reader: impl io::Read) -> Result<Self, FileError> {
        let path = name.as_ref().to_owned();
        // Allocated at full size, because a reallocation would leave a copy of the secret in freed memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT_BYTES + 1));
        if let Err(source) = reader.take(MAX_INPUT_BYTES as u64 + 1).read_to_end(&mut bytes) {
            return Err(FileError::Read { path, source });
        }
        match Contents::read(&bytes) {
            Ok(contents) => Ok(Self {
                path,
                contents,
                warning: None,
            }),
            Err(source) => Err(FileError::Key { path, source }),
        }
    }

    /// Returns the path, or the name passed to [`from_reader`](Self::from_reader).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if nothing but a passphrase is missing to read the private key.
    pub fn needs_passphrase(&self) -> bool {
        self.contents.needs_passphrase()
    }

    /// Reads a private key in any format; see [`PrivateKey::parse`].
    ///
    /// # Errors
    ///
    /// [`FileError::Key`] names the path; its source is the [`KeyError`].
    pub fn private_key(&self, passphrase: Option<&Passphrase>) -> Result<Read<PrivateKey>, FileError> {
        let value = self
            .contents
            .private(passphrase)
            .map_err(|source| self.refused(source))?;
        Ok(self.read(value, true))
    }

    /// Reads a public key in any format; see [`PublicKey::parse`].
    ///
    /// # Errors
    ///
    /// The errors of [`private_key`](Self::private_key).
    pub fn public_key(&self) -> Result<PublicKey, FileError> {
        self.contents.public().map_err(|source| self.refused(source))
    }

    /// Reads a public key, or the public half of a private key; see [`PublicKey::parse_or_derive`].
    ///
    /// Only a private key causes a warning.
    ///
    /// # Errors
    ///
    /// The errors of [`private_key`](Self::private_key).
    pub fn public_half(&self, passphrase: Option<&Passphrase>) -> Result<Read<PublicKey>, FileError> {
        let value = self
            .contents
            .public_half(passphrase)
            .map_err(|source| self.refused(source))?;
        Ok(self.read(value, self.contents.has_private_key()))
    }

    /// Describes the contents; see [`inspect`](crate::inspect()).
    ///
    /// Only a private key causes a warning.
    ///
    /// # Errors
    ///
    /// [`FileError::Key`] names the path; its source is the [`KeyError`].
    pub fn inspect(&self) -> Result<Read<Inspection>, FileError> {
        let value = self.contents.inspect().map_err(|source| self.refused(source))?;
        let is_private = value.is_private();
        Ok(self.read(value, is_private))
    }

    fn read<T>(&self, value: T, is_private: bool) -> Read<T> {
        let warning = self.warning.clone().filter(|_| is_private);
        Read { value, warning }
    }

    fn refused(&self, source: KeyError) -> FileError {
        FileError::Key {
            path: self.path.clone(),
            source,
        }
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({:?}, [secret])", self.path)
    }
}
