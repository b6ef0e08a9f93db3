//! Writes key files: a crash at any moment leaves the old contents or the new ones.

use std::{fs, io, io::Write as _, path::Path};

use wa_secrets::AtomicFile;

use super::{Existing, FileError};

/// Writes the contents to a new file with this mode, or, on request, in place of an existing file.
pub(super) fn write(path: &Path, contents: &[u8], mode: u32, existing: Existing) -> Result<(), FileError> {
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

fn try_write(path: &Path, contents: &[u8], mode: u32, existing: Existing) -> io::Result<()> {
    // Checked early to avoid a useless write; the move below is what guarantees it.
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let file = AtomicFile::create(path, mode)?;
    file.file().write_all(contents)?;
    match existing {
        Existing::Replace => file.replace(),
        Existing::Refuse => file.persist_new(),
    }
}
