//! Files with secrets: read once, limited in size, and decoded.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    FoundSecret, ReadableByOthers, SecretFileError,
    decode::{self, NotText},
};

/// The maximum size of a secret file: 64 KiB.
pub const MAX_FILE_BYTES: usize = 64 * 1024;

/// The decoded text of a secret file, wiped from memory when dropped.
pub struct SecretFile {
    path: PathBuf,
    text: Zeroizing<String>,
    warning: Option<ReadableByOthers>,
}

impl SecretFile {
    /// Reads a file, a pipe or a device of at most [`MAX_FILE_BYTES`].
    ///
    /// # Errors
    ///
    /// [`SecretFileError`] if it cannot be read, is too large, or is not text.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SecretFileError> {
        let path = path.as_ref();
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => {
                SecretFileError::Missing(source)
            }
            _ => SecretFileError::Read {
                path: path.to_owned(),
                source,
            },
        };
        let file = fs::File::open(path).map_err(failed)?;
        let warning = ReadableByOthers::of(path, &file.metadata().map_err(failed)?);
        Ok(Self {
            warning,
            ..Self::from_reader(path, file)?
        })
    }

    /// Reads from another source, such as standard input. Errors contain the name in place of a path.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_reader(name: impl AsRef<Path>, reader: impl io::Read) -> Result<Self, SecretFileError> {
        let path = name.as_ref().to_owned();
        // One allocation of the maximum size, because growing would leave a copy of the secret in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
        if let Err(source) = io::Read::read_to_end(&mut reader.take(MAX_FILE_BYTES as u64 + 1), &mut bytes) {
            return Err(SecretFileError::Read { path, source });
        }
        if bytes.len() > MAX_FILE_BYTES {
            let limit = MAX_FILE_BYTES;
            return Err(SecretFileError::TooLarge { path, limit });
        }
        match decode::text(&bytes) {
            Ok(text) => Ok(Self {
                path,
                text,
                warning: None,
            }),
            Err(NotText::NulBytes) => Err(SecretFileError::NulBytes { path }),
            Err(NotText::Encoding) => Err(SecretFileError::NotText { path }),
        }
    }

    /// Returns the path, or the name given to [`from_reader`](Self::from_reader).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a warning if other users can access the file.
    pub fn warning(&self) -> Option<&ReadableByOthers> {
        self.warning.as_ref()
    }

    /// Returns the complete text, without a byte order mark.
    pub fn expose_text(&self) -> &str {
        &self.text
    }

    /// Returns the first line without its line end (LF, CRLF or CR). Spaces are part of it.
    ///
    /// # Errors
    ///
    /// [`SecretFileError::Empty`] if the line is empty.
    pub fn into_first_line(self) -> Result<FoundSecret, SecretFileError> {
        let line = self.text.split(['\n', '\r']).next().unwrap_or_default();
        if line.is_empty() {
            return Err(SecretFileError::Empty { path: self.path });
        }
        Ok(FoundSecret::new(Zeroizing::new(line.to_owned()), self.warning))
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretFile({:?}, [secret])", self.path)
    }
}
