//! Several writers of one set.

use std::sync::Arc;

use wa_keystore::{Directory, KeyState, KeyStore, Memory, ProtectedKey, StoreError};

use crate::support::key;

/// Two operators add and promote a key of their own at the same time, in whatever order their calls take
/// effect.
async fn two_operators(store: &KeyStore, name: &str, key: fn(usize) -> Arc<ProtectedKey>) {
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let operators = [0, 1].map(|number| {
        let (set, barrier) = (store.set(name).unwrap(), Arc::clone(&barrier));
        tokio::spawn(async move {
            let mut log = set.read().await.unwrap();
            barrier.wait().await;
            loop {
                let key = key(number);
                let done = match set.add(&mut log, &key).await {
                    Ok(_) => set.promote(&mut log, key.fingerprint()).await,
                    Err(error) => Err(error),
                };
                match done {
                    Ok(()) => return,
                    Err(StoreError::Conflict { .. }) => assert!(set.catch_up(&mut log).await.unwrap()),
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    for operator in operators {
        operator.await.unwrap();
    }
    let log = store.set(name).unwrap().read().await.unwrap();
    assert_eq!(log.faults(), []);
    assert_eq!((log.last(), log.keys().len()), (4, 2), "nothing is lost");
    let primaries = log
        .keys()
        .iter()
        .filter(|key| key.state == KeyState::Primary)
        .count();
    assert_eq!(primaries, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_operators_neither_loses_an_event() {
    let store = KeyStore::open_or_create(Memory::new()).await.unwrap();
    for round in 0..100 {
        two_operators(&store, &format!("memory-{round}"), |number| Arc::new(key(number))).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = KeyStore::open_or_create(Directory::new(folder.path()))
        .await
        .unwrap();
    for round in 0..100 {
        two_operators(&store, &format!("directory-{round}"), |number| {
            Arc::new(key(number))
        })
        .await;
    }
}

#[cfg(feature = "s3")]
#[tokio::test(flavor = "multi_thread")]
async fn of_two_operators_neither_loses_an_event_in_a_bucket() {
    use crate::support::encrypted;

    let Some(server) = crate::servers::Server::moto().await else {
        return;
    };
    let store = KeyStore::open_or_create(server.open("keys")).await.unwrap();
    let unencrypted = store.set("unencrypted").unwrap();
    let refused = unencrypted
        .add(&mut unencrypted.read().await.unwrap(), &key(0))
        .await;
    assert!(
        matches!(refused, Err(StoreError::Unencrypted { .. })),
        "{refused:?}"
    );
    for round in 0..rounds() {
        two_operators(&store, &format!("bucket-{round}"), |number| {
            encrypted(number).clone()
        })
        .await;
    }
}

/// Rounds against a server, which are slow: 10, or `WA_TEST_ROUNDS`.
#[cfg(feature = "s3")]
fn rounds() -> usize {
    std::env::var("WA_TEST_ROUNDS").map_or(10, |rounds| rounds.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_create_a_store_open_the_same_one() {
    for _ in 0..20 {
        let memory = Memory::new();
        let stores = [(); 2].map(|()| tokio::spawn(KeyStore::open_or_create(memory.clone())));
        let mut ids = Vec::new();
        for store in stores {
            ids.push(store.await.unwrap().unwrap().id());
        }
        assert_eq!(ids[0], ids[1]);
    }
}

#[tokio::test]
async fn a_decision_that_rests_on_an_old_log_is_refused() {
    let store = KeyStore::open_or_create(Memory::new()).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(0)).await.unwrap();
    let mut old = log.clone();
    set.promote(&mut log, key(0).fingerprint()).await.unwrap();

    let error = set.add(&mut old, &key(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { number: 2, .. }), "{error}");
    assert!(set.catch_up(&mut old).await.unwrap());
    assert_eq!(old, log);
    assert!(!set.catch_up(&mut old).await.unwrap());
}
