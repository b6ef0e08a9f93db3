//! Garbage collection: private keys that nothing needs any more are deleted.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wa_keys::Fingerprint;
use wa_keystore::{Change, KeyState, SetLog};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::report::Kept;
use crate::text;

/// Records of instances are deleted after this time.
const RECORD_AGE: Duration = Duration::from_hours(30 * 24);

/// What a garbage collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Collected {
    /// Keys whose destruction was scheduled.
    #[serde(with = "text::list")]
    pub scheduled: Vec<Fingerprint>,
    /// Keys whose private half was deleted.
    #[serde(with = "text::list")]
    pub destroyed: Vec<Fingerprint>,
    /// Keys that are not used and stay for now.
    pub kept: Vec<Kept>,
    /// Encryptions of private keys that were deleted, because every instance reads a later one.
    pub encryptions: usize,
    /// Records of instances that were deleted.
    pub records: usize,
}

impl SetOperator {
    /// Schedules keys that were disabled 30 days ago, destroys those that were scheduled 7 days ago, and
    /// deletes what interrupted commands left. A key that a number has is never destroyed.
    ///
    /// # Errors
    ///
    /// [`FleetError`] if the store or the registry cannot be read. What was done until then is done.
    pub async fn collect_garbage(&self) -> Result<Collected, FleetError> {
        let log = self.open_log().await?;
        // Listed before the log is read again: a key of a rotation that runs now is found in that log, or its
        // event makes this one fail.
        let stored = self.set.stored_keys().await?;
        let left = stored.keys().filter(|key| log.key(**key).is_none()).copied();
        let known = log.keys().iter().map(|key| key.fingerprint);
        let keys: Vec<Fingerprint> = known.chain(left).collect();
        let mut collected = Collected::default();
        for key in keys {
            self.collect_key(key, stored.contains_key(&key), &mut collected)
                .await?;
        }
        self.collect_encryptions(&mut collected).await?;
        self.collect_records(&mut collected).await?;
        Ok(collected)
    }

    async fn collect_key(
        &self,
        key: Fingerprint,
        is_stored: bool,
        collected: &mut Collected,
    ) -> Result<(), FleetError> {
        let mut log = self.read_log().await?;
        let (state, since) = match log.key(key) {
            Some(record) => (Some(record.state), Some(record.state_since)),
            None => (None, None),
        };
        let age = since.map_or(Duration::ZERO, |since| self.time.since(since));
        let (change, wait) = match state {
            Some(KeyState::Disabled) => (Change::DestroyScheduled { key }, self.policy.hold),
            Some(KeyState::DestroyScheduled) => (Change::Destroyed { key }, self.policy.scheduled),
            Some(KeyState::Destroyed) if is_stored => {
                return self.delete(&log, key, collected).await;
            }
            None => (Change::Destroyed { key }, Duration::ZERO),
            Some(_) => return Ok(()),
        };
        let numbers = self.numbers(&log)?;
        if let Err(error) = self.refuse_registered(key, &numbers).await {
            return keep(key, error, collected);
        }
        if let Err(error) = self.refuse_external(&log, key) {
            return keep(key, error, collected);
        }
        // The age again: the registry's time is known now.
        let age = since.map_or(age, |since| self.time.since(since));
        if age < wait {
            let left = Duration::from_secs(wait.saturating_sub(age).as_secs().max(1));
            let cause = format!("it waits another {}", humantime::format_duration(left));
            collected.kept.push(Kept { key, cause });
            return Ok(());
        }
        let destroys = matches!(change, Change::Destroyed { .. });
        #[cfg(test)]
        if destroys && !self.rules.hold(crate::rules::Rule::DestroyEventFirst) {
            self.rules.delete_unannounced(key).await;
        }
        if !self.append(&mut log, change).await? {
            let cause = "another operator changed the key set".to_owned();
            collected.kept.push(Kept { key, cause });
            return Ok(());
        }
        if destroys {
            return self.delete(&log, key, collected).await;
        }
        collected.scheduled.push(key);
        Ok(())
    }

    async fn delete(
        &self,
        log: &SetLog,
        key: Fingerprint,
        collected: &mut Collected,
    ) -> Result<(), FleetError> {
        self.set.delete_private_key(log, key).await?;
        collected.destroyed.push(key);
        Ok(())
    }

    /// Deletes earlier encryptions of private keys that every running instance has replaced by a later one.
    async fn collect_encryptions(&self, collected: &mut Collected) -> Result<(), FleetError> {
        let stored = self.set.stored_keys().await?;
        let running = self.running().await?;
        let reports: Vec<_> = running
            .iter()
            .filter_map(|record| record.sets.get(self.set.name()))
            .collect();
        if reports.is_empty() {
            return Ok(());
        }
        for (key, revisions) in stored {
            let read = reports
                .iter()
                .filter_map(|report| report.keys.get(&key))
                .map(|report| report.revision);
            let (Some(lowest), true) = (read.min(), revisions.len() > 1) else {
                continue;
            };
            if revisions.contains(&lowest) {
                self.set.delete_encryptions_before(key, lowest).await?;
                collected.encryptions += revisions.iter().filter(|revision| **revision < lowest).count();
            }
        }
        Ok(())
    }

    async fn collect_records(&self, collected: &mut Collected) -> Result<(), FleetError> {
        for record in self.store.records().await? {
            if self.time.since(record.modified.unwrap_or(record.at)) >= RECORD_AGE {
                self.store.delete_record(&record).await?;
                collected.records += 1;
            }
        }
        Ok(())
    }
}

/// Keeps a key that is registered; other failures end the collection.
fn keep(key: Fingerprint, error: FleetError, collected: &mut Collected) -> Result<(), FleetError> {
    if !matches!(
        error,
        FleetError::IsRegistered { .. } | FleetError::External { .. }
    ) {
        return Err(error);
    }
    let cause = error.to_string();
    collected.kept.push(Kept { key, cause });
    Ok(())
}
