//! No private key and no passphrase is in any `Debug`, `Display`, error, notice or stored JSON.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use wa_keys::{Passphrase, PrivateKey};
use wa_keystore::{
    Backend as _, Follower, InstanceRecord, KeyStore, Memory, NewPassphrase, Notice, ProtectedKey, StoreError,
};

/// The passphrase, which must not appear anywhere.
const MARKER: &str = "CANARYm4rker";

fn clean(what: &str, text: &str) {
    assert!(!text.contains(MARKER), "{what} shows a passphrase: {text}");
    let is_key = text.contains("PRIVATE KEY") || text.contains("MIIE") || text.contains("MIIF");
    assert!(!is_key, "{what} shows a private key: {text}");
}

fn clean_debug(what: impl Debug) {
    clean(std::any::type_name_of_val(&what), &format!("{what:?} {what:#?}"));
}

fn clean_error(error: &StoreError) {
    let mut text = format!("{error} {error:?} {:?}", error.remedy());
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, " {error} {error:?}").unwrap();
        cause = error.source();
    }
    clean("an error", &text);
}

#[tokio::test]
async fn no_secret_shows_anywhere() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap().by("someone");
    let private = PrivateKey::generate().unwrap();
    let encrypted = ProtectedKey::encrypt(&private, &Passphrase::new(MARKER)).unwrap();
    let unencrypted = ProtectedKey::unencrypted(&PrivateKey::generate().unwrap());
    clean_debug((&encrypted, &unencrypted, &private));
    let mut log = set.read().await.unwrap();
    for key in [&encrypted, &unencrypted] {
        set.add(&mut log, key).await.unwrap();
    }
    let change = NewPassphrase::new([Passphrase::new("other")], Passphrase::new(MARKER));
    clean_debug((&store, &set, &log, &memory, &change));
    let stored = set.private_key(unencrypted.fingerprint()).await.unwrap();
    let object = memory.read(stored_path(&unencrypted).as_str()).await.unwrap();
    clean_debug((&stored, object));

    let locked = set.private_key(encrypted.fingerprint()).await.unwrap();
    clean_error(&locked.unlock(&[Passphrase::new("wrong")]).unwrap_err());
    let path = stored_path(&encrypted);
    let mut damaged = unencrypted_pem(&memory, &unencrypted).await;
    damaged.truncate(damaged.len() / 2);
    memory.overwrite(&path, damaged.into()).await.unwrap();
    let damaged = set.private_key(encrypted.fingerprint()).await.unwrap();
    clean_error(&damaged.unlock(&[Passphrase::new(MARKER)]).unwrap_err());

    let notices = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&notices);
    let builder = Follower::builder(memory.clone())
        .passphrases([Passphrase::new(MARKER)])
        .on_notice(move |notice: &Notice| {
            let mut seen = seen.lock().unwrap();
            write!(seen, "{notice} {notice:?} {:?} ", notice.remedy()).unwrap();
        });
    clean_debug(&builder);
    let follower = builder.start().await.unwrap();
    follower.confirm(&follower.served());
    follower.recorded().await;
    clean_debug((&follower, &follower.served(), follower.status()));
    follower.stop().await.unwrap();
    let notices = notices.lock().unwrap().clone();
    assert!(notices.contains("cannot open private key"), "{notices}");
    clean("a notice", &notices);
    let records: Vec<InstanceRecord> = store.records().await.unwrap();
    clean_debug(&records);
    for folder in ["sets/one/events", "instances"] {
        for entry in memory.list(folder).await.unwrap() {
            let object = memory
                .read(&format!("{folder}/{}", entry.name))
                .await
                .unwrap()
                .unwrap();
            clean(&entry.name, std::str::from_utf8(object.expose_content()).unwrap());
        }
    }
}

fn stored_path(key: &ProtectedKey) -> String {
    format!("private/one/{}.1.pem", key.fingerprint())
}

async fn unencrypted_pem(memory: &Memory, key: &ProtectedKey) -> Vec<u8> {
    let object = memory.read(&stored_path(key)).await.unwrap().unwrap();
    object.expose_content().to_vec()
}
