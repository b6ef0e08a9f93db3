//! A registry, an endpoint and a clock in memory.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use wa_fleet::{
    Clock, Effect, KeySource, Policy, Pong, Prober, Registered, RegisteredKey, Registry, RegistryError,
    SetOperator,
};
use wa_graph::PhoneNumberId;
use wa_keys::{Fingerprint, PrivateKey, PublicKey};
use wa_keystore::{
    Clock as StoreClock, EventId, InstanceRecord, KeyReport, KeyStore, Memory, ProtectedKey, SetReport,
};

pub(crate) const SET: &str = "default";
pub(crate) const ENDPOINT: &str = "https://example.com/flow";

/// One of a few keys that are generated once.
pub(crate) fn key(number: usize) -> ProtectedKey {
    static KEYS: [OnceLock<PrivateKey>; 8] = [const { OnceLock::new() }; 8];
    ProtectedKey::unencrypted(KEYS[number].get_or_init(|| PrivateKey::generate().unwrap()))
}

pub(crate) fn number(id: u32) -> PhoneNumberId {
    id.to_string().parse().unwrap()
}

/// Time that passes only during a sleep, which returns at once.
#[derive(Debug, Clone)]
pub(crate) struct TestClock(Arc<Mutex<(SystemTime, Duration)>>);

impl TestClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((SystemTime::now(), Duration::ZERO))))
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.0.lock().unwrap().1 += duration;
    }

    pub(crate) fn time(&self) -> SystemTime {
        let (start, passed) = *self.0.lock().unwrap();
        start + passed
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        self.time()
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}

/// A number of the registry.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entry {
    pub(crate) key: Option<Fingerprint>,
    pub(crate) is_valid: bool,
    /// The status stays MISMATCH.
    pub(crate) is_stuck: bool,
    /// The error of every call.
    pub(crate) fails: Option<Effect>,
}

/// The registry, the endpoint and the clock of one test.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) clock: TestClock,
    pub(crate) numbers: Arc<Mutex<BTreeMap<PhoneNumberId, Entry>>>,
    pub(crate) uploads: Arc<Mutex<Vec<(PhoneNumberId, Fingerprint)>>>,
    /// How far the registry's clock is ahead, in seconds.
    pub(crate) skew: Arc<Mutex<i64>>,
    pub(crate) pong: Arc<Mutex<Pong>>,
    pub(crate) next_key: Arc<AtomicUsize>,
    /// What holds at every upload.
    pub(crate) store: Option<KeyStore>,
}

impl Fake {
    pub(crate) fn new(numbers: impl IntoIterator<Item = u32>) -> Self {
        let entries = numbers.into_iter().map(|id| (number(id), Entry::default()));
        Self {
            clock: TestClock::new(),
            numbers: Arc::new(Mutex::new(entries.collect())),
            uploads: Arc::default(),
            skew: Arc::default(),
            pong: Arc::new(Mutex::new(Pong::Opened)),
            next_key: Arc::default(),
            store: None,
        }
    }

    pub(crate) fn set(&self, id: u32, change: impl FnOnce(&mut Entry)) {
        change(self.numbers.lock().unwrap().get_mut(&number(id)).unwrap());
    }

    pub(crate) fn registered(&self, id: u32) -> Option<Fingerprint> {
        self.numbers.lock().unwrap()[&number(id)].key
    }

    /// A store in memory, with the clock of the test.
    pub(crate) async fn store(&self) -> KeyStore {
        self.store_in(self.memory()).await
    }

    pub(crate) fn memory(&self) -> Memory {
        let clock = self.clock.clone();
        Memory::new().with_clock(StoreClock::new(move || clock.time()))
    }

    pub(crate) async fn store_in(&self, memory: Memory) -> KeyStore {
        let clock = self.clock.clone();
        let store = KeyStore::open_or_create(memory).await.unwrap();
        store.with_clock(StoreClock::new(move || clock.time()))
    }

    pub(crate) fn operator(&self, store: &KeyStore, set: &str) -> SetOperator {
        let mut fake = self.clone();
        fake.store = Some(store.clone());
        let fake = Arc::new(fake);
        let mut policy = Policy::default();
        policy.wait = Duration::from_mins(1);
        SetOperator::new(store.clone(), set, fake.clone())
            .unwrap()
            .author("test")
            .prober(fake.clone())
            .key_source(fake.clone())
            .clock(Arc::new(self.clock.clone()))
            .policy(policy)
    }
}

/// An instance whose record lists every served key after each event: what a running gateway writes.
pub(crate) async fn record(store: &KeyStore, name: &str, last_request: Option<Duration>) {
    let set = store.set(SET).unwrap();
    let log = set.read().await.unwrap();
    let mut record = InstanceRecord::new(name, boot(name));
    let report = KeyReport {
        revision: 1,
        last_request,
    };
    let keys = log.served().map(|key| (key.fingerprint, report));
    let report = SetReport {
        last: log.last(),
        id: log.events().last().map(|event| event.id),
        keys: keys.collect(),
    };
    record.sets.insert(SET.to_owned(), report);
    store.write_record(&record).await.unwrap();
}

fn boot(name: &str) -> EventId {
    format!("{:x}", name.len()).parse().unwrap()
}

#[async_trait]
impl Registry for Fake {
    async fn read(&self, number: &PhoneNumberId) -> Result<Registered, RegistryError> {
        tokio::task::yield_now().await;
        let entry = self.numbers.lock().unwrap()[number];
        if let Some(effect) = entry.fails {
            return Err(RegistryError::new("Graph error", effect));
        }
        let key = entry.key.map_or(RegisteredKey::None, RegisteredKey::Key);
        let skew = *self.skew.lock().unwrap();
        let shift = Duration::from_secs(skew.unsigned_abs());
        let now = self.clock.time();
        let date = if skew < 0 { now - shift } else { now + shift };
        Ok(Registered::new(key, entry.is_valid, Some(date)))
    }

    async fn upload(&self, number: &PhoneNumberId, key: &PublicKey) -> Result<(), RegistryError> {
        tokio::task::yield_now().await;
        let store = self.store.as_ref().unwrap();
        for name in store.sets().await.unwrap() {
            let set = store.set(&name).unwrap();
            let log = set.read().await.unwrap();
            if log
                .primary()
                .is_some_and(|primary| primary.fingerprint == key.fingerprint())
            {
                set.private_key(key.fingerprint())
                    .await
                    .expect("the private key is stored before an upload");
            }
        }
        let mut numbers = self.numbers.lock().unwrap();
        let entry = numbers.get_mut(number).unwrap();
        entry.key = Some(key.fingerprint());
        entry.is_valid = !entry.is_stuck;
        self.uploads
            .lock()
            .unwrap()
            .push((number.clone(), key.fingerprint()));
        Ok(())
    }
}

#[async_trait]
impl Prober for Fake {
    async fn ping(&self, endpoint: &str, _: &PublicKey) -> Pong {
        assert_eq!(endpoint, ENDPOINT);
        self.pong.lock().unwrap().clone()
    }
}

#[async_trait]
impl KeySource for Fake {
    async fn new_key(&self) -> Result<ProtectedKey, Box<dyn Error + Send + Sync>> {
        tokio::task::yield_now().await;
        Ok(key(self.next_key.fetch_add(1, Ordering::Relaxed)))
    }
}
