//! Where a decrypted file goes, unseen until all of it is checked.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt;

/// Takes a decrypted file piece by piece and makes it visible at the end, or never.
///
/// A sink that is dropped without [`commit`](MediaSink::commit) must leave nothing behind.
pub trait MediaSink: Send {
    /// What the finished file is.
    type Output: Send;

    /// Takes the next piece, of which nothing is checked yet.
    fn write(&mut self, piece: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Makes the file visible: every check has passed.
    fn commit(self) -> impl Future<Output = io::Result<Self::Output>> + Send;
}

/// Keeps the file in memory.
#[derive(Default)]
pub struct MemorySink {
    bytes: Vec<u8>,
}

impl MemorySink {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl MediaSink for MemorySink {
    type Output = Vec<u8>;

    async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    async fn commit(self) -> io::Result<Vec<u8>> {
        Ok(self.bytes)
    }
}

impl std::fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemorySink")
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// Writes the file beside its place under another name, and moves it there when it is checked.
///
/// A file that is there already is not overwritten. On Unix only the owner may read the file.
#[derive(Debug)]
pub struct FileSink {
    place: PathBuf,
    partial: PartialFile,
    file: fs::File,
}

/// The name that a file has while it is unchecked; it is removed when this is dropped.
#[derive(Debug)]
struct PartialFile(PathBuf);

impl FileSink {
    /// Starts a file whose place is `path`.
    ///
    /// # Errors
    /// What the file system says, in particular [`io::ErrorKind::AlreadyExists`] if something is in that place.
    pub async fn create(path: impl AsRef<Path> + Send) -> io::Result<Self> {
        let place = path.as_ref().to_owned();
        if fs::try_exists(&place).await? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random)
            .map_err(|_| io::Error::other("the system gives no random numbers"))?;
        name.push(format!(".{:016x}.part", u64::from_ne_bytes(random)));
        let partial = place.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = fs::OpenOptions::from(options).open(&partial).await?;
        Ok(Self {
            place,
            partial: PartialFile(partial),
            file,
        })
    }
}

impl MediaSink for FileSink {
    type Output = PathBuf;

    async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece).await
    }

    async fn commit(mut self) -> io::Result<PathBuf> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        // A link, unlike a renamed file, never replaces what is there.
        fs::hard_link(&self.partial.0, &self.place).await?;
        Ok(self.place)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // If it cannot be removed, nobody is left to be told.
        let _ = std::fs::remove_file(&self.0);
    }
}
