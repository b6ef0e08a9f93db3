//! Files that appear only when they are complete.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

/// A file that is written under a temporary name, and appears at its path only when it is complete.
///
/// The temporary file is in the same directory. A crash at any moment leaves the old contents of the path or
/// the new ones; dropping this value leaves the path unchanged. The methods block.
///
/// ```
/// use std::io::Write as _;
///
/// use wa_secrets::AtomicFile;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("private.pem");
/// let file = AtomicFile::create(&path, AtomicFile::PRIVATE)?;
/// file.file().write_all(b"complete")?;
/// assert!(!path.exists());
/// file.persist_new()?;
/// assert_eq!(std::fs::read(&path)?, b"complete");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    temporary: TempPath,
    file: File,
}

impl AtomicFile {
    /// The mode of a file that only its owner can access.
    pub const PRIVATE: u32 = 0o600;
    /// The mode of a file that everyone can read, restricted by the umask.
    pub const PUBLIC: u32 = 0o644;

    /// Creates the temporary file for the file at `path`. Its mode on Unix is `mode`, restricted by the
    /// umask.
    ///
    /// # Errors
    ///
    /// Returns the error of the file system, and [`io::ErrorKind::IsADirectory`] if `path` has no file name.
    pub fn create(path: impl Into<PathBuf>, mode: u32) -> io::Result<Self> {
        let path = path.into();
        let mut prefix = OsString::from(".");
        prefix.push(path.file_name().ok_or(io::ErrorKind::IsADirectory)?);
        prefix.push(".");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".tmp").rand_bytes(16);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        #[cfg(not(unix))]
        let _ = mode;
        let (file, temporary) = builder.tempfile_in(directory_of(&path))?.into_parts();
        Ok(Self {
            path,
            temporary,
            file,
        })
    }

    /// Returns the open temporary file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Moves the file to its path, unless something is there: checking and moving is a single operation.
    ///
    /// On file systems that can neither rename without replacing nor make hard links, an empty file reserves
    /// the path for a moment, and would remain after a crash.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`], or the error of the file system.
    pub fn persist_new(self) -> io::Result<()> {
        self.file.sync_all()?;
        match self.temporary.persist_noclobber(&self.path) {
            Ok(()) => {}
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => return Err(taken.error),
            Err(failed) => persist_reserved(failed.path, &self.path)?,
        }
        sync(directory_of(&self.path))
    }

    /// Moves the file to its path. A file or a symbolic link that is there is replaced; a link's target is
    /// unchanged.
    ///
    /// # Errors
    ///
    /// Returns the error of the file system. If only the last sync failed, the new file is complete.
    pub fn replace(self) -> io::Result<()> {
        self.file.sync_all()?;
        self.temporary.persist(&self.path)?;
        sync(directory_of(&self.path))
    }
}

/// Reserves the path with an empty file, then renames over it.
fn persist_reserved(temporary: TempPath, path: &Path) -> io::Result<()> {
    File::create_new(path)?;
    temporary.persist(path).map_err(|failed| {
        // The reserved path is free again; a failure to remove it cannot be reported as well.
        let _ = fs::remove_file(path);
        failed.error
    })
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the new name durable where the system permits it; the file already has its name.
fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(directory) {
        // A directory with write permission but no read permission cannot be opened.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        opened => match opened?.sync_all() {
            // Some file systems cannot sync directories.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    fn written(path: &Path) -> AtomicFile {
        let file = AtomicFile::create(path, AtomicFile::PRIVATE).unwrap();
        file.file().write_all(b"new").unwrap();
        file
    }

    #[test]
    fn an_unfinished_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder.path().join("file"));
        let unfinished = names(folder.path());
        let name = unfinished.first().unwrap().to_str().unwrap();
        let random = name
            .strip_prefix(".file.")
            .and_then(|rest| rest.strip_suffix(".tmp"));
        assert!(random.is_some(), "{name}");
        drop(file);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn an_existing_file_is_replaced_only_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let reserved = written(&path);
        for refused in [
            written(&path).persist_new(),
            persist_reserved(reserved.temporary, &path),
        ] {
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).unwrap(), b"old");
        }
        written(&path).replace().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn a_file_moves_without_hard_links() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        persist_reserved(written(&path).temporary, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn a_failed_move_leaves_the_path_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = written(&path);
        fs::remove_file(&file.temporary).unwrap();
        assert!(file.persist_new().is_err());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn modes_are_those_requested() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("private", AtomicFile::PRIVATE), ("public", AtomicFile::PUBLIC)] {
            let path = folder.path().join(name);
            AtomicFile::create(&path, mode).unwrap().persist_new().unwrap();
            let found = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            // The umask may remove permissions of others.
            assert_eq!((found & 0o700, found & !mode), (0o600, 0), "{name}: {found:o}");
        }
    }
}
