//! The files of keys and secrets, and the detection of changes.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

/// A longer file is not a PEM file: the authorities of a whole system take about 200 KB.
pub(crate) const PEM_LIMIT: usize = 4 * 1024 * 1024;

/// The file of a keys directory that is tried first.
const CURRENT: &str = "current.pem";

/// The metadata of files, to detect changes. For a directory, it is that of the key files in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<(PathBuf, Option<FileStamp>)>);

/// The metadata of a file, to detect changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileStamp {
    modified: Option<SystemTime>,
    length: u64,
    identity: Identity,
}

/// Device, inode and change time (ctime): a file that was moved into place, or whose mode changed, counts as
/// changed too.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Identity = ();

impl Stamp {
    pub(crate) fn of<'a>(paths: impl Iterator<Item = &'a Path>) -> Self {
        let mut stamps = Vec::new();
        for path in paths {
            match key_files(path) {
                Ok(files) => stamps.extend(files.into_iter().map(|file| {
                    let stamp = FileStamp::of(&file).ok();
                    (file, stamp)
                })),
                Err(_) => stamps.push((path.to_owned(), None)),
            }
        }
        Self(stamps)
    }
}

impl FileStamp {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            identity: identity(&metadata),
        })
    }
}

/// Returns the key files of a path, in the order in which they are tried.
///
/// The path of a file is returned unchanged. Of a directory, these are the files whose names end in `.pem`
/// and do not begin with a dot: `current.pem`, then from the highest name to the lowest, so that names with a
/// date or a number put the newest first.
pub(crate) fn key_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let name_text = name.to_string_lossy();
        let file = path.join(&name);
        if name_text.ends_with(".pem") && !name_text.starts_with('.') && !file.is_dir() {
            files.push((name_text == CURRENT, name.clone(), file));
        }
    }
    files.sort_by(|one, other| (other.0, &other.1).cmp(&(one.0, &one.1)));
    Ok(files.into_iter().map(|(_, _, file)| file).collect())
}

/// Refuses an existing path that is not a regular file: reading a pipe or a device can block, or work only
/// once.
pub(crate) fn refuse_special(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file, so it cannot be re-read when it changes",
        )),
        _ => Ok(()),
    }
}

/// Reads a regular file that is no longer than `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    refuse_special(path)?;
    // Allocated once: growing the buffer would leave copies that are not wiped.
    let length = fs::metadata(path)?.len();
    if length > limit as u64 {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {limit} bytes: this cannot be the right file"),
        ));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        limit.min(usize::try_from(length).unwrap_or(limit)) + 1,
    ));
    fs::File::open(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;

    (
        metadata.dev(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn current_comes_first_then_the_highest_name_and_what_is_no_key_file_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        for name in [
            "2026-01.pem",
            "current.pem",
            "2026-10.pem",
            "2026-02.pem",
            ".hidden.pem",
            "public.key",
            "zz.pem~",
        ] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        fs::create_dir(directory.path().join("old.pem")).unwrap();
        let files = key_files(directory.path()).unwrap();
        let names: Vec<_> = files
            .iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["current.pem", "2026-10.pem", "2026-02.pem", "2026-01.pem"]
        );
    }

    #[test]
    fn a_stamp_differs_when_a_file_comes_goes_or_is_replaced_by_one_of_its_size() {
        let directory = tempfile::tempdir().unwrap();
        let stamp = || Stamp::of(std::iter::once(directory.path()));
        let (a, b) = (directory.path().join("a.pem"), directory.path().join("b.tmp"));
        let empty = stamp();
        fs::write(&a, "one").unwrap();
        let one = stamp();
        assert_ne!(one, empty);
        assert_eq!(one, stamp());
        fs::write(&b, "two").unwrap();
        assert_eq!(one, stamp());
        fs::rename(&b, &a).unwrap();
        assert_ne!(one, stamp());
        fs::remove_file(&a).unwrap();
        assert_eq!(empty, stamp());
    }
}
