//! One followed set: its log, its opened keys, and how they change.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cache::Cache;
use super::load::{Failures, Loader, OpenedKey, OpenedKeys};
use super::{Notice, ServedKey, ServedSet};
use crate::error::StoreError;
use crate::instance::SetReport;
use crate::log::SetLog;
use crate::set::KeySet;

/// Keys that cannot be opened are tried again after this time.
const RETRY: Duration = Duration::from_mins(1);
/// A listing finds what polls do not: a log that was replaced, and new encryptions of private keys.
const LISTING: Duration = Duration::from_hours(1);
/// Two forced reads are at least this far apart.
const FORCED: Duration = Duration::from_secs(1);

pub(super) struct FollowedSet {
    pub(super) name: String,
    state: tokio::sync::Mutex<State>,
    served: Mutex<Arc<ServedSet>>,
}

/// Replaced as a whole after everything that can fail or be cancelled, so that it is always consistent.
#[derive(Clone, Default)]
struct State {
    log: Arc<SetLog>,
    keys: OpenedKeys,
    failures: Failures,
    /// The last event that was read before, by this process or an instance, if the log does not have it.
    ahead: Option<SetReport>,
    read_at: Option<Instant>,
    forced_at: Option<Instant>,
    listed_at: Option<Instant>,
    tried_at: Option<Instant>,
}

impl FollowedSet {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: tokio::sync::Mutex::default(),
            served: Mutex::default(),
        }
    }

    pub(super) fn served(&self) -> Arc<ServedSet> {
        Arc::clone(&self.served.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns true if the set is not followed because its log is older than one that was read before.
    pub(super) async fn is_older(&self) -> bool {
        self.state.lock().await.ahead.is_some()
    }

    /// Reads the log for the first time. `seen` is what instances report to have read; `copy` is the log in
    /// the cache, which is served if that of the store is older.
    pub(super) async fn start(
        &self,
        set: &KeySet,
        loader: &Loader,
        seen: &[SetReport],
        copy: Option<SetLog>,
    ) -> Result<(), StoreError> {
        let mut log = set.read().await?;
        // A listing may be older than what single reads return.
        set.catch_up(&mut log).await?;
        let ahead = seen.iter().filter(|report| report.is_ahead_of(&log));
        let mut ahead = ahead.max_by_key(|report| report.last).cloned();
        if let Some(copy) = copy.filter(|copy| report(copy).is_ahead_of(&log)) {
            ahead = Some(report(&copy));
            log = copy;
        }
        if let Some(ahead) = &ahead {
            loader.notify(&self.older(ahead.last));
        }
        self.notify_fault(&log, None, loader);
        loader.expect(log.served().count());
        let mut state = self.state.lock().await;
        state.log = Arc::new(log);
        state.ahead = ahead;
        state.listed_at = Some(Instant::now());
        Ok(())
    }

    /// Opens the keys of the log that was read first, from the store or else from the cache.
    pub(super) async fn open(&self, set: &KeySet, loader: &Loader, cache: Option<&Cache>) {
        let mut state = self.state.lock().await;
        let mut next = state.clone();
        self.open_missing(set, loader, &mut next).await;
        if let Some(Ok(Some(copy))) = match cache {
            Some(cache) if !next.failures.is_empty() => Some(cache.open().await),
            _ => None,
        } && let Ok(copy) = copy.set(&self.name)
        {
            let missing: Vec<_> = next.failures.keys().copied().collect();
            let (found, _) = loader.open(&copy, missing).await;
            next.failures.retain(|key, _| !found.contains_key(key));
            next.keys.extend(found);
        }
        self.commit(&mut state, next, loader, cache).await;
    }

    /// Reads the next event, and what else is due. Returns true if anything changed.
    pub(super) async fn poll(
        &self,
        set: &KeySet,
        loader: &Loader,
        cache: Option<&Cache>,
    ) -> Result<bool, StoreError> {
        let mut state = self.state.lock().await;
        self.advance(&mut state, set, loader, cache).await
    }

    /// Polls now, unless a read began after the call or too many reads were forced.
    pub(super) async fn refresh(
        &self,
        set: &KeySet,
        loader: &Loader,
        cache: Option<&Cache>,
    ) -> Result<bool, StoreError> {
        let called = Instant::now();
        // Concurrent calls wait here for the one that reads.
        let mut state = self.state.lock().await;
        let is_limited = state.forced_at.is_some_and(|at| at.elapsed() < FORCED);
        if is_limited || state.read_at.is_some_and(|at| at > called) {
            return Ok(false);
        }
        state.forced_at = Some(Instant::now());
        self.advance(&mut state, set, loader, cache).await
    }

    async fn advance(
        &self,
        state: &mut State,
        set: &KeySet,
        loader: &Loader,
        cache: Option<&Cache>,
    ) -> Result<bool, StoreError> {
        let mut next = state.clone();
        let now = Instant::now();
        let is_due = |at: Option<Instant>, after| at.is_none_or(|at| now - at >= after);
        let mut changed = self.read_events(set, loader, &mut next).await?;
        next.read_at = Some(now);
        let listing = if next.ahead.is_some() { RETRY } else { LISTING };
        if is_due(next.listed_at, listing) {
            changed |= self.read_listing(set, loader, &mut next).await?;
            next.listed_at = Some(now);
        }
        let retries = !changed && !next.failures.is_empty() && is_due(next.tried_at, RETRY);
        if retries {
            loader.expect(next.failures.len());
        }
        if changed || retries {
            changed |= self.open_missing(set, loader, &mut next).await;
        }
        if changed {
            self.commit(state, next, loader, cache).await;
        } else {
            *state = next;
        }
        Ok(changed)
    }

    /// Appends new events to the log, if they follow those that were read before.
    async fn read_events(&self, set: &KeySet, loader: &Loader, next: &mut State) -> Result<bool, StoreError> {
        if !set.has_event(next.log.last() + 1).await? {
            return Ok(false);
        }
        let mut log = SetLog::clone(&next.log);
        if !set.catch_up(&mut log).await? {
            return Ok(false);
        }
        // The store may have been replaced: its events must continue the same log.
        if log.last() > next.log.last()
            && let Some(last) = next.log.events().last()
            && set.event_id(last.number).await? != Some(last.id)
        {
            self.keep(next, loader);
            return Ok(false);
        }
        self.notify_fault(&log, next.log.stop(), loader);
        loader.expect(
            log.served()
                .filter(|key| !next.keys.contains_key(&key.fingerprint))
                .count(),
        );
        next.ahead = next.ahead.take().filter(|ahead| ahead.is_ahead_of(&log));
        next.log = Arc::new(log);
        Ok(true)
    }

    /// Compares the whole log with the one in memory, and finds new encryptions of private keys.
    async fn read_listing(
        &self,
        set: &KeySet,
        loader: &Loader,
        next: &mut State,
    ) -> Result<bool, StoreError> {
        let mut log = set.read().await?;
        set.catch_up(&mut log).await?;
        if report(&next.log).is_ahead_of(&log) {
            self.keep(next, loader);
            return Ok(false);
        }
        next.ahead = next.ahead.take().filter(|ahead| ahead.is_ahead_of(&log));
        let stored = set.stored_keys().await?;
        let is_old = |key: &wa_keys::Fingerprint, revision: u32| {
            stored
                .get(key)
                .and_then(|found| found.last())
                .is_some_and(|last| *last > revision)
        };
        let old: Vec<_> = next
            .keys
            .iter()
            .filter(|(key, opened)| is_old(key, opened.revision))
            .map(|(key, _)| *key)
            .collect();
        if old.is_empty() {
            return Ok(false);
        }
        loader.expect(old.len());
        // A key whose new encryption cannot be opened stays as it is, and is tried at the next listing.
        let (opened, failed) = loader.open(set, old).await;
        for (key, error) in failed {
            loader.notify(&self.unopened(key, error));
        }
        let newer = opened
            .into_iter()
            .filter(|(key, found)| is_newer(next.keys.get(key), found.revision));
        let newer: OpenedKeys = newer.collect();
        let changed = !newer.is_empty();
        next.keys.extend(newer);
        Ok(changed)
    }

    /// Opens the keys that the log serves and that are not open. Returns true if one was opened.
    async fn open_missing(&self, set: &KeySet, loader: &Loader, next: &mut State) -> bool {
        let served: Vec<_> = next.log.served().map(|key| key.fingerprint).collect();
        let missing: Vec<_> = served
            .iter()
            .copied()
            .filter(|key| !next.keys.contains_key(key))
            .collect();
        let (opened, failures) = loader.open(set, missing).await;
        for (key, error) in &failures {
            if !next.failures.contains_key(key) {
                loader.notify(&self.unopened(*key, Arc::clone(error)));
            }
        }
        let changed = !opened.is_empty();
        next.keys.extend(opened);
        next.keys.retain(|key, _| served.contains(key));
        next.failures = failures;
        next.tried_at = Some(Instant::now());
        changed
    }

    /// Saves a state in the cache, and serves it.
    async fn commit(&self, state: &mut State, next: State, loader: &Loader, cache: Option<&Cache>) {
        if let Some(cache) = cache
            && let Err(error) = cache.save(&self.name, &next.log, &next.keys).await
        {
            loader.notify(&Notice::CacheFailed(Arc::new(error)));
        }
        *state = next;
        let served = snapshot(state);
        loader.notify(&Notice::Changed {
            set: self.name.clone(),
            last: served.last,
            keys: served.keys.len(),
        });
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(served);
    }

    /// Keeps the log in memory, because that of the store is older or another one.
    fn keep(&self, next: &mut State, loader: &Loader) {
        if next.ahead.is_none() {
            loader.notify(&self.older(next.log.last()));
            next.ahead = Some(report(&next.log));
        }
    }

    fn older(&self, seen: u64) -> Notice {
        Notice::Older {
            set: self.name.clone(),
            seen,
        }
    }

    fn unopened(&self, key: wa_keys::Fingerprint, error: Arc<StoreError>) -> Notice {
        Notice::Unopened {
            set: self.name.clone(),
            key,
            error,
        }
    }

    fn notify_fault(&self, log: &SetLog, before: Option<&crate::log::LogFault>, loader: &Loader) {
        if let Some(fault) = log.stop()
            && before != Some(fault)
        {
            loader.notify(&Notice::Fault {
                set: self.name.clone(),
                fault: fault.clone(),
            });
        }
    }
}

fn is_newer(opened: Option<&OpenedKey>, revision: u32) -> bool {
    opened.is_none_or(|opened| revision > opened.revision)
}

fn report(log: &SetLog) -> SetReport {
    SetReport {
        last: log.last(),
        id: log.events().last().map(|event| event.id),
        ..SetReport::default()
    }
}

fn snapshot(state: &State) -> ServedSet {
    let (mut keys, mut unopened) = (Vec::new(), Vec::new());
    for record in state.log.served() {
        match state.keys.get(&record.fingerprint) {
            Some(opened) => keys.push(ServedKey {
                fingerprint: record.fingerprint,
                state: record.state,
                revision: opened.revision,
                key: Arc::clone(&opened.key),
            }),
            None => unopened.push(record.fingerprint),
        }
    }
    ServedSet {
        last: state.log.last(),
        id: state.log.events().last().map(|event| event.id),
        keys,
        unopened,
        numbers: state.log.numbers().map(str::to_owned).collect(),
    }
}
