//! What everything in a simulation shares: time, the objects of the store, the registry, the trace, and the
//! pending calls.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wa_keys::{Fingerprint, PrivateKey};
use wa_keystore::ProtectedKey;

use crate::rules::Rule;

pub(super) const DAY: u64 = 86_400_000;
/// An upload may be shown, and reach phones, this much later.
pub(super) const LAG: u64 = 60_000;
/// An upload that timed out may take effect this much later.
pub(super) const LATE: u64 = 120_000;
/// Phones keep the key that they fetched when a Flow was opened.
pub(super) const KEEP: u64 = 2 * DAY;
pub(super) const SET: &str = "s";

/// The names of the actors in traces.
pub(super) const ACTORS: [&str; 3] = ["A", "B", "watch"];

/// A seeded generator (`SplitMix64`).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count.max(1) as u64).unwrap()
    }

    /// An index with these weights.
    pub(super) fn pick(&mut self, weights: &[usize]) -> usize {
        let mut value = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if value < *weight {
                return index;
            }
            value -= weight;
        }
        0
    }
}

/// A key that a number had: since when, and until when.
#[derive(Debug, Clone)]
pub(super) struct Had {
    pub(super) key: Fingerprint,
    pub(super) from: u64,
    pub(super) until: Option<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) id: String,
    pub(super) history: Vec<Had>,
    /// The signature status is MISMATCH.
    pub(super) mismatch: bool,
}

/// A call to the outside that has not gone on yet.
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) actor: usize,
    pub(super) what: String,
    pub(super) due: u64,
    done: bool,
    waker: Waker,
}

pub(super) struct State {
    pub(super) random: Random,
    pub(super) now: u64,
    pub(super) objects: BTreeMap<String, (Vec<u8>, u64)>,
    /// Changes with every write to the store.
    pub(super) version: u64,
    pub(super) numbers: Vec<Number>,
    /// Uploads that take effect later: when, number, key.
    pub(super) late: Vec<(u64, usize, Fingerprint)>,
    /// Faults of the registry and of the store that may still happen.
    pub(super) faults: usize,
    pub(super) store_faults: usize,
    pub(super) stale_listings: usize,
    pub(super) lost_records: usize,
    pub(super) made: usize,
    /// The primary that each actor found when it started its last rotation.
    pub(super) first_read: [Option<Fingerprint>; 3],
    pub(super) names: HashMap<Fingerprint, String>,
    pub(super) calls: Vec<Call>,
    next_call: u64,
    pub(super) trace: Vec<(u64, String)>,
    pub(super) violation: Option<String>,
    pub(super) off: Option<Rule>,
    /// The keys that the endpoint's members serve, for the prober: only those that run.
    pub(super) rings: Vec<(String, Vec<Fingerprint>)>,
}

#[derive(Clone)]
pub(super) struct World(Arc<Mutex<State>>);

impl World {
    pub(super) fn new(seed: u64, off: Option<Rule>) -> Self {
        let world = Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            now: 100 * DAY,
            objects: BTreeMap::new(),
            version: 0,
            numbers: Vec::new(),
            late: Vec::new(),
            faults: 0,
            store_faults: 0,
            stale_listings: 0,
            lost_records: 0,
            made: 0,
            first_read: [None; 3],
            names: HashMap::new(),
            calls: Vec::new(),
            next_call: 0,
            trace: Vec::new(),
            violation: None,
            off,
            rings: Vec::new(),
        })));
        for number in 0..2 {
            let key = Self::key(number);
            world.lock().names.insert(key.fingerprint(), format!("K{number}"));
        }
        world.lock().made = 1;
        world
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn holds(&self, rule: Rule) -> bool {
        self.lock().off != Some(rule)
    }

    pub(super) fn log(&self, text: impl Into<String>) {
        let mut state = self.lock();
        let now = state.now;
        state.trace.push((now, text.into()));
    }

    pub(super) fn violate(&self, text: impl Into<String>) {
        let text = text.into();
        self.log(format!("VIOLATION {text}"));
        self.lock().violation.get_or_insert(text);
    }

    pub(super) fn time(&self) -> SystemTime {
        moment(self.lock().now)
    }

    /// One of the keys, which are generated once for all runs.
    pub(super) fn key(number: usize) -> ProtectedKey {
        static KEYS: [OnceLock<PrivateKey>; 16] = [const { OnceLock::new() }; 16];
        ProtectedKey::unencrypted(KEYS[number].get_or_init(|| PrivateKey::generate().unwrap()))
    }

    /// The name of a key in traces.
    pub(super) fn name(&self, key: Fingerprint) -> String {
        let state = self.lock();
        state.names.get(&key).cloned().unwrap_or_else(|| key.short())
    }

    /// Stops the calling task until the scheduler lets it go on.
    pub(super) fn call(&self, actor: usize, what: impl Into<String>) -> Pause {
        self.call_after(actor, what, 0)
    }

    pub(super) fn call_after(&self, actor: usize, what: impl Into<String>, wait: u64) -> Pause {
        Pause {
            world: self.clone(),
            actor,
            what: what.into(),
            wait,
            id: None,
        }
    }

    /// Lets a call go on.
    pub(super) fn release(&self, id: u64) {
        let mut state = self.lock();
        if let Some(call) = state.calls.iter_mut().find(|call| call.id == id) {
            call.done = true;
            call.waker.wake_by_ref();
        }
    }
}

pub(super) fn moment(now: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(now)
}

impl State {
    pub(super) fn register(&mut self, number: usize, key: Fingerprint) {
        let now = self.now;
        let number = &mut self.numbers[number];
        number.mismatch = false;
        let last = number.history.last_mut().unwrap();
        if last.key != key {
            last.until = Some(now);
            number.history.push(Had {
                key,
                from: now,
                until: None,
            });
        }
    }

    pub(super) fn has_private(&self, key: Fingerprint) -> bool {
        let prefix = format!("private/{SET}/{key}.");
        self.objects
            .range(prefix.clone()..)
            .next()
            .is_some_and(|(path, _)| path.starts_with(&prefix))
    }

    pub(super) fn events(&self) -> usize {
        let prefix = format!("sets/{SET}/events/");
        self.objects
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix))
            .count()
    }
}

/// A call to the outside: pending until the scheduler releases it.
pub(super) struct Pause {
    world: World,
    actor: usize,
    what: String,
    wait: u64,
    id: Option<u64>,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let world = self.world.clone();
        let mut state = world.lock();
        let Some(id) = self.id else {
            let id = state.next_call;
            state.next_call += 1;
            let due = state.now + self.wait;
            let call = Call {
                id,
                actor: self.actor,
                what: std::mem::take(&mut self.what),
                due,
                done: false,
                waker: context.waker().clone(),
            };
            state.calls.push(call);
            self.id = Some(id);
            return Poll::Pending;
        };
        let at = state.calls.iter().position(|call| call.id == id).unwrap();
        if state.calls[at].done {
            state.calls.remove(at);
            drop(state);
            self.id = None;
            return Poll::Ready(());
        }
        state.calls[at].waker = context.waker().clone();
        Poll::Pending
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.world.lock().calls.retain(|call| call.id != id);
        }
    }
}
