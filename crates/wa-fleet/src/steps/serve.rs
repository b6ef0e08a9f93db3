//! Step 2: every instance serves the key.

use std::time::Duration;

use wa_keys::Fingerprint;
use wa_keystore::{InstanceRecord, SetLog};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::progress::{Progress, Stage};
use crate::rules::Rule;

/// A record appears within this time if any instance runs.
const FIRST_RECORD: Duration = Duration::from_secs(30);

/// What step 2 found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    /// The number of the last event when the step began: later events about the key repeat it.
    pub(crate) seen: u64,
    /// The instances that serve the key.
    pub(crate) instances: usize,
}

impl SetOperator {
    /// Waits until every instance lists the key, each after it has read the event that made the key servable.
    pub(crate) async fn wait_until_served(&self, key: Fingerprint) -> Result<Served, FleetError> {
        let start = self.clock.monotonic();
        let mut reported = None;
        let mut seen = None;
        loop {
            let log = self.read_log().await?;
            let seen = *seen.get_or_insert(log.last());
            if self.safeguards.no_instances {
                let cause = "instances are not checked (--no-instances)".to_owned();
                let stage = Stage::Served;
                self.observer.report(Progress::Skipped { stage, cause });
                return Ok(Served { seen, instances: 0 });
            }
            let state = self.key_state(&log, key)?;
            if !state.is_served() {
                let action = "served";
                return Err(FleetError::State { key, state, action });
            }
            let running = self.running().await?;
            let (instances, lagging) = self.lagging(&log, key, &running);
            if lagging.is_empty() && (instances > 0 || !self.rules.hold(Rule::AckBlock)) {
                return Ok(Served { seen, instances });
            }
            let waited = self.clock.monotonic().saturating_sub(start);
            // An instance that waits for its first key writes its record some seconds after the key.
            if running.is_empty() && waited >= self.policy.wait.min(FIRST_RECORD) {
                return Err(FleetError::NoInstances);
            }
            if waited >= self.policy.wait {
                return Err(self.not_served(key, lagging, waited));
            }
            if reported.as_ref() != Some(&lagging) {
                self.observer.report(Progress::Waiting {
                    cause: waiting_for(&lagging, key),
                    at_most: self.policy.wait.saturating_sub(waited),
                });
                reported = Some(lagging);
            }
            self.clock.sleep(self.policy.poll).await;
        }
    }

    fn not_served(&self, key: Fingerprint, mut lagging: Vec<String>, waited: Duration) -> FleetError {
        if lagging.is_empty() {
            lagging.push(format!("no instance serves key set {}", self.set.name()));
        }
        let waited = Duration::from_secs(waited.as_secs());
        FleetError::NotServed { key, lagging, waited }
    }

    /// Returns the records of instances that may run. A record that does not say that its instance stopped
    /// stands for an instance that serves what it lists, until the record is a day old by the store's clock.
    pub(crate) async fn running(&self) -> Result<Vec<InstanceRecord>, FleetError> {
        let mut records = self.store.records().await?;
        records.retain(|record| {
            let ignored = &self.safeguards.ignored_instances;
            let is_ignored = ignored.contains(&record.instance);
            let age = if self.rules.hold(Rule::AckBlock) {
                self.time.since(record.modified.unwrap_or(record.at))
            } else {
                // An instance's own clock, and a short life.
                let now = self.clock.now();
                let age = now.duration_since(record.at).unwrap_or_default();
                return !is_ignored && age < Duration::from_secs(15);
            };
            !record.stopped && !is_ignored && age < self.policy.instance_age
        });
        Ok(records)
    }

    /// Returns how many instances serve the set, and those that do not serve the key, each with the reason.
    fn lagging(&self, log: &SetLog, key: Fingerprint, running: &[InstanceRecord]) -> (usize, Vec<String>) {
        let set = self.set.name();
        let since = log.key(key).map_or(0, |key| key.servable_since);
        let since = if self.rules.hold(Rule::AckHead) { since } else { 0 };
        let mut instances = 0;
        let mut lagging = Vec::new();
        for record in running {
            let Some(report) = record.sets.get(set) else {
                continue;
            };
            instances += 1;
            if record.serves(set, key, since) {
                continue;
            }
            let age = self.time.since(record.modified.unwrap_or(record.at));
            let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
            let name = &record.instance;
            lagging.push(if report.last < since {
                format!("{name} has read event {} of {since}, {age} ago", report.last)
            } else {
                format!("{name} cannot open the key, as of {age} ago")
            });
        }
        (instances, lagging)
    }
}

fn waiting_for(lagging: &[String], key: Fingerprint) -> String {
    match lagging {
        [] => "an instance that serves the key set".to_owned(),
        lagging => format!(
            "instances that do not serve {}: {}",
            key.short(),
            lagging.join("; ")
        ),
    }
}
