//! Instances: processes that serve from the store.

use std::time::Duration;

use futures_util::FutureExt as _;
use wa_keys::Fingerprint;
use wa_keystore::{EventId, InstanceRecord, KeyReport, KeyStore, SetLog, SetReport};

use super::backend::SimulatedBackend;
use super::world::{SET, World, moment};
use crate::rules::Rule;

/// An instance polls the store this often.
pub(super) const POLL: u64 = 15_000;

pub(super) struct Instance {
    pub(super) name: String,
    boot: u32,
    pub(super) is_up: bool,
    /// It cannot reach the store, and serves what it has.
    pub(super) is_cut_off: bool,
    /// How much its clock is ahead.
    pub(super) skew: i64,
    pub(super) log: SetLog,
    pub(super) ring: Vec<Fingerprint>,
    pub(super) polled: u64,
    /// Its own record, and that of a killed predecessor.
    record: InstanceRecord,
    predecessor: Option<(InstanceRecord, u64)>,
}

fn record(name: &str, boot: u32) -> InstanceRecord {
    let boot: EventId = format!("{boot:032x}").parse().unwrap();
    InstanceRecord::new(name, boot)
}

impl Instance {
    pub(super) fn new(name: &str, boot: u32, skew: i64) -> Self {
        Self {
            name: name.to_owned(),
            boot,
            is_up: true,
            is_cut_off: false,
            skew,
            log: SetLog::default(),
            ring: Vec::new(),
            polled: 0,
            record: record(name, boot),
            predecessor: None,
        }
    }

    /// Starts the process again, with an empty memory.
    pub(super) fn restart(&mut self, world: &World) {
        if !self.record.stopped {
            let now = world.lock().now;
            self.predecessor = Some((self.record.clone(), now));
        }
        self.boot += 100;
        (self.is_up, self.is_cut_off) = (true, false);
        self.log = SetLog::default();
        self.record = record(&self.name, self.boot);
        self.poll(world, Poll::Start);
    }

    /// Ends the process; a clean end is written to the record.
    pub(super) fn stop(&mut self, world: &World, cleanly: bool) {
        self.is_up = false;
        if cleanly {
            self.record.stopped = true;
            let record = self.record.clone();
            write(world, &record);
        }
    }

    /// Reads the store, serves what it lists, and writes the record.
    pub(super) fn poll(&mut self, world: &World, how: Poll) {
        if self.is_cut_off {
            return;
        }
        let goes_back = !world.holds(Rule::NeverGoBack);
        let store = open(world, None);
        let records = store.records().now_or_never().unwrap().unwrap();
        let all = read(&store);
        let refused = |log: &SetLog| records.iter().any(|record| record.is_ahead_of(SET, log));
        if !goes_back && (refused(&all) || all.last() < self.log.last()) {
            return;
        }
        {
            let state = world.lock();
            self.polled = state.now;
        }
        let mut log = all;
        if how == Poll::Usual && stale(world) {
            let shown = usize::try_from(log.last()).unwrap() - 1;
            let older = read(&open(world, Some(shown)));
            world.log(format!(
                "{} reads a stale listing: {} of {} events",
                self.name,
                older.last(),
                log.last()
            ));
            if goes_back || !(refused(&older) || older.last() < self.log.last()) {
                log = older;
            }
        }
        self.log = log;
        let state = world.lock();
        let ring: Vec<Fingerprint> = self
            .log
            .served()
            .map(|key| key.fingerprint)
            .filter(|key| state.has_private(*key))
            .collect();
        drop(state);
        let changed = ring != self.ring;
        self.ring = ring;
        if changed && how == Poll::Usual && loses_record(world) {
            let keys: Vec<_> = self.ring.iter().map(|key| world.name(*key)).collect();
            world.log(format!(
                "{} serves {}, and fails to write its record",
                self.name,
                keys.join(", ")
            ));
            return;
        }
        self.write_record(world);
    }

    pub(super) fn write_record(&mut self, world: &World) {
        let now = world.lock().now;
        self.record.at = moment(u64::try_from(i64::try_from(now).unwrap() + self.skew).unwrap());
        let keys = self.ring.iter().map(|key| {
            let report = KeyReport {
                revision: 1,
                last_request: None,
            };
            (*key, report)
        });
        let report = SetReport {
            last: self.log.last(),
            id: self.log.events().last().map(|event| event.id),
            keys: keys.collect(),
        };
        self.record.sets.insert(SET.to_owned(), report);
        self.record.uptime = Duration::ZERO;
        write(world, &self.record);
        if let Some((record, since)) = &mut self.predecessor
            && now > *since + 180_000
        {
            record.stopped = true;
            let record = record.clone();
            write(world, &record);
            self.predecessor = None;
        }
    }
}

/// Whether a poll may be disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Poll {
    Usual,
    Start,
}

fn stale(world: &World) -> bool {
    let mut state = world.lock();
    let stale = state.stale_listings > 0 && state.events() > 7 && state.random.pick(&[12, 1]) == 1;
    state.stale_listings -= usize::from(stale);
    stale
}

fn loses_record(world: &World) -> bool {
    let mut state = world.lock();
    let lost = state.lost_records > 0 && state.random.pick(&[5, 1]) == 1;
    state.lost_records -= usize::from(lost);
    lost
}

pub(super) fn open(world: &World, shown: Option<usize>) -> KeyStore {
    let backend = SimulatedBackend {
        shown,
        ..SimulatedBackend::direct(world)
    };
    KeyStore::open(backend).now_or_never().unwrap().unwrap()
}

pub(super) fn read(store: &KeyStore) -> SetLog {
    store.set(SET).unwrap().read().now_or_never().unwrap().unwrap()
}

pub(super) fn write(world: &World, record: &InstanceRecord) {
    let store = open(world, None);
    store.write_record(record).now_or_never().unwrap().unwrap();
}
