//! Destinations of a decrypted file, which appears there only after every check has passed.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt;

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
/// An existing file is never overwritten. On file systems without hard links, an empty file reserves the path
/// for a moment, and would remain after a crash. On Unix only the owner can read the file. A commit that has
/// started completes even if its future is dropped.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    partial: PartialFile,
    file: fs::File,
}

/// The path of the temporary file, which is removed when this is dropped.
#[derive(Debug)]
struct PartialFile(PathBuf);

impl FileSink {
    /// Creates the temporary file for the file at `path`.
    ///
    /// # Errors
    ///
    /// Returns the error of the file system, in particular [`io::ErrorKind::AlreadyExists`] if `path` exists.
    pub async fn create(path: impl AsRef<Path> + Send) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        if fs::try_exists(&path).await? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random)
            .map_err(|_| io::Error::other("the system's random source fails"))?;
        name.push(format!(".{:016x}.part", u64::from_ne_bytes(random)));
        let unchecked = path.with_file_name(name);
        // The guard is created together with the file: this future may be dropped before the closure ends.
        let (partial, file) = blocking(move || {
            let file = private_file(&unchecked)?;
            Ok((PartialFile(unchecked), file))
        })
        .await?;
        Ok(Self {
            path,
            partial,
            file: file.into(),
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
        let file = self.file.into_std().await;
        let (path, partial) = (self.path, self.partial);
        blocking(move || {
            file.sync_all()?;
            move_to_free_place(&partial.0, &path)?;
            drop(partial);
            sync_folder(&path);
            Ok(path)
        })
        .await
    }
}

/// Moves a file without replacing another: unlike a rename, a hard link never replaces a file.
fn move_to_free_place(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => move_by_claim(from, to),
        linked_or_taken => linked_or_taken,
    }
}

/// Moves a file on file systems without hard links (exFAT, SMB, FUSE): reserves the path with an empty file,
/// then renames over it.
fn move_by_claim(from: &Path, to: &Path) -> io::Result<()> {
    drop(private_file(to)?);
    std::fs::rename(from, to).inspect_err(|_| {
        let _ = std::fs::remove_file(to);
    })
}

/// Creates a file that must not exist; on Unix only its owner can read it.
fn private_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Syncs the directory, where the system supports that, so that the file's name survives a crash; its content
/// is already synced.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = std::fs::File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // A destructor cannot report the error.
        let _ = std::fs::remove_file(&self.0);
    }
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
    fn a_file_moves_without_hard_links() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, path) = (folder.path().join("part"), folder.path().join("file"));
        std::fs::write(&partial, "new").unwrap();
        move_by_claim(&partial, &path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn an_existing_file_is_not_replaced_with_or_without_hard_links() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, path) = (folder.path().join("part"), folder.path().join("file"));
        std::fs::write(&partial, "new").unwrap();
        std::fs::write(&path, "old").unwrap();
        for moved in [
            move_to_free_place(&partial, &path),
            move_by_claim(&partial, &path),
        ] {
            assert_eq!(moved.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read(&path).unwrap(), b"old");
        }
    }

    #[test]
    fn a_failed_move_removes_the_reserved_path() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("part");
        assert!(move_to_free_place(&missing, &folder.path().join("file")).is_err());
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
