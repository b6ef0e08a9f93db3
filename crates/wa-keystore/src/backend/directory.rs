//! A key store in a directory.
//!
//! `object_store`'s own file system is not used: it creates files with mode 0644 and does not flush them.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::backend::{Backend, BackendError, Created, Listed, OBJECT_LIMIT, Object};
use crate::warning::{self, StoreWarning};

/// What names of files that are being written begin with; listings leave them out.
const UNFINISHED: &str = ".unfinished-";
/// Where a check of the storage writes.
const PROBES: &str = "check/";
/// The longest time that one call waits for the file system.
const DEADLINE: Duration = Duration::from_secs(30);

/// A directory that keeps a key store.
///
/// Files are created with mode 0600, folders with 0700. A file appears whole, under its name, after it was
/// flushed to the disk; a crash leaves at most a file whose name begins with `.unfinished-`, which nothing
/// reads.
#[derive(Debug, Clone)]
pub struct Directory {
    root: Arc<Path>,
}

impl Directory {
    /// Returns a store's directory; it is created with the first object.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into().into(),
        }
    }

    /// Returns the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Runs what blocks outside of the runtime's threads, with a deadline: a network file system may hang.
    async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        path: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BackendError> {
        let full = self.root.join(path);
        let shown = full.display().to_string();
        match timeout(DEADLINE, spawn_blocking(move || work(&full))).await {
            Ok(Ok(result)) => result.map_err(|error| BackendError::new(what, shown, error)),
            Ok(Err(ending)) => Err(BackendError::new(what, shown, ending)),
            Err(elapsed) => Err(BackendError::new(what, shown, elapsed)),
        }
    }
}

#[async_trait]
impl Backend for Directory {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        let work = move |path: &Path| create(path, &content);
        self.blocking("writing", path, work).await
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        let work = move |path: &Path| {
            let folder = folder_of(path)?;
            create_folders(folder)?;
            let written = write_unfinished(folder, &content)?;
            written.persist(path).map_err(|error| error.error)?;
            sync_folder(folder)
        };
        self.blocking("writing", path, work).await
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        self.blocking("reading", path, read).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        self.blocking("listing", folder, list).await
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        let is_probe = path.starts_with(PROBES);
        let work = move |path: &Path| match fs::remove_file(path) {
            Ok(()) => {
                let folder = folder_of(path)?;
                sync_folder(folder)?;
                if is_probe {
                    remove_empty(folder);
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        self.blocking("deleting", path, work).await
    }

    async fn warnings(&self) -> Vec<StoreWarning> {
        let work = |path: &Path| Ok(warning::of_directory(path));
        // Without the permission to look there is nothing to warn of.
        self.blocking("inspecting", "", work).await.unwrap_or_default()
    }
}

fn create(path: &Path, content: &[u8]) -> io::Result<Created> {
    // What exists is most often known before anything is written.
    if path.symlink_metadata().is_ok() {
        return Ok(Created::Existed);
    }
    let folder = folder_of(path)?;
    create_folders(folder)?;
    let written = write_unfinished(folder, content)?;
    match written.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::Existed),
        Err(error) => return Err(error.error),
    }
    sync_folder(folder)?;
    Ok(Created::New)
}

fn folder_of(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no folder"))
}

/// Creates folders that only their owner can enter, and makes each durable in its parent.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_folders(parent)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Ok(()) => sync_folder(parent),
        // Another writer was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_unfinished(folder: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    // `tempfile` creates files with mode 0600.
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Removes the folder of a check and its parent, if they are empty. Other folders stay, because a writer may
/// be about to create a file in them.
fn remove_empty(folder: &Path) {
    if fs::remove_dir(folder).is_ok()
        && let Some(parent) = folder.parent()
    {
        let _ = fs::remove_dir(parent);
    }
}

/// Makes the entries of a folder durable, where the system can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Option<Object>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Zeroizing::new(Vec::new());
    file.take(OBJECT_LIMIT as u64 + 1).read_to_end(&mut content)?;
    if content.len() > OBJECT_LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is longer than 1 MiB",
        ));
    }
    Ok(Some(Object::new(content, metadata.modified().ok())))
}

fn list(folder: &Path) -> io::Result<Vec<Listed>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut listed = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // Hidden files are unfinished ones, and what editors and file systems leave.
        if !name.starts_with('.') {
            let is_folder = entry.path().is_dir();
            listed.push(Listed { name, is_folder });
        }
    }
    Ok(listed)
}
