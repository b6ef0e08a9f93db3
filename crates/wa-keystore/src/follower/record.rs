//! The record of this instance, and those of its killed predecessors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use wa_keys::Fingerprint;

use super::shared::{Shared, Usage, lock};
use super::{Notice, ServedKeys};
use crate::error::StoreError;
use crate::event::EventId;
use crate::instance::{InstanceRecord, KeyReport, SetReport};
use crate::store::KeyStore;

/// The record is written again after this time.
const INTERVAL: Duration = Duration::from_mins(1);
/// A record that could not be written is written again after this time.
const RETRY: Duration = Duration::from_secs(5);
/// A process with the name of this instance is dead if its record did not change for this time.
const PREDECESSOR: Duration = Duration::from_mins(3);
/// The longest time that a clean end waits for its record.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

pub(super) struct Recorder {
    /// The record without what changes.
    record: InstanceRecord,
    started: Instant,
    confirmed: watch::Sender<Option<Arc<ServedKeys>>>,
    /// Held during a write; true after the record of a clean end, which must be the last one.
    stopped: tokio::sync::Mutex<bool>,
    /// The generation that the last written record lists.
    written: watch::Sender<u64>,
    usage: Mutex<Option<Usage>>,
    /// When the records of predecessors were first seen as they are.
    predecessors: Mutex<HashMap<EventId, (SystemTime, Instant)>>,
}

impl Recorder {
    pub(super) fn new(record: InstanceRecord) -> Self {
        Self {
            record,
            started: Instant::now(),
            confirmed: watch::Sender::default(),
            stopped: tokio::sync::Mutex::default(),
            written: watch::Sender::default(),
            usage: Mutex::default(),
            predecessors: Mutex::default(),
        }
    }

    /// Returns the record as of now; `None` before anything was confirmed.
    fn current(&self, stopped: bool) -> Option<(u64, InstanceRecord)> {
        let confirmed = self.confirmed.borrow().clone()?;
        let usage = lock(&self.usage).clone();
        let mut record = InstanceRecord {
            stopped,
            at: SystemTime::now(),
            uptime: self.started.elapsed(),
            ..self.record.clone()
        };
        for (name, set) in confirmed.sets() {
            let used: HashMap<_, _> = usage.iter().flat_map(|usage| usage(name)).collect();
            let last_request = |key: &Fingerprint| {
                let age = record.at.duration_since(*used.get(key)?);
                Some(age.unwrap_or_default())
            };
            let key = |key: &super::ServedKey| {
                let report = KeyReport {
                    revision: key.revision,
                    last_request: last_request(&key.fingerprint),
                };
                (key.fingerprint, report)
            };
            let report = SetReport {
                last: set.last,
                id: set.id,
                keys: set.keys.iter().map(key).collect(),
            };
            record.sets.insert(name.to_owned(), report);
        }
        Some((confirmed.generation(), record))
    }
}

impl Shared {
    pub(super) fn confirm(&self, served: &Arc<ServedKeys>) {
        self.recorder.confirmed.send_replace(Some(Arc::clone(served)));
    }

    pub(super) async fn recorded(&self) {
        let confirmed = self
            .recorder
            .confirmed
            .borrow()
            .as_ref()
            .map(|served| served.generation());
        let Some(confirmed) = confirmed else {
            return;
        };
        let mut written = self.recorder.written.subscribe();
        // It fails only if the sender is gone, which is a field of this value.
        let _ = written.wait_for(|written| *written >= confirmed).await;
    }

    pub(super) fn report_usage_with(&self, usage: Usage) {
        *lock(&self.recorder.usage) = Some(usage);
    }

    /// Writes the record for ever: when something was confirmed, and every minute.
    pub(super) async fn keep_record(self: Arc<Self>) {
        let mut confirmed = self.recorder.confirmed.subscribe();
        // Something may have been confirmed before this task first runs.
        confirmed.mark_changed();
        let mut pause = INTERVAL;
        loop {
            // It fails only if the sender is gone, which is a field of this value.
            let _ = timeout(pause, confirmed.changed()).await;
            let Some(store) = self.store() else {
                pause = RETRY;
                continue;
            };
            let written = self.write_record(store, false).await;
            pause = if written.is_ok() { INTERVAL } else { RETRY };
            let error = written.err().map(Arc::new);
            let had_failed = self.status().record_error.is_some();
            if let Some(error) = error.as_ref().filter(|_| !had_failed) {
                self.notify(&Notice::RecordFailed(Arc::clone(error)));
            }
            let failed = error.is_some();
            self.record_result(error);
            if !failed {
                // A failure is found again after a minute.
                let _ = self.mark_predecessors(store).await;
            }
        }
    }

    /// Writes the record of a clean end, if there is a record.
    pub(super) async fn record_stop(&self) -> Result<(), StoreError> {
        let Some(store) = self.store() else {
            return Ok(());
        };
        match timeout(STOP_DEADLINE, self.write_record(store, true)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::TimedOut),
        }
    }

    async fn write_record(&self, store: &KeyStore, stop: bool) -> Result<(), StoreError> {
        let mut stopped = self.recorder.stopped.lock().await;
        if *stopped {
            return Ok(());
        }
        *stopped = stop;
        if let Some((generation, record)) = self.recorder.current(stop) {
            store.write_record(&record).await?;
            self.recorder.written.send_replace(generation);
        }
        Ok(())
    }

    /// Marks the records of killed processes with the name of this instance as stopped.
    async fn mark_predecessors(&self, store: &KeyStore) -> Result<(), StoreError> {
        let own = &self.recorder.record;
        let records = store.records_of(&own.instance).await?;
        let is_running = |record: &InstanceRecord| {
            record.instance == own.instance && record.boot != own.boot && !record.stopped
        };
        for mut record in records.into_iter().filter(is_running) {
            let modified = record.modified.unwrap_or(record.at);
            let unchanged_since = {
                let mut seen = lock(&self.recorder.predecessors);
                let entry = seen.entry(record.boot).or_insert((modified, Instant::now()));
                if entry.0 != modified {
                    *entry = (modified, Instant::now());
                }
                entry.1
            };
            if unchanged_since.elapsed() >= PREDECESSOR {
                record.stopped = true;
                store.write_record(&record).await?;
                let boot = record.boot.to_string();
                self.notify(&Notice::PredecessorStopped { boot });
            }
        }
        Ok(())
    }
}
