//! What every backend must do: one suite for all.

use std::sync::Arc;

use super::*;
use crate::{Directory, Memory};

async fn conforms(backend: Arc<dyn Backend>) {
    let content = |text: &'static str| Bytes::from_static(text.as_bytes());

    // Reading and listing what is not there.
    assert!(backend.read("a/b.json").await.unwrap().is_none());
    assert_eq!(backend.list("a").await.unwrap(), []);
    backend.delete("a/b.json").await.unwrap();

    // Creating: once, and never over what exists.
    assert_eq!(
        backend.create("a/b.json", content("one")).await.unwrap(),
        Created::New
    );
    assert_eq!(
        backend.create("a/b.json", content("two")).await.unwrap(),
        Created::Existed
    );
    let read = backend.read("a/b.json").await.unwrap().unwrap();
    assert_eq!(read.expose_content(), b"one");
    assert!(read.modified().is_some());

    // Overwriting.
    backend.overwrite("a/b.json", content("three")).await.unwrap();
    backend.overwrite("a/new.json", content("four")).await.unwrap();
    let read = backend.read("a/b.json").await.unwrap().unwrap();
    assert_eq!(read.expose_content(), b"three");

    // Listing shows one level.
    backend.create("a/deep/er.json", content("")).await.unwrap();
    backend.create("ab/other.json", content("")).await.unwrap();
    let mut listed = backend.list("a").await.unwrap();
    listed.sort();
    let entries: Vec<_> = listed
        .iter()
        .map(|entry| (entry.name.as_str(), entry.is_folder))
        .collect();
    assert_eq!(entries, [("b.json", false), ("deep", true), ("new.json", false)]);

    // Deleting.
    backend.delete("a/b.json").await.unwrap();
    backend.delete("a/b.json").await.unwrap();
    assert!(backend.read("a/b.json").await.unwrap().is_none());

    // Of many creators, one wins, and what it wrote is there.
    for round in 0..20 {
        let path = format!("race/{round}.json");
        let mut writers = Vec::new();
        for writer in 0..8 {
            let (backend, path) = (Arc::clone(&backend), path.clone());
            writers.push(tokio::spawn(async move {
                let content = Bytes::from(format!("writer {writer}"));
                let created = backend.create(&path, content).await.unwrap();
                (writer, created)
            }));
        }
        let mut winners = Vec::new();
        for writer in writers {
            if let (writer, Created::New) = writer.await.unwrap() {
                winners.push(writer);
            }
        }
        let read = backend.read(&path).await.unwrap().unwrap();
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(read.expose_content(), format!("writer {}", winners[0]).as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    conforms(Arc::new(Memory::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(Arc::new(Directory::new(folder.path().join("to be created")))).await;
}

#[cfg(unix)]
#[tokio::test]
async fn files_and_folders_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let directory = Directory::new(&root);
    directory.create("private/a.pem", Bytes::new()).await.unwrap();
    directory
        .overwrite("instances/b.json", Bytes::new())
        .await
        .unwrap();
    let mode = |path: &str| root.join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("private/a.pem"), mode("instances/b.json")), (0o600, 0o600));
    assert_eq!((mode(""), mode("private")), (0o700, 0o700));
}

#[tokio::test]
async fn unfinished_files_are_no_objects() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path());
    directory.create("a/b.json", Bytes::new()).await.unwrap();
    std::fs::write(folder.path().join("a/.unfinished-x"), "half").unwrap();
    assert_eq!(directory.list("a").await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_object_that_is_too_long_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("long"), vec![0; OBJECT_LIMIT + 1]).unwrap();
    let error = Directory::new(directory.path()).read("long").await.unwrap_err();
    assert!(error.to_string().contains("reading"), "{error}");
}
