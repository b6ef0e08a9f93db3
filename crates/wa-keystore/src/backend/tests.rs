//! What is special about the directory; what every backend must do is checked by `tests/it/conformance.rs`.

use super::*;
use crate::Directory;

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
