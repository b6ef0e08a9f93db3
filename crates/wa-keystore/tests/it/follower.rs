//! A server that follows key sets.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep, timeout};
use wa_keys::{Fingerprint, Passphrase, PrivateKey};
use wa_keystore::{
    Backend as _, Change, Directory, EventId, Follower, FollowerBuilder, InstanceRecord, KeySet, KeyState,
    KeyStore, Memory, Notice, ProtectedKey, ServedKeys, SetLog, StoreError,
};

use crate::support::{Switched, key};

async fn set_of(place: &Switched) -> (KeyStore, KeySet, SetLog) {
    let store = KeyStore::open_or_create(place.memory.clone()).await.unwrap();
    let set = store.set("one").unwrap();
    let log = set.read().await.unwrap();
    (store, set, log)
}

type Notices = Arc<Mutex<Vec<String>>>;

fn builder(place: &Switched) -> (FollowerBuilder, Notices) {
    let notices = Notices::default();
    let seen = Arc::clone(&notices);
    let builder = Follower::builder(place.clone())
        .instance("test")
        .on_notice(move |notice: &Notice| seen.lock().unwrap().push(notice.to_string()));
    (builder, notices)
}

fn states(served: &ServedKeys) -> Vec<(Fingerprint, KeyState)> {
    let set = served.set("one").unwrap();
    set.keys.iter().map(|key| (key.fingerprint, key.state)).collect()
}

fn count(notices: &Notices, text: &str) -> usize {
    let notices = notices.lock().unwrap();
    notices.iter().filter(|notice| notice.contains(text)).count()
}

async fn disable(set: &KeySet, log: &mut SetLog, number: usize) {
    let disabled = Change::Disabled {
        key: key(number).fingerprint(),
        compromised: false,
    };
    set.append(log, disabled, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_log_serves_is_served_and_recorded() {
    let place = Switched::default();
    let (store, set, mut log) = set_of(&place).await;
    set.add(&mut log, &key(0)).await.unwrap();
    set.promote(&mut log, key(0).fingerprint()).await.unwrap();
    let follower = builder(&place).0.start().await.unwrap();
    let served = follower.served();
    assert_eq!(states(&served), [(key(0).fingerprint(), KeyState::Primary)]);
    assert!(
        store.records().await.unwrap().is_empty(),
        "nothing is confirmed yet"
    );
    let used = SystemTime::now() - Duration::from_mins(1);
    follower.report_usage_with(move |set| {
        assert_eq!(set, "one");
        vec![(key(0).fingerprint(), used)]
    });
    let confirmed = Instant::now();
    follower.confirm(&served);
    follower.recorded().await;
    assert!(
        confirmed.elapsed() < Duration::from_secs(1),
        "the record is written at once"
    );
    let record = &store.records().await.unwrap()[0];
    assert!(record.serves("one", key(0).fingerprint(), 2));
    let age = record.sets["one"].keys[&key(0).fingerprint()]
        .last_request
        .unwrap();
    assert!((60..70).contains(&age.as_secs()), "{age:?}");

    // A rotation: the record lists the new key only after the server confirmed it.
    let started = Instant::now();
    set.add(&mut log, &key(1)).await.unwrap();
    let served = follower.changed(&served).await;
    assert!(started.elapsed() <= Duration::from_secs(1));
    assert_eq!(states(&served)[1], (key(1).fingerprint(), KeyState::Pending));
    sleep(Duration::from_mins(2)).await;
    assert!(!store.records().await.unwrap()[0].serves("one", key(1).fingerprint(), 3));
    follower.confirm(&served);
    follower.recorded().await;
    assert!(store.records().await.unwrap()[0].serves("one", key(1).fingerprint(), 3));

    set.promote(&mut log, key(1).fingerprint()).await.unwrap();
    let served = follower.changed(&served).await;
    let expected = [
        (key(1).fingerprint(), KeyState::Primary),
        (key(0).fingerprint(), KeyState::Enabled),
    ];
    assert_eq!(states(&served), expected);
    disable(&set, &mut log, 0).await;
    let served = follower.changed(&served).await;
    assert_eq!(states(&served), expected[..1]);
    follower.confirm(&served);
    follower.stop().await.unwrap();
    let record = &store.records().await.unwrap()[0];
    assert!(record.stopped);
    assert!(!record.serves("one", key(0).fingerprint(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_reached_changes_nothing_and_is_reported_once() {
    let place = Switched::default();
    let (_, set, mut log) = set_of(&place).await;
    set.add(&mut log, &key(0)).await.unwrap();
    let (builder, notices) = builder(&place);
    let follower = builder.sets(["one"]).start().await.unwrap();
    let served = follower.served();
    follower.confirm(&served);
    place.down.store(true, Ordering::Relaxed);
    sleep(Duration::from_mins(10)).await;
    let status = follower.status();
    assert!(status.error.is_some() && status.record_error.is_some());
    assert_eq!(count(&notices, "cannot be read"), 1);
    assert_eq!(count(&notices, "record of this instance cannot be written"), 1);
    assert_eq!(follower.served().generation(), served.generation());

    set.add(&mut log, &key(1)).await.unwrap();
    place.down.store(false, Ordering::Relaxed);
    let served = follower.changed(&served).await;
    assert_eq!(states(&served).len(), 2);
    follower.confirm(&served);
    follower.recorded().await;
    sleep(Duration::from_secs(10)).await;
    let status = follower.status();
    assert!(status.error.is_none() && status.record_error.is_none());
    assert_eq!(count(&notices, "can be read again"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_older_log_is_not_followed_and_keys_that_vanish_are_kept() {
    let place = Switched::default();
    let (_, set, mut log) = set_of(&place).await;
    set.add(&mut log, &key(0)).await.unwrap();
    let backup = place.memory.copy();
    set.add(&mut log, &key(1)).await.unwrap();
    let (builder, notices) = builder(&place);
    let follower = builder.start().await.unwrap();
    let served = follower.served();
    follower.confirm(&served);
    follower.recorded().await;

    // The store is restored from an older backup, which another writer continues.
    place.memory.replace_with(&backup);
    let record = &KeyStore::open(place.memory.clone())
        .await
        .unwrap()
        .records()
        .await
        .unwrap();
    assert_eq!(record.len(), 0, "the backup has no records");
    let mut older = set.read().await.unwrap();
    for number in [2, 3] {
        set.add(&mut older, &key(number)).await.unwrap();
    }
    sleep(Duration::from_hours(2)).await;
    assert_eq!(states(&follower.served()).len(), 2);
    assert_eq!(follower.status().older, ["one"]);
    assert_eq!(count(&notices, "is older than event 2"), 1);

    // Its record came back: writers refuse the older log.
    let error = set.add(&mut set.read().await.unwrap(), &key(0)).await;
    assert!(error.is_ok(), "a known key writes nothing");
    let promoted = set
        .promote(&mut set.read().await.unwrap(), key(0).fingerprint())
        .await;
    assert!(
        matches!(promoted, Err(StoreError::OlderLog { .. })),
        "{promoted:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_restarted_instance_serves_an_older_log_and_says_so() {
    let place = Switched::default();
    let (_, set, mut log) = set_of(&place).await;
    set.add(&mut log, &key(0)).await.unwrap();
    set.add(&mut log, &key(1)).await.unwrap();
    let first = builder(&place).0.start().await.unwrap();
    first.confirm(&first.served());
    first.recorded().await;
    drop(first);
    place
        .memory
        .delete("sets/one/events/00000002.json")
        .await
        .unwrap();
    let (builder, notices) = builder(&place);
    let follower = builder.start().await.unwrap();
    assert_eq!(states(&follower.served()).len(), 1);
    assert_eq!(count(&notices, "is older than event 2"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_forced_read_finds_a_key_and_is_limited() {
    let place = Switched::default();
    let (_, set, mut log) = set_of(&place).await;
    set.add(&mut log, &key(0)).await.unwrap();
    let follower = builder(&place)
        .0
        .sets(["one"])
        .poll(Duration::from_hours(1))
        .start()
        .await
        .unwrap();
    set.add(&mut log, &key(1)).await.unwrap();
    assert_eq!(states(&follower.served()).len(), 1);
    let before = place.reads.load(Ordering::Relaxed);
    let served = futures_util::future::join_all((0..50).map(|_| follower.refresh("one"))).await;
    assert!(
        served.iter().all(|served| states(served).len() == 2),
        "all share one read"
    );
    let reads = place.reads.load(Ordering::Relaxed) - before;
    assert!(reads <= 5, "{reads}");

    let before = place.reads.load(Ordering::Relaxed);
    for _ in 0..100 {
        sleep(Duration::from_millis(100)).await;
        follower.refresh("one").await;
        follower.refresh("unknown").await;
    }
    let reads = place.reads.load(Ordering::Relaxed) - before;
    assert!((9..=11).contains(&reads), "one a second, but {reads} in 10 s");

    place.hangs.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(2)).await;
    let started = Instant::now();
    let served = follower.refresh("one").await;
    assert_eq!(states(&served).len(), 2);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn in_a_bucket_at_most_one_read_a_second_is_made() {
    let place = Switched::default();
    let store = KeyStore::open_or_create(place.memory.clone()).await.unwrap();
    for number in 0..30 {
        let set = store.set(&format!("s{number}")).unwrap();
        set.add(&mut set.read().await.unwrap(), &key(0)).await.unwrap();
    }
    place.remote.store(true, Ordering::Relaxed);
    let follower = builder(&place).0.start().await.unwrap();
    let before = place.reads.load(Ordering::Relaxed) + place.lists.load(Ordering::Relaxed);
    sleep(Duration::from_mins(10)).await;
    let reads = place.reads.load(Ordering::Relaxed) + place.lists.load(Ordering::Relaxed) - before;
    assert!((590..=610).contains(&reads), "{reads} in 600 s");
    assert_eq!(follower.poll_interval(), Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn a_store_and_sets_that_are_created_later_are_found() {
    let place = Switched::default();
    let (builder, notices) = builder(&place);
    let follower = builder.start().await.unwrap();
    assert_eq!(follower.served().sets().count(), 0);
    assert_eq!(count(&notices, "there is no key store yet"), 1);
    follower.confirm(&follower.served());
    let (store, set, mut log) = set_of(&place).await;
    set.add(&mut log, &key(0)).await.unwrap();
    let served = timeout(Duration::from_secs(5), follower.changed(&follower.served()))
        .await
        .unwrap();
    assert_eq!(states(&served).len(), 1);
    let other = store.set("two").unwrap();
    other
        .add(&mut other.read().await.unwrap(), &key(1))
        .await
        .unwrap();
    let served = timeout(Duration::from_secs(5), follower.changed(&served))
        .await
        .unwrap();
    assert_eq!(served.set("two").unwrap().keys.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_killed_predecessor_is_marked_and_that_of_a_living_one_is_not() {
    let place = Switched::default();
    let (store, set, mut log) = set_of(&place).await;
    set.add(&mut log, &key(0)).await.unwrap();
    let mut killed = InstanceRecord::new("test", EventId::random().unwrap());
    killed.uptime = Duration::from_mins(1);
    store.write_record(&killed).await.unwrap();
    let other_name = InstanceRecord::new("test-2", EventId::random().unwrap());
    store.write_record(&other_name).await.unwrap();

    let followers = [
        builder(&place).0.start().await.unwrap(),
        builder(&place).0.start().await.unwrap(),
    ];
    for follower in &followers {
        follower.confirm(&follower.served());
    }
    let stopped = async || {
        let records = store.records().await.unwrap();
        let stopped = records.iter().filter(|record| record.stopped);
        stopped.map(|record| record.boot).collect::<Vec<_>>()
    };
    sleep(Duration::from_secs(170)).await;
    assert_eq!(stopped().await, []);
    sleep(Duration::from_mins(10)).await;
    assert_eq!(stopped().await, [killed.boot]);
}

#[tokio::test]
async fn from_the_cache_a_process_starts_while_the_store_cannot_be_reached() {
    let place = Switched::default();
    let (_, set, mut log) = set_of(&place).await;
    for number in [0, 1] {
        set.add(&mut log, &key(number)).await.unwrap();
    }
    set.promote(&mut log, key(0).fingerprint()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let start = |place: &Switched| {
        let (builder, notices) = builder(place);
        let started = builder
            .cache_directory(&cache)
            .poll(Duration::from_millis(10))
            .start();
        async { (started.await, notices) }
    };
    let (follower, _) = start(&place).await;
    let follower = follower.unwrap();
    let served = follower.served();
    disable(&set, &mut log, 1).await;
    follower.changed(&served).await;
    drop(follower);
    let kept = Directory::new(&cache).list("private/one").await.unwrap();
    assert_eq!(kept.len(), 1, "the disabled key is deleted from the cache");

    place.down.store(true, Ordering::Relaxed);
    let (follower, notices) = start(&place).await;
    let follower = follower.unwrap();
    assert_eq!(
        states(&follower.served()),
        [(key(0).fingerprint(), KeyState::Primary)]
    );
    assert!(follower.status().is_from_cache);
    assert_eq!(count(&notices, "from the cache directory"), 1);
    let served = follower.served();
    set.add(&mut log, &key(2)).await.unwrap();
    place.down.store(false, Ordering::Relaxed);
    let served = timeout(Duration::from_secs(5), follower.changed(&served))
        .await
        .unwrap();
    assert_eq!(states(&served).len(), 2);
    assert!(!follower.status().is_from_cache);
    drop(follower);

    let other = Switched::default();
    set_of(&other).await;
    let (refused, _) = start(&other).await;
    assert!(
        matches!(refused, Err(StoreError::OtherStore { .. })),
        "{refused:?}"
    );
    let unreachable = Switched::default();
    unreachable.down.store(true, Ordering::Relaxed);
    let refused = builder(&unreachable).0.start().await;
    assert!(matches!(refused, Err(StoreError::Backend(_))), "{refused:?}");
}

#[tokio::test]
async fn keys_open_with_any_of_the_passphrases_without_blocking_the_runtime() {
    let place = Switched::default();
    let (_, set, mut log) = set_of(&place).await;
    let texts = ["old", "new"];
    for text in texts {
        let private = PrivateKey::generate().unwrap();
        let protected = ProtectedKey::encrypt(&private, &Passphrase::new(text)).unwrap();
        set.add(&mut log, &protected).await.unwrap();
    }
    let (refused, _) = builder(&place);
    let refused = refused.passphrases([Passphrase::new("wrong")]).start().await;
    assert!(
        matches!(refused, Err(StoreError::NoneOpened { .. })),
        "{refused:?}"
    );

    let (builder, notices) = builder(&place);
    let longest = Arc::new(Mutex::new(Duration::ZERO));
    let ticker = tokio::spawn({
        let longest = Arc::clone(&longest);
        async move {
            loop {
                let before = Instant::now();
                sleep(Duration::from_millis(5)).await;
                let mut longest = longest.lock().unwrap();
                *longest = before.elapsed().max(*longest);
            }
        }
    });
    let follower = builder
        .passphrases(texts.map(Passphrase::new))
        .start()
        .await
        .unwrap();
    ticker.abort();
    assert_eq!(states(&follower.served()).len(), 2);
    assert_eq!(count(&notices, "(2 of 2)"), 1);
    let longest = *longest.lock().unwrap();
    assert!(
        longest < Duration::from_millis(150),
        "the runtime was blocked for {longest:?}"
    );
}

#[test]
fn a_follower_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Follower>();
    let _ = Memory::new();
}

#[tokio::test(start_paused = true)]
async fn from_the_cache_a_process_serves_what_a_restored_store_lost() {
    let place = Switched::default();
    let (_, set, mut log) = set_of(&place).await;
    set.add(&mut log, &key(0)).await.unwrap();
    let backup = place.memory.copy();
    set.add(&mut log, &key(1)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let (builder, notices) = builder(&place);
        let started = builder.cache_directory(folder.path()).start();
        async { (started.await.unwrap(), notices) }
    };
    drop(start().await);
    place.memory.replace_with(&backup);

    let (follower, notices) = start().await;
    assert_eq!(states(&follower.served()).len(), 2);
    assert_eq!(count(&notices, "is older than event 2"), 1);
    sleep(Duration::from_hours(2)).await;
    assert_eq!(
        states(&follower.served()).len(),
        2,
        "the older log is not followed"
    );
    assert_eq!(count(&notices, "is older than event 2"), 1);
}
