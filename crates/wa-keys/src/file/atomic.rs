//! Atomic writes: a crash at any moment leaves the old contents or the new ones.

use std::{
    ffi::OsString,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{Existing, FileError};

/// The permissions of the new file.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Private,
    Public,
}

/// Writes a temporary file in the same directory, syncs it, moves it to `path` and syncs the directory.
pub(super) fn write(path: &Path, contents: &[u8], mode: Mode, existing: Existing) -> Result<(), FileError> {
    // A rename over a device such as `/dev/null`, a pipe or a socket would remove it for every process.
    let is_replaceable = |found: fs::Metadata| found.is_file() || found.is_symlink();
    if existing == Existing::Replace && !path.symlink_metadata().map_or(true, is_replaceable) {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        });
    }
    try_write(path, contents, mode, existing).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists {
            path: path.to_owned(),
        },
        _ => FileError::Write {
            path: path.to_owned(),
            source,
        },
    })
}

fn try_write(path: &Path, contents: &[u8], mode: Mode, existing: Existing) -> io::Result<()> {
    // Checked early to avoid a useless write; the move below is what guarantees it.
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let temporary = Temporary(directory.join(temporary_name(name)?));
    let mut file = create(&temporary.0, mode)?;
    file.write_all(contents)?;
    file.sync_all()?;
    drop(file);
    match existing {
        Existing::Replace => fs::rename(&temporary.0, path)?,
        Existing::Refuse => move_to_free_name(&temporary.0, path)?,
    }
    // Removes the second name of a linked file before the sync, so that the removal is durable too.
    drop(temporary);
    sync_directory(directory)
}

/// A temporary file that is removed on drop unless it was moved.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename the file no longer has this name. A failure cannot be reported from `drop`.
        let _ = fs::remove_file(&self.0);
    }
}

fn temporary_name(name: &std::ffi::OsStr) -> io::Result<OsString> {
    let number = getrandom::u64().map_err(io::Error::other)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{number:016x}.tmp"));
    Ok(temporary)
}

fn create(path: &Path, mode: Mode) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(match mode {
            Mode::Private => 0o600,
            Mode::Public => 0o644,
        });
    }
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

/// Moves the file unless the name is taken; checking and moving is a single atomic operation.
fn move_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // The file system has no hard links: create an empty file to reserve the name, then rename over
            // it.
            create(to, Mode::Private)?;
            fs::rename(from, to).inspect_err(|_| {
                let _ = fs::remove_file(to);
            })
        }
        linked_or_taken => linked_or_taken,
    }
}

/// Makes the new name durable where the system permits it; the file already has its name.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    match fs::File::open(directory) {
        // A directory with write permission but no read permission cannot be opened.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        opened => match opened?.sync_all() {
            // Some file systems cannot sync directories.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        },
    }
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
