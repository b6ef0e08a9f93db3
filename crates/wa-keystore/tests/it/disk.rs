//! A directory on a disk that is full, and files that a crash left.

use std::path::Path;
use std::process::Command;

use wa_keystore::{Backend as _, Directory, KeyStore};

use crate::support::key;

/// A file system of 64 KiB; unmounted with the test.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    /// None without the permission to mount.
    fn mount(folder: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: a small file system cannot be mounted here");
        }
        mounted.then_some(Self(folder))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).output();
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_writing_continues_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_small) = Small::mount(folder.path()) else {
        return;
    };
    let store = KeyStore::open_or_create(Directory::new(folder.path()))
        .await
        .unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    let filler = folder.path().join("filler");
    std::fs::write(&filler, vec![0; 64 * 1024]).unwrap_err();

    let error = set.add(&mut log, &key(1)).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("No space left"), "{source}");
    let read = set.read().await.unwrap();
    assert_eq!((read.last(), read.faults().len()), (1, 0));
    let stored = set.stored_keys().await.unwrap();
    assert_eq!(stored.len(), 1, "no half-written key: {stored:?}");
    for found in std::fs::read_dir(folder.path().join("private/one")).unwrap() {
        let name = found.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with('.'), "unfinished files are removed: {name}");
    }

    std::fs::remove_file(filler).unwrap();
    set.add(&mut log, &key(1)).await.unwrap();
    assert_eq!(set.read().await.unwrap(), log);
}

#[tokio::test]
async fn a_file_that_a_crash_left_half_written_is_no_object() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path());
    let store = KeyStore::open_or_create(directory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    for unfinished in [
        "private/one/.unfinished-abc",
        "sets/one/events/.unfinished-abc",
        "sets/one/events/00000002.json~",
        "sets/one/events/2.json",
    ] {
        std::fs::write(folder.path().join(unfinished), "{\"event\":\"dis").unwrap();
    }
    let read = set.read().await.unwrap();
    assert_eq!((read.last(), read.faults().len()), (1, 0));
    assert_eq!(directory.list("private/one").await.unwrap().len(), 1);
    set.promote(&mut log, key(0).fingerprint()).await.unwrap();
}
