//! Destinations of a decrypted file, which appears there only after every check has passed.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt;
use wa_secrets::AtomicFile;

/// Receives a decrypted file piece by piece, and makes it visible only when it is complete.
///
/// A sink that is dropped without [`commit`](MediaSink::commit) must leave nothing behind.
pub trait MediaSink: Send {
    /// The finished file: its content or its path.
    type Output: Send;

    /// Announces the maximum length of the file before the first piece, if the server states a length.
    fn reserve(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// Receives the next piece, which is not verified yet.
    fn write(&mut self, piece: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Makes the file visible; called once every check has passed.
    fn commit(self) -> impl Future<Output = io::Result<Self::Output>> + Send;
}

/// Keeps the file in memory.
#[derive(Default)]
pub struct MemorySink {
    bytes: Vec<u8>,
}

impl MemorySink {
    /// Creates an empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl MediaSink for MemorySink {
    type Output = Vec<u8>;

    fn reserve(&mut self, bytes: usize) {
        // If that much memory cannot be allocated at once, the buffer grows as the file arrives.
        let _ = self.bytes.try_reserve_exact(bytes);
    }

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

/// Writes the file under a temporary name in the same directory, and moves it to its path once it is
/// verified.
///
/// An existing file is never overwritten, and on Unix only the owner can read the new one: see
/// [`AtomicFile`]. A commit that has started completes even if its future is dropped.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    unfinished: AtomicFile,
    file: fs::File,
}

impl FileSink {
    /// Creates the temporary file for the file at `path`.
    ///
    /// # Errors
    ///
    /// Returns the error of the file system, in particular [`io::ErrorKind::AlreadyExists`] if `path` exists.
    pub async fn create(path: impl AsRef<Path> + Send) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        // If this future is dropped before the closure ends, the file is removed when the closure does.
        blocking(move || {
            if path.try_exists()? {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let unfinished = AtomicFile::create(&path, AtomicFile::PRIVATE)?;
            let file = unfinished.file().try_clone()?.into();
            Ok(Self {
                path,
                unfinished,
                file,
            })
        })
        .await
    }
}

impl MediaSink for FileSink {
    type Output = PathBuf;

    async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece).await
    }

    async fn commit(mut self) -> io::Result<PathBuf> {
        self.file.flush().await?;
        let (path, unfinished) = (self.path, self.unfinished);
        blocking(move || unfinished.persist_new().map(|()| path)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// Polls a future once and drops it.
    fn begin<T>(work: impl Future<Output = T>) {
        let _ = pin!(work).poll(&mut Context::from_waker(Waker::noop()));
    }

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_dropped_creation_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            for polls in 0..40 {
                let mut creating = pin!(FileSink::create(&path));
                for _ in 0..=polls % 4 {
                    if creating
                        .as_mut()
                        .poll(&mut Context::from_waker(Waker::noop()))
                        .is_ready()
                    {
                        break;
                    }
                    std::thread::sleep(std::time::Duration::from_micros(100));
                }
            }
        });
        drop(runtime);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_dropped_commit_completes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let sink = FileSink::create(&path).await.unwrap();
            begin(sink.commit());
            while !path.exists() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
        drop(runtime);
        assert_eq!(names(folder.path()), ["file"]);
    }
}
