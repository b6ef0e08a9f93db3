//! The life of keys in one set.

use wa_keys::{Passphrase, PrivateKey};
use wa_keystore::{
    Added, Backend as _, Change, Directory, KeyState, KeyStore, Memory, ProtectedKey, StoreError,
};

use crate::support::key;

#[tokio::test]
async fn a_set_rotates_and_everything_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let open = || KeyStore::open_or_create(Directory::new(folder.path().join("keys")));
    let set = open().await.unwrap().set("bookings").unwrap().by("alice");
    let mut log = set.read().await.unwrap();
    for number in [0, 1] {
        assert_eq!(set.add(&mut log, &key(number)).await.unwrap(), Added::New);
        set.promote(&mut log, key(number).fingerprint()).await.unwrap();
    }

    // Another process reads the same.
    let store = open().await.unwrap();
    assert_eq!(store.sets().await.unwrap(), ["bookings"]);
    let set = store.set("bookings").unwrap();
    let read = set.read().await.unwrap();
    assert_eq!(read, log);
    assert_eq!(read.primary().unwrap().fingerprint, key(1).fingerprint());
    assert_eq!(read.events()[0].by, "alice");
    for number in [0, 1] {
        let fingerprint = key(number).fingerprint();
        let locked = set.private_key(fingerprint).await.unwrap();
        assert_eq!(
            locked.unlock(&[]).unwrap().public_key().fingerprint(),
            fingerprint
        );
        assert_eq!(
            set.public_key(fingerprint).await.unwrap().fingerprint(),
            fingerprint
        );
    }
}

#[tokio::test]
async fn an_encrypted_key_opens_with_the_passphrase_that_fits() {
    let store = KeyStore::open_or_create(Memory::new()).await.unwrap();
    let set = store.set("one").unwrap();
    let private = PrivateKey::generate().unwrap();
    let [right, wrong] = ["right", "wrong"].map(Passphrase::new);
    let protected = ProtectedKey::encrypt(&private, &right).unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &protected).await.unwrap();

    let locked = set.private_key(protected.fingerprint()).await.unwrap();
    assert_eq!(locked.revision(), 1);
    for passphrases in [&[][..], std::slice::from_ref(&wrong)] {
        let error = locked.unlock(passphrases).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    }
    assert_eq!(locked.unlock(&[wrong, right]).unwrap(), private);
}

#[tokio::test]
async fn a_key_that_an_interrupted_import_stored_opens_with_the_passphrase_of_the_next_run() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let private = PrivateKey::generate().unwrap();
    let [first, second] = ["mistyped", "right"].map(Passphrase::new);
    let stored = ProtectedKey::encrypt(&private, &first).unwrap();
    set.import(&mut set.read().await.unwrap(), &stored).await.unwrap();
    memory.delete("sets/one/events/00000001.json").await.unwrap();

    let again = ProtectedKey::encrypt(&private, &second).unwrap();
    let added = set.import(&mut set.read().await.unwrap(), &again).await.unwrap();
    assert_eq!(added, Added::New);
    let locked = set.private_key(again.fingerprint()).await.unwrap();
    assert_eq!(locked.revision(), 2);
    assert_eq!(locked.unlock(&[second]).unwrap(), private);
}

#[tokio::test]
async fn a_private_key_under_the_name_of_another_is_refused() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    set.add(&mut log, &key(1)).await.unwrap();
    let path = |number| format!("private/one/{}.1.pem", key(number).fingerprint());
    let other = memory.read(&path(1)).await.unwrap().unwrap();
    let other = other.expose_content().to_vec();
    memory.overwrite(&path(0), other.into()).await.unwrap();
    let locked = set.private_key(key(0).fingerprint()).await.unwrap();
    let error = locked.unlock(&[]).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_key_that_is_known_is_not_added_again_and_an_imported_one_is_enabled() {
    let store = KeyStore::open_or_create(Memory::new()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    assert_eq!(set.import(&mut log, &key(0)).await.unwrap(), Added::New);
    assert_eq!(set.import(&mut log, &key(0)).await.unwrap(), Added::Known);
    assert_eq!(set.add(&mut log, &key(0)).await.unwrap(), Added::Known);
    assert_eq!(log.keys().len(), 1);
    assert_eq!(log.keys()[0].state, KeyState::Enabled);
}

#[tokio::test]
async fn what_a_state_does_not_allow_is_not_written() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    let error = set.promote(&mut log, key(0).fingerprint()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotAllowed { .. }), "{error}");
    assert!(error.remedy().is_some());
    assert_eq!(memory.list("sets/one/events").await.unwrap(), []);
}

#[tokio::test]
async fn a_folder_is_no_store_and_a_later_format_is_refused() {
    let memory = Memory::new();
    let error = KeyStore::open(memory.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotAStore), "{error}");
    let later = br#"{"format":2,"id":"00","added later":true}"#;
    memory
        .create("store.json", later.as_slice().into())
        .await
        .unwrap();
    for opened in [
        KeyStore::open(memory.clone()).await,
        KeyStore::open_or_create(memory.clone()).await,
    ] {
        let error = opened.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::NewerFormat {
                    found: 2,
                    supported: 1
                }
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn names_of_sets_stay_within_their_folder() {
    let store = KeyStore::open_or_create(Memory::new()).await.unwrap();
    for name in ["", "..", "a/b", "A", "-a", "ä", ".a", &"a".repeat(64)] {
        assert!(
            matches!(store.set(name), Err(StoreError::SetName { .. })),
            "{name}"
        );
    }
    for name in ["a", "102290129340398", "eu-west_1"] {
        assert_eq!(store.set(name).unwrap().name(), name);
    }
}

#[tokio::test]
async fn a_log_with_a_gap_is_read_and_not_continued() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    set.promote(&mut log, key(0).fingerprint()).await.unwrap();
    set.add(&mut log, &key(1)).await.unwrap();
    let path = "sets/one/events/00000002.json";
    let second = memory.read(path).await.unwrap().unwrap();
    let second = second.expose_content().to_vec();
    memory.delete(path).await.unwrap();

    let mut log = set.read().await.unwrap();
    assert_eq!(log.keys().len(), 1);
    let disabled = Change::Disabled {
        key: key(0).fingerprint(),
        compromised: false,
    };
    let error = set.append(&mut log, disabled, None).await.unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error}");
    assert!(!set.catch_up(&mut log).await.unwrap(), "nothing changed");

    // The event is restored: the log continues where it stopped.
    memory.create(path, second.into()).await.unwrap();
    assert!(set.catch_up(&mut log).await.unwrap());
    assert!(log.is_writable());
    assert_eq!(log, set.read().await.unwrap());
}

#[tokio::test]
async fn an_event_of_a_later_version_stops_writers_and_is_read_again() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    let later = r#"{"event":"frozen","at":"2027-01-01T00:00:00Z","by":"x","id":"0f"}"#;
    let path = "sets/one/events/00000002.json";
    memory.create(path, later.into()).await.unwrap();

    assert!(set.catch_up(&mut log).await.unwrap());
    assert!(!set.catch_up(&mut log).await.unwrap(), "reported once");
    assert_eq!(log.served().count(), 1, "what is served stays");
    let error = set.add(&mut log, &key(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error}");
    assert_eq!(memory.list("private/one").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_event_and_a_swapped_public_key_are_named() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    let path = format!("public/one/{}.pem", key(0).fingerprint());
    let other = key(1).public_key().to_pem();
    memory.overwrite(&path, other.into()).await.unwrap();
    let error = set.public_key(key(0).fingerprint()).await.unwrap_err();
    assert!(error.to_string().contains(&path), "{error}");

    memory
        .overwrite("sets/one/events/00000001.json", "{".into())
        .await
        .unwrap();
    let log = set.read().await.unwrap();
    assert!(!log.is_writable());
    assert!(log.faults()[0].to_string().starts_with("event 1 cannot be read"));
}

#[test]
fn no_type_shows_a_key() {
    let shown = format!("{:?}", key(0));
    assert!(!shown.contains("PRIVATE"), "{shown}");
}
