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

    /// Announces how long the file will be at most, before the first piece, if the server states it.
    fn reserve(&mut self, bytes: usize) {
        let _ = bytes;
    }

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

    fn reserve(&mut self, bytes: usize) {
        // Without that much memory in one piece the buffer grows as the file arrives.
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

/// Writes the file beside its place under another name, and moves it there when it is checked.
///
/// A file that is there already is not overwritten, also where the file system has no links: there an empty file holds the
/// place for a moment, and would stay after a crash. On Unix only the owner may read the file. A commit that is under way
/// completes, even if nobody waits for it any more.
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
        let unchecked = place.with_file_name(name);
        // The guard is made where the file is: nobody may be left to take it.
        let (partial, file) = blocking(move || {
            let file = private_file(&unchecked)?;
            Ok((PartialFile(unchecked), file))
        })
        .await?;
        Ok(Self {
            place,
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
        let (place, partial) = (self.place, self.partial);
        blocking(move || {
            file.sync_all()?;
            move_to_free_place(&partial.0, &place)?;
            drop(partial);
            sync_folder(&place);
            Ok(place)
        })
        .await
    }
}

/// Moves a file without ever replacing another: a link, unlike a renamed file, never does.
fn move_to_free_place(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => move_by_claim(from, to),
        linked_or_taken => linked_or_taken,
    }
}

/// For file systems without links (exFAT, SMB, FUSE): takes the name first, then moves over its own empty file.
fn move_by_claim(from: &Path, to: &Path) -> io::Result<()> {
    drop(private_file(to)?);
    std::fs::rename(from, to).inspect_err(|_| {
        let _ = std::fs::remove_file(to);
    })
}

/// Makes a file that was not there; on Unix only its owner may read it.
fn private_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Lets the file's name outlast a crash, where the system does that for folders: the file itself is safe already.
fn sync_folder(place: &Path) {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = std::fs::File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // If it cannot be removed, nobody is left to be told.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// Begins something and goes away.
    fn begin<T>(work: impl Future<Output = T>) {
        let _ = pin!(work).poll(&mut Context::from_waker(Waker::noop()));
    }

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn nothing_stays_of_a_file_whose_opening_nobody_waits_for() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("file");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            for polls in 0..40 {
                let mut creating = pin!(FileSink::create(&place));
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
    fn a_file_moves_where_there_are_no_links() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, place) = (folder.path().join("part"), folder.path().join("file"));
        std::fs::write(&partial, "new").unwrap();
        move_by_claim(&partial, &place).unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn nothing_that_is_there_is_replaced_with_or_without_links() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, place) = (folder.path().join("part"), folder.path().join("file"));
        std::fs::write(&partial, "new").unwrap();
        std::fs::write(&place, "old").unwrap();
        for moved in [
            move_to_free_place(&partial, &place),
            move_by_claim(&partial, &place),
        ] {
            assert_eq!(moved.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read(&place).unwrap(), b"old");
        }
    }

    #[test]
    fn a_claim_is_given_up_when_nothing_can_be_moved_there() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("part");
        assert!(move_to_free_place(&missing, &folder.path().join("file")).is_err());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_commit_that_nobody_waits_for_completes() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("file");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let sink = FileSink::create(&place).await.unwrap();
            begin(sink.commit());
            while !place.exists() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
        drop(runtime);
        assert_eq!(names(folder.path()), ["file"]);
    }
}
