//! Checks, copies and re-encryption of whole stores.

use wa_keys::{Passphrase, PrivateKey};
use wa_keystore::{
    Backend as _, Change, Directory, Follower, KeyStore, Memory, NewPassphrase, ProtectedKey, Severity,
    StoreError, StoreWarning,
};

use crate::support::{Switched, key};

/// A store with a rotated set and a second set.
async fn filled(memory: &Memory) -> KeyStore {
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    for number in [0, 1] {
        set.add(&mut log, &key(number)).await.unwrap();
        set.promote(&mut log, key(number).fingerprint()).await.unwrap();
    }
    let other = store.set("two").unwrap();
    other
        .import(&mut other.read().await.unwrap(), &key(2))
        .await
        .unwrap();
    store
}

async fn findings(store: &KeyStore, severity: Severity) -> Vec<String> {
    let report = store.check().await.unwrap();
    let found = report
        .findings
        .iter()
        .filter(|finding| finding.severity() == severity);
    found.map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_check_lists_what_is_missing_or_damaged() {
    let memory = Memory::new();
    let store = filled(&memory).await;
    assert!(findings(&store, Severity::Fault).await.is_empty());
    assert_eq!(
        findings(&store, Severity::Warning).await.len(),
        3,
        "three keys are not encrypted"
    );
    let report = store.check().await.unwrap();
    assert_eq!((report.sets, report.keys), (2, 3));

    let path =
        |folder: &str, number: usize, end: &str| format!("{folder}/one/{}{end}", key(number).fingerprint());
    memory.delete(&path("private", 0, ".1.pem")).await.unwrap();
    memory
        .overwrite(&path("public", 1, ".pem"), "damaged".into())
        .await
        .unwrap();
    memory
        .create(&path("private", 3, ".1.pem"), "left".into())
        .await
        .unwrap();
    let faults = findings(&store, Severity::Fault).await;
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("private key") && fault.contains("is missing (state enabled)"))
    );
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("public key") && fault.contains("damaged"))
    );
    let notes = findings(&store, Severity::Note).await;
    assert!(notes[0].contains("no event"), "{notes:?}");

    memory.delete("sets/one/events/00000002.json").await.unwrap();
    let faults = findings(&store, Severity::Fault).await;
    assert!(
        faults
            .iter()
            .any(|fault| fault == "key set one: event 2 is missing"),
        "{faults:?}"
    );
}

#[tokio::test]
async fn a_copy_adds_what_is_missing_and_changes_nothing() {
    let (memory, backup) = (Memory::new(), Memory::new());
    let store = filled(&memory).await;
    let first = store.copy_to(backup.clone()).await.unwrap();
    assert_eq!((first.created, first.existed), (3 + 3 + 5, 0));
    let again = store.copy_to(backup.clone()).await.unwrap();
    assert_eq!((again.created, again.existed), (0, 11));

    // Restoring: a lost event and a lost key come back.
    memory.delete("sets/one/events/00000004.json").await.unwrap();
    let private = format!("private/two/{}.1.pem", key(2).fingerprint());
    memory.delete(&private).await.unwrap();
    let copy = KeyStore::open(backup.clone()).await.unwrap();
    assert_eq!(copy.id(), store.id());
    let restored = copy.copy_to(memory.clone()).await.unwrap();
    assert_eq!((restored.created, restored.differing.len()), (2, 0));
    assert!(findings(&store, Severity::Fault).await.is_empty());

    // Another log: nothing after the difference is copied.
    memory.delete("sets/one/events/00000004.json").await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(3)).await.unwrap();
    set.promote(&mut log, key(3).fingerprint()).await.unwrap();
    let diverged = store.copy_to(backup.clone()).await.unwrap();
    assert_eq!(diverged.differing, ["sets/one/events/00000004.json"]);
    assert_eq!(backup.list("sets/one/events").await.unwrap().len(), 4);

    let other = Memory::new();
    KeyStore::open_or_create(other.clone()).await.unwrap();
    let refused = store.copy_to(other).await.unwrap_err();
    assert!(matches!(refused, StoreError::OtherStore { .. }), "{refused}");
    let bucket = Switched::default();
    bucket.remote.store(true, std::sync::atomic::Ordering::Relaxed);
    let refused = store.copy_to(bucket).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unencrypted { .. }), "{refused}");
}

#[tokio::test]
async fn a_copy_does_not_bring_back_a_destroyed_key() {
    let (memory, backup) = (Memory::new(), Memory::new());
    let store = filled(&memory).await;
    store.copy_to(backup.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    let key = key(0).fingerprint();
    for change in [
        Change::Disabled {
            key,
            compromised: false,
        },
        Change::DestroyScheduled { key },
        Change::Destroyed { key },
    ] {
        set.append(&mut log, change, None).await.unwrap();
    }
    set.delete_private_key(&log, key).await.unwrap();
    KeyStore::open(backup)
        .await
        .unwrap()
        .copy_to(memory)
        .await
        .unwrap();
    assert!(!set.stored_keys().await.unwrap().contains_key(&key));
}

#[tokio::test]
async fn a_new_passphrase_makes_a_new_encryption_and_old_instances_keep_serving() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    let [old, new] = ["old", "new"];
    let private = PrivateKey::generate().unwrap();
    let protected = ProtectedKey::encrypt(&private, &Passphrase::new(old)).unwrap();
    set.add(&mut log, &protected).await.unwrap();
    let key = protected.fingerprint();
    let change = NewPassphrase::new([Passphrase::new("wrong")], Passphrase::new(new));
    let refused = set.reencrypt(key, &change).await.unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    let change = NewPassphrase::new([Passphrase::new(old)], Passphrase::new(new));
    assert_eq!(set.reencrypt(key, &change).await.unwrap(), Some(2));
    assert_eq!(set.reencrypt(key, &change).await.unwrap(), None);
    let stored = set.private_key(key).await.unwrap();
    assert_eq!(stored.revision(), 2);
    assert_eq!(stored.unlock(&[Passphrase::new(new)]).unwrap(), private);

    // An instance that starts with the old passphrase opens the earlier encryption, and reports it.
    for (passphrase, revision) in [(old, 1), (new, 2)] {
        let follower = Follower::builder(memory.clone()).passphrases([Passphrase::new(passphrase)]);
        let served = follower.start().await.unwrap().served();
        assert_eq!(served.set("one").unwrap().keys[0].revision, revision);
    }
    set.delete_encryptions_before(key, 2).await.unwrap();
    assert_eq!(set.stored_keys().await.unwrap()[&key], [2]);
    let refused = set.delete_encryptions_before(key, 3).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotAllowed { .. }), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_others_can_access_or_that_git_tracks_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("keys");
    let store = KeyStore::open_or_create(Directory::new(&root)).await.unwrap();
    let set = store.set("one").unwrap();
    set.add(&mut set.read().await.unwrap(), &key(0)).await.unwrap();
    assert_eq!(store.warnings().await, []);
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o750)).unwrap();
    let warnings = store.warnings().await;
    assert!(
        matches!(
            warnings.as_slice(),
            [StoreWarning::AccessibleByOthers { mode: 0o750, .. }]
        ),
        "{warnings:?}"
    );
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let warnings = store.warnings().await;
    assert!(
        matches!(warnings.as_slice(), [StoreWarning::GitWorkTree { .. }]),
        "{warnings:?}"
    );
}
