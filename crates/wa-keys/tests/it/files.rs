//! Key files: modes, overwriting, crashes, symbolic links.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use wa_keys::{
    KeyError, Passphrase, PrivateKey, Protection,
    file::{self, Existing, FileError, KeyFile},
};

use crate::support::*;

fn key(name: &str) -> PrivateKey {
    PrivateKey::parse(data(name), None).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn private_keys_are_readable_by_the_owner_only_and_public_keys_by_all() {
    let directory = tempfile::tempdir().unwrap();
    let (private, public) = (
        directory.path().join("private.pem"),
        directory.path().join("public.pem"),
    );
    let encrypted = directory.path().join("encrypted.pem");
    let key = key("openssl/pkcs8.pem");
    let passphrase = Passphrase::new(PASSPHRASE);
    file::write_private_key(&private, &key, Existing::Refuse).unwrap();
    file::write_public_key(&public, key.public_key(), Existing::Refuse).unwrap();
    let protection = Protection::default();
    file::write_encrypted_private_key(&encrypted, &key, &passphrase, &protection, Existing::Refuse).unwrap();
    assert_eq!((mode(&private), mode(&encrypted)), (0o600, 0o600));
    assert_eq!(mode(&public) & 0o600, 0o600);
    assert_eq!(
        names(directory.path()),
        ["encrypted.pem", "private.pem", "public.pem"]
    );
    assert_eq!(fs::metadata(&private).unwrap().nlink(), 1);
    assert_eq!(file::read_private_key(&private, None).unwrap().value(), &key);
    assert_eq!(
        file::read_private_key(&encrypted, Some(&passphrase))
            .unwrap()
            .into_value(),
        key
    );
    assert_eq!(&file::read_public_key(&public).unwrap(), key.public_key());
    assert_eq!(
        file::read_or_derive_public_key(&private, None).unwrap().value(),
        key.public_key()
    );
}

#[cfg(unix)]
#[test]
fn reading_the_public_half_of_an_exposed_private_key_returns_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let (private, public) = (
        directory.path().join("private.pem"),
        directory.path().join("public.pem"),
    );
    let key = key("openssl/pkcs8.pem");
    file::write_private_key(&private, &key, Existing::Refuse).unwrap();
    file::write_public_key(&public, key.public_key(), Existing::Refuse).unwrap();
    let warned = |path| {
        file::read_or_derive_public_key(path, None)
            .unwrap()
            .warning()
            .is_some()
    };
    assert!(!warned(&private));
    for path in [&private, &public] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    assert!(warned(&private) && !warned(&public));
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_replaced() {
    use std::os::unix::fs::FileTypeExt;

    let directory = tempfile::tempdir().unwrap();
    let (socket, folder) = (directory.path().join("socket"), directory.path().join("folder"));
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    fs::create_dir(&folder).unwrap();
    let key = key("openssl/pkcs8.pem");
    for path in [&socket, &folder] {
        for existing in [Existing::Refuse, Existing::Replace] {
            file::write_private_key(path, &key, existing).unwrap_err();
        }
        let error = file::write_public_key(path, key.public_key(), Existing::Replace).unwrap_err();
        assert!(
            matches!(error, FileError::NotAFile { .. }) && error.remedy().is_some(),
            "{error:?}"
        );
    }
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!(names(directory.path()), ["folder", "socket"]);
}

#[test]
fn an_existing_file_is_replaced_only_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private.pem");
    let (old, new) = (key("openssl/pkcs8.pem"), key("node/pkcs8.pem"));
    file::write_private_key(&path, &old, Existing::Refuse).unwrap();
    let error = file::write_private_key(&path, &new, Existing::Refuse).unwrap_err();
    assert!(matches!(error, FileError::Exists { .. }), "{error:?}");
    assert!(error.to_string().contains("private.pem"));
    assert!(error.remedy().is_some());
    assert_eq!(file::read_private_key(&path, None).unwrap().value(), &old);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    file::write_private_key(&path, &new, Existing::Replace).unwrap();
    assert_eq!(file::read_private_key(&path, None).unwrap().value(), &new);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(names(directory.path()), ["private.pem"]);
}

#[test]
fn one_of_several_concurrent_writers_succeeds_and_none_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private.pem");
    let keys = [
        key("openssl/pkcs8.pem"),
        key("node/pkcs8.pem"),
        key("python/pkcs8.pem"),
        key("ssh/pkcs8.pem"),
    ];
    for _ in 0..20 {
        let won: Vec<&PrivateKey> = thread::scope(|scope| {
            let write = |key| {
                file::write_private_key(&path, key, Existing::Refuse)
                    .is_ok()
                    .then_some(key)
            };
            let writers: Vec<_> = keys.iter().map(|key| scope.spawn(move || write(key))).collect();
            writers
                .into_iter()
                .filter_map(|writer| writer.join().unwrap())
                .collect()
        });
        assert_eq!(won.len(), 1);
        assert_eq!(
            file::read_private_key(&path, None).unwrap().value(),
            *won.first().unwrap()
        );
        assert_eq!(names(directory.path()), ["private.pem"]);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn concurrent_readers_see_the_old_file_or_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private.pem");
    let keys = [key("openssl/pkcs8.pem"), key("node/pkcs8.pem")];
    file::write_private_key(&path, &keys[0], Existing::Refuse).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for key in keys.iter().cycle().take(60) {
                file::write_private_key(&path, key, Existing::Replace).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let read = file::read_private_key(&path, None).unwrap().into_value();
            assert!(keys.contains(&read));
        }
    });
}

#[test]
fn leftovers_of_a_crash_do_not_prevent_writing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private.pem");
    fs::write(
        directory.path().join(".private.pem.0123456789abcdef.tmp"),
        "half a k",
    )
    .unwrap();
    file::write_private_key(&path, &key("openssl/pkcs8.pem"), Existing::Refuse).unwrap();
    assert!(file::read_private_key(&path, None).is_ok());
}

#[test]
fn symbolic_links_are_not_followed_when_writing() {
    let directory = tempfile::tempdir().unwrap();
    let (target, link) = (directory.path().join("target"), directory.path().join("link.pem"));
    let dangling = directory.path().join("dangling.pem");
    fs::write(&target, "untouched").unwrap();
    symlink(&target, &link).unwrap();
    symlink(directory.path().join("nowhere"), &dangling).unwrap();
    let key = key("openssl/pkcs8.pem");
    for path in [&link, &dangling] {
        let error = file::write_private_key(path, &key, Existing::Refuse).unwrap_err();
        assert!(matches!(error, FileError::Exists { .. }), "{error:?}");
        file::write_private_key(path, &key, Existing::Replace).unwrap();
        assert!(path.symlink_metadata().unwrap().is_file());
        assert_eq!(mode(path), 0o600);
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    assert!(!directory.path().join("nowhere").exists());
}

#[test]
fn symbolic_links_are_followed_when_reading() {
    let directory = tempfile::tempdir().unwrap();
    let (target, link) = (
        directory.path().join("..data"),
        directory.path().join("private.pem"),
    );
    file::write_private_key(&target, &key("openssl/pkcs8.pem"), Existing::Refuse).unwrap();
    symlink(&target, &link).unwrap();
    let read = file::read_private_key(&link, None).unwrap();
    assert!(read.warning().is_none());
}

#[test]
fn a_private_key_that_others_can_access_causes_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private.pem");
    file::write_private_key(&path, &key("openssl/pkcs8.pem"), Existing::Refuse).unwrap();
    for open in [0o640, 0o604, 0o644, 0o666, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let read = file::read_private_key(&path, None).unwrap();
        let warning = read.warning().unwrap();
        assert_eq!((warning.mode(), warning.path()), (open, path.as_path()));
        assert!(warning.to_string().contains(&format!("{open:04o}")), "{warning}");
        assert!(warning.remedy().unwrap().contains("chmod 600"));
        assert!(file::inspect(&path).unwrap().warning().is_some());
    }
    for closed in [0o600, 0o400, 0o700] {
        fs::set_permissions(&path, fs::Permissions::from_mode(closed)).unwrap();
        assert!(file::read_private_key(&path, None).unwrap().warning().is_none());
    }
    let public = directory.path().join("public.pem");
    fs::write(&public, data("openssl/public.pem")).unwrap();
    fs::set_permissions(&public, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(file::inspect(&public).unwrap().warning().is_none());
}

#[test]
fn errors_of_reading_and_writing_name_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.pem");
    let error = file::read_private_key(&missing, None).unwrap_err();
    assert!(matches!(error, FileError::Read { .. }), "{error:?}");
    assert!(error.to_string().contains("missing.pem"));
    assert!(matches!(
        file::read_public_key(directory.path()),
        Err(FileError::Read { .. })
    ));
    let wrong = directory.path().join("wrong.pem");
    fs::write(&wrong, data("refused/ec-public.pem")).unwrap();
    let error = file::read_public_key(&wrong).unwrap_err();
    assert!(
        matches!(
            &error,
            FileError::Key {
                source: KeyError::NotRsa { .. },
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.remedy().unwrap().contains("generate"));
    let key = key("openssl/pkcs8.pem");
    let path = directory.path().join("unprotected.pem");
    let (passphrase, protection) = (Passphrase::new(""), Protection::default());
    let error = file::write_encrypted_private_key(&path, &key, &passphrase, &protection, Existing::Refuse)
        .unwrap_err();
    assert!(
        matches!(
            error,
            FileError::Protect {
                source: KeyError::EmptyPassphrase,
                ..
            }
        ),
        "{error:?}"
    );
    let nowhere = directory.path().join("no/such/directory.pem");
    assert!(matches!(
        file::write_private_key(&nowhere, &key, Existing::Refuse),
        Err(FileError::Write { .. })
    ));
    assert!(matches!(
        file::write_private_key("/", &key, Existing::Replace),
        Err(FileError::NotAFile { .. })
    ));
    assert!(file::write_private_key(directory.path(), &key, Existing::Replace).is_err());
    assert_eq!(names(directory.path()), ["wrong.pem"]);
}

#[test]
fn an_endless_file_is_read_up_to_the_limit() {
    let error = file::read_public_key("/dev/zero").unwrap_err();
    assert!(
        matches!(
            error,
            FileError::Key {
                source: KeyError::TooLarge { .. },
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_key_file_that_was_read_once_can_be_parsed_repeatedly() {
    let passphrase = Passphrase::new(PASSPHRASE);
    let bytes = data("openssl/traditional-aes256.pem");
    let file = KeyFile::from_reader("a pipe", bytes.as_slice()).unwrap();
    let error = file.private_key(None).unwrap_err();
    assert!(
        matches!(
            &error,
            FileError::Key {
                source: KeyError::PassphraseNeeded { .. },
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("a pipe"), "{error}");
    let key = file.private_key(Some(&passphrase)).unwrap();
    let half = file.public_half(Some(&passphrase)).unwrap();
    assert_eq!(half.value(), key.value().public_key());
    assert!(key.warning().is_none() && half.warning().is_none());
    assert!(file.inspect().unwrap().value().is_private());
    assert!(matches!(
        file.public_key(),
        Err(FileError::Key {
            source: KeyError::PrivateKeyGiven { .. },
            ..
        })
    ));
    assert_eq!(format!("{file:?}"), "KeyFile(\"a pipe\", [secret])");
}
