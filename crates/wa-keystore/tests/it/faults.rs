//! Creates whose outcome is unknown or wrongly reported.

use std::sync::atomic::Ordering;

use wa_keystore::{Added, KeySet, KeyStore, Memory, StoreError};

use crate::support::{Fault, Faulty, Killed, key};

async fn set(place: &Faulty) -> KeySet {
    let store = KeyStore::open_or_create(place.clone()).await.unwrap();
    store.set("one").unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_event_is_written_once_whatever_a_create_reports() {
    use Fault::{Lost, RefusedAsExisting, ReportedAsExisting, TimedOutAfterwards};

    for faults in [
        vec![Lost],
        vec![TimedOutAfterwards],
        vec![ReportedAsExisting],
        vec![RefusedAsExisting],
        vec![Lost, Lost, TimedOutAfterwards],
        vec![RefusedAsExisting, Lost, ReportedAsExisting],
    ] {
        let place = Faulty::default();
        let set = set(&place).await;
        let mut log = set.read().await.unwrap();
        place.fail(&faults);
        assert_eq!(
            set.add(&mut log, &key(0)).await.unwrap(),
            Added::New,
            "{faults:?}"
        );
        let read = set.read().await.unwrap();
        assert_eq!(read, log, "{faults:?}");
        assert_eq!(read.last(), 1, "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_writers_event_is_not_taken_for_its_own() {
    let place = Faulty::default();
    let set = set(&place).await;
    let mut log = set.read().await.unwrap();
    let mut other = log.clone();
    set.add(&mut other, &key(1)).await.unwrap();
    place.fail(&[Fault::Lost]);
    let error = set.add(&mut log, &key(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { number: 1, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn attempts_are_bounded() {
    let place = Faulty::default();
    let set = set(&place).await;
    let mut log = set.read().await.unwrap();
    place.fail(&[Fault::Lost; 10]);
    let error = set.add(&mut log, &key(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Backend(_)), "{error}");
    assert_eq!(place.creates.load(Ordering::Relaxed), 4);
    // The private key is stored: the next run continues with it.
    place.fail(&[]);
    assert_eq!(set.add(&mut log, &key(0)).await.unwrap(), Added::New);
}

#[tokio::test]
async fn a_store_that_lets_two_creators_win_is_reported() {
    let place = Faulty::default();
    let set = set(&place).await;
    let mut log = set.read().await.unwrap();
    let mut other = log.clone();
    set.add(&mut other, &key(1)).await.unwrap();
    place.fail(&[Fault::FalselyNew]);
    let error = set.add(&mut log, &key(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unconditional { .. }), "{error}");
}

/// Opens the store, adds a key and promotes it, as one run of a program does.
async fn run(place: Killed) -> Result<(), StoreError> {
    let set = KeyStore::open_or_create(place).await?.set("one")?;
    let mut log = set.read().await?;
    set.add(&mut log, &key(0)).await?;
    if log.primary().is_none() {
        set.promote(&mut log, key(0).fingerprint()).await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_at_any_call_is_continued_by_the_next_run() {
    for takes_effect in [false, true] {
        let mut calls = 0;
        loop {
            calls += 1;
            let memory = Memory::new();
            let place = Killed::new(&memory, calls, takes_effect);
            let result = run(place.clone()).await;
            if place.survived() {
                result.unwrap();
                break;
            }
            // An event implies that the private key is stored.
            let store = KeyStore::open_or_create(memory.clone()).await.unwrap();
            let set = store.set("one").unwrap();
            if set.read().await.unwrap().last() > 0 {
                set.private_key(key(0).fingerprint()).await.unwrap();
            }
            run(Killed::new(&memory, 1000, false)).await.unwrap();
            let log = set.read().await.unwrap();
            assert_eq!((log.last(), log.faults().len()), (2, 0), "killed at call {calls}");
            assert_eq!(log.primary().unwrap().fingerprint, key(0).fingerprint());
        }
        assert!(calls > 10, "{calls}");
    }
}
