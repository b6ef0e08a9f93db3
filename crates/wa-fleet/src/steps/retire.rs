//! Step 7, and the only place that disables a key.

use std::time::Duration;

use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;
use wa_keystore::{Change, KeyRecord, KeyState, SetLog};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::policy::ROUNDS;
use crate::progress::Progress;
use crate::report::Kept;
use crate::rules::Rule;

/// Why a key is disabled, which decides what must be true before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A rotation or repair retires keys that are no longer used.
    Retire,
    /// An operator names the key.
    Named,
    /// Its private key may be known to others: no grace time.
    Compromised,
}

impl SetOperator {
    /// Disables the keys that are no longer used, and returns them and those that stay.
    pub(crate) async fn retire(&self) -> Result<(Vec<Fingerprint>, Vec<Kept>), FleetError> {
        let log = self.read_log().await?;
        let enabled: Vec<Fingerprint> = log
            .keys()
            .iter()
            .filter(|key| key.state == KeyState::Enabled)
            .map(|key| key.fingerprint)
            .collect();
        let (mut disabled, mut kept) = (Vec::new(), Vec::new());
        for key in enabled {
            match self.disable_key(key, Reason::Retire).await {
                Ok(()) => disabled.push(key),
                Err(error) if is_a_wait(&error) => {
                    let cause = match &error {
                        FleetError::Registry { source, .. } => format!("{error}: {source}"),
                        error => error.to_string(),
                    };
                    let kept_key = Kept { key, cause };
                    self.observer.report(Progress::Kept(kept_key.clone()));
                    kept.push(kept_key);
                }
                Err(error) => return Err(error),
            }
        }
        Ok((disabled, kept))
    }

    /// Disables a key if nothing can still need it.
    pub(crate) async fn disable_key(&self, key: Fingerprint, reason: Reason) -> Result<(), FleetError> {
        for _ in 0..ROUNDS {
            // Read before Graph is asked: an event in between makes the last step fail.
            let mut log = self.read_log().await?;
            let record = self.record(&log, key)?.clone();
            self.refuse_to_disable(&record, reason)?;
            self.refuse_registered(key, &self.numbers(&log)?).await?;
            self.refuse_external(&log, key)?;
            if reason != Reason::Compromised {
                self.refuse_in_use(key).await?;
            }
            if !self.rules.hold(Rule::ReadBeforeAudit) {
                log = self.read_log().await?;
            }
            let compromised = reason == Reason::Compromised;
            if self
                .append(&mut log, Change::Disabled { key, compromised })
                .await?
            {
                self.observer.report(Progress::Disabled { key });
                return Ok(());
            }
        }
        Err(self.contended())
    }

    fn record<'a>(&self, log: &'a SetLog, key: Fingerprint) -> Result<&'a KeyRecord, FleetError> {
        log.key(key).ok_or_else(|| FleetError::UnknownKey {
            set: self.set.name().to_owned(),
            key: key.to_string(),
        })
    }

    /// Fails unless the state of the key allows it to be disabled now.
    fn refuse_to_disable(&self, record: &KeyRecord, reason: Reason) -> Result<(), FleetError> {
        let (key, state) = (record.fingerprint, record.state);
        let leaked = reason == Reason::Compromised;
        let allowed = match state {
            KeyState::Enabled => true,
            KeyState::Pending | KeyState::DestroyScheduled => reason != Reason::Retire,
            KeyState::Disabled => leaked && !record.compromised,
            _ => false,
        };
        if !allowed {
            let action = "disabled";
            return Err(FleetError::State { key, state, action });
        }
        let graced = state == KeyState::Enabled && !leaked;
        if graced && (reason == Reason::Retire || self.rules.hold(Rule::DisableGrace)) {
            let since = record.grace_since.unwrap_or(record.state_since);
            let left = self.policy.grace.saturating_sub(self.time.since(since));
            if !left.is_zero() {
                let left = Duration::from_secs(left.as_secs().max(1));
                return Err(FleetError::InGrace { key, left });
            }
        }
        Ok(())
    }

    /// Fails if a number has the key, or cannot be read.
    pub(crate) async fn refuse_registered(
        &self,
        key: Fingerprint,
        numbers: &[PhoneNumberId],
    ) -> Result<(), FleetError> {
        for (number, reading) in self.read_numbers(numbers).await? {
            match reading {
                Ok(found) if found.fingerprint() == Some(key) => {
                    return Err(FleetError::IsRegistered { key, number });
                }
                Ok(_) => {}
                Err(source) => return Err(FleetError::Registry { number, source }),
            }
        }
        Ok(())
    }

    /// Fails if an instance reports a request that used the key lately.
    async fn refuse_in_use(&self, key: Fingerprint) -> Result<(), FleetError> {
        for record in self.store.records().await? {
            let report = record
                .sets
                .get(self.set.name())
                .and_then(|set| set.keys.get(&key));
            let Some(before) = report.and_then(|report| report.last_request) else {
                continue;
            };
            let age = self.time.since(record.modified.unwrap_or(record.at));
            let ago = Duration::from_secs(before.saturating_add(age).as_secs());
            if ago < self.policy.quiet {
                let instance = record.instance;
                return Err(FleetError::InUse { key, instance, ago });
            }
        }
        Ok(())
    }
}

/// Returns true if the key stays for now, which is no failure of a rotation.
fn is_a_wait(error: &FleetError) -> bool {
    matches!(
        error,
        FleetError::InGrace { .. }
            | FleetError::IsRegistered { .. }
            | FleetError::InUse { .. }
            | FleetError::External { .. }
            | FleetError::State { .. }
            | FleetError::Registry { .. }
    )
}
