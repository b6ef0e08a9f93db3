//! Writing a file so that a crash at any moment leaves the old content or the new.

use std::{
    ffi::OsString,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{Existing, FileError};

/// Who may read the file.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Private,
    Public,
}

/// Writes to a new file beside the target, syncs it, moves it into place and syncs the directory.
pub(super) fn write(path: &Path, contents: &[u8], mode: Mode, existing: Existing) -> Result<(), FileError> {
    // Renaming over a device, a pipe or a socket would take it away from everybody: `/dev/null` first of all.
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
    // Said early, so that nothing is written in vain; the move below is what decides.
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
    // The second name of a linked file goes before the sync, so that the sync makes that durable as well.
    drop(temporary);
    sync_directory(directory)
}

/// A file that is removed again unless it was moved away.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing to remove, and a failure cannot be reported from here.
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

/// Moves the file unless the name is taken, without a moment between the look and the move.
fn move_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // A file system without links: take the name first, then move over our own empty file.
            create(to, Mode::Private)?;
            fs::rename(from, to).inspect_err(|_| {
                let _ = fs::remove_file(to);
            })
        }
        linked_or_taken => linked_or_taken,
    }
}

/// Makes the new name durable as far as the system lets us: the file is in its place already.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    match fs::File::open(directory) {
        // A directory that may be written to but not listed cannot be opened.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        opened => match opened?.sync_all() {
            // Some file systems sync no directories.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        },
    }
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
