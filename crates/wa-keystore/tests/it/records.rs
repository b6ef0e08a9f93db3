//! Records of instances, and what writers and `gc` conclude from them.

use std::time::Duration;

use wa_keystore::{
    Backend as _, Change, EventId, InstanceRecord, KeyReport, KeyStore, Memory, SetLog, SetReport, StoreError,
};

use crate::support::key;

fn record(name: &str, log: &SetLog) -> InstanceRecord {
    let mut record = InstanceRecord::new(name, EventId::random().unwrap());
    record.uptime = Duration::from_mins(5);
    let report = SetReport {
        last: log.last(),
        id: log.events().last().map(|event| event.id),
        keys: log
            .served()
            .map(|key| {
                let last_request = Some(Duration::from_secs(7));
                (
                    key.fingerprint,
                    KeyReport {
                        revision: 1,
                        last_request,
                    },
                )
            })
            .collect(),
    };
    record.sets.insert("one".to_owned(), report);
    record
}

#[tokio::test]
async fn records_are_read_back_with_the_time_of_the_store() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    for name in ["Host B.example/x", "a"] {
        store.write_record(&record(name, &log)).await.unwrap();
    }
    let records = store.records().await.unwrap();
    let names: Vec<_> = records.iter().map(|record| record.instance.as_str()).collect();
    assert_eq!(names, ["a", "host-b.example-x"]);
    assert!(records[0].modified.is_some());
    assert!(!records[0].stopped);
    let fingerprint = key(0).fingerprint();
    assert!(records[0].serves("one", fingerprint, 1));
    assert!(
        !records[0].serves("one", fingerprint, 2),
        "it has not read that far"
    );
    assert!(!records[0].serves("two", fingerprint, 1));
    let report = records[0].sets["one"].keys[&fingerprint];
    assert_eq!(report.last_request, Some(Duration::from_secs(7)));

    store.delete_record(&records[0]).await.unwrap();
    assert_eq!(store.records().await.unwrap().len(), 1);
    memory.create("instances/x-1.json", "{".into()).await.unwrap();
    let error = store.records().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_store_that_was_restored_from_an_older_backup_is_not_written() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    set.promote(&mut log, key(0).fingerprint()).await.unwrap();
    store.write_record(&record("a", &log)).await.unwrap();
    // Events after the one that an instance has read are no reason to refuse.
    set.add(&mut set.read().await.unwrap(), &key(1)).await.unwrap();

    for number in [2, 3] {
        let path = format!("sets/one/events/{number:08}.json");
        memory.delete(&path).await.unwrap();
    }
    let mut older = set.read().await.unwrap();
    assert!(older.is_writable());
    let error = set.add(&mut older, &key(2)).await.unwrap_err();
    let StoreError::OlderLog { last, seen, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((*last, *seen), (1, 2));
    assert_eq!(memory.list("sets/one/events").await.unwrap().len(), 1);
    assert_eq!(
        memory.list("private/one").await.unwrap().len(),
        2,
        "no key is stored"
    );

    // Another event under the same number is another log.
    let mut unaware = store.set("two").unwrap().read().await.unwrap();
    store
        .set("two")
        .unwrap()
        .add(&mut unaware, &key(0))
        .await
        .unwrap();
    let event = memory
        .read("sets/two/events/00000001.json")
        .await
        .unwrap()
        .unwrap();
    let event = event.expose_content().to_vec();
    memory
        .create("sets/one/events/00000002.json", event.into())
        .await
        .unwrap();
    let error = set
        .add(&mut set.read().await.unwrap(), &key(2))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::OlderLog { .. }), "{error}");
}

#[tokio::test]
async fn private_keys_are_deleted_only_after_their_event() {
    let memory = Memory::new();
    let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    let fingerprint = key(0).fingerprint();
    let error = set.delete_private_key(&log, fingerprint).await.unwrap_err();
    assert!(matches!(error, StoreError::NotAllowed { .. }), "{error}");
    for change in [
        Change::Disabled {
            key: fingerprint,
            compromised: false,
        },
        Change::DestroyScheduled { key: fingerprint },
        Change::Destroyed { key: fingerprint },
    ] {
        set.append(&mut log, change, None).await.unwrap();
    }
    set.delete_private_key(&log, fingerprint).await.unwrap();
    assert!(set.stored_keys().await.unwrap().is_empty());
    assert_eq!(
        set.public_key(fingerprint).await.unwrap().fingerprint(),
        fingerprint
    );
    let error = set.private_key(fingerprint).await.unwrap_err();
    assert!(matches!(error, StoreError::NoPrivateKey { .. }), "{error}");
}
