//! Checks everything that a store has.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use wa_keys::Fingerprint;

use super::KeyStore;
use crate::error::StoreError;
use crate::instance::InstanceRecord;
use crate::log::{LogFault, SetLog};
use crate::set::KeySet;
use crate::state::KeyState;
use crate::warning::StoreWarning;

/// Sets that are checked at the same time.
const PARALLEL_SETS: usize = 8;

/// What [`KeyStore::check`] found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// The number of key sets.
    pub sets: usize,
    /// The number of keys that are not destroyed.
    pub keys: usize,
    /// The findings, faults first.
    pub findings: Vec<Finding>,
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something is damaged or missing: writers refuse the set, or a key is lost.
    Fault,
    /// Private keys are at risk, or an event has no effect.
    Warning,
    /// Nothing needs to be done.
    Note,
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// A log has a fault.
    #[error("key set {set}: {fault}")]
    Log {
        /// The set.
        set: String,
        /// The fault.
        fault: LogFault,
    },
    /// An instance has read events that a log does not have.
    #[error(
        "key set {set} ends at event {last}, but instance {instance} has read event {seen} of another log"
    )]
    Older {
        /// The set.
        set: String,
        /// The last event of the log.
        last: u64,
        /// The instance.
        instance: String,
        /// The last event that it has read.
        seen: u64,
    },
    /// The private key of a key that is not destroyed is missing.
    #[error("key set {set}: the private key {} is missing (state {state})", key.short())]
    NoPrivateKey {
        /// The set.
        set: String,
        /// The key.
        key: Fingerprint,
        /// Its state.
        state: KeyState,
    },
    /// A public key is missing or damaged.
    #[error("key set {set}: the public key {} is missing or damaged: {reason}", key.short())]
    PublicKey {
        /// The set.
        set: String,
        /// The key.
        key: Fingerprint,
        /// What is wrong with it.
        reason: String,
    },
    /// A private key was stored by a command that was interrupted before its event.
    #[error("key set {set}: the private key {} has no event; an interrupted command left it", key.short())]
    Orphan {
        /// The set.
        set: String,
        /// The key.
        key: Fingerprint,
    },
    /// The private key of a destroyed key is still stored.
    #[error("key set {set}: the private key {} is destroyed, and not deleted yet", key.short())]
    Undeleted {
        /// The set.
        set: String,
        /// The key.
        key: Fingerprint,
    },
    /// Private keys are at risk.
    #[error(transparent)]
    Warning(StoreWarning),
}

impl Finding {
    /// Returns how serious it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Log {
                fault: LogFault::NoEffect { .. },
                ..
            }
            | Self::Warning(_) => Severity::Warning,
            Self::Log { .. } | Self::Older { .. } | Self::NoPrivateKey { .. } | Self::PublicKey { .. } => {
                Severity::Fault
            }
            Self::Orphan { .. } | Self::Undeleted { .. } => Severity::Note,
        }
    }
}

impl KeyStore {
    /// Returns what is unsafe about where the store is.
    pub async fn warnings(&self) -> Vec<StoreWarning> {
        self.backend.warnings().await
    }

    /// Reads the logs, keys and records of all sets, and lists what is wrong with them. No key is opened.
    /// Whether the storage itself works is checked by [`check_conformance`](crate::check_conformance).
    ///
    /// # Errors
    ///
    /// The backend's error; [`StoreError::Damaged`] for a record that cannot be read.
    pub async fn check(&self) -> Result<CheckReport, StoreError> {
        let mut report = CheckReport::default();
        report
            .findings
            .extend(self.warnings().await.into_iter().map(Finding::Warning));
        let records = self.records().await?;
        let names = self.sets().await?;
        report.sets = names.len();
        let records = records.as_slice();
        let mut checked = stream::iter(&names)
            .map(|name| async move { check_set(&self.set(name)?, records).await })
            .buffered(PARALLEL_SETS);
        while let Some((keys, findings)) = checked.try_next().await? {
            report.keys += keys;
            report.findings.extend(findings);
        }
        report.findings.sort_by_key(Finding::severity);
        Ok(report)
    }
}

async fn check_set(set: &KeySet, records: &[InstanceRecord]) -> Result<(usize, Vec<Finding>), StoreError> {
    let log = set.read().await?;
    let name = || set.name().to_owned();
    let faults = log
        .faults()
        .iter()
        .cloned()
        .map(|fault| Finding::Log { set: name(), fault });
    let older = records
        .iter()
        .filter(|record| record.is_ahead_of(set.name(), &log));
    let older = older.map(|record| Finding::Older {
        set: name(),
        last: log.last(),
        instance: record.instance.clone(),
        seen: record.sets.get(set.name()).map_or(0, |report| report.last),
    });
    let mut findings: Vec<Finding> = faults.chain(older).collect();
    let stored = set.stored_keys().await?;
    stored_keys(set, &log, &stored, &mut findings);
    for key in log
        .keys()
        .iter()
        .filter(|key| stored.contains_key(&key.fingerprint))
    {
        let key = key.fingerprint;
        if let Err(error) = set.public_key(key).await {
            let StoreError::Damaged { reason, .. } = error else {
                return Err(error);
            };
            findings.push(Finding::PublicKey {
                set: name(),
                key,
                reason,
            });
        }
        if set
            .private_key(key)
            .await
            .is_ok_and(|stored| !stored.is_encrypted())
        {
            findings.push(Finding::Warning(StoreWarning::Unencrypted { set: name(), key }));
        }
    }
    let kept = log.keys().iter().filter(|key| key.state != KeyState::Destroyed);
    Ok((kept.count(), findings))
}

/// Compares the private keys that are stored with those that the log names.
fn stored_keys(
    set: &KeySet,
    log: &SetLog,
    stored: &BTreeMap<Fingerprint, Vec<u32>>,
    findings: &mut Vec<Finding>,
) {
    let name = || set.name().to_owned();
    for key in log.keys() {
        let (is_stored, state) = (stored.contains_key(&key.fingerprint), key.state);
        let key = key.fingerprint;
        match (is_stored, state == KeyState::Destroyed) {
            (false, false) => findings.push(Finding::NoPrivateKey {
                set: name(),
                key,
                state,
            }),
            (true, true) => findings.push(Finding::Undeleted { set: name(), key }),
            (true, false) | (false, true) => {}
        }
    }
    // A log that cannot be read to its end may name them.
    let known: BTreeSet<_> = log.keys().iter().map(|key| key.fingerprint).collect();
    let unknown = stored
        .keys()
        .filter(|key| log.is_writable() && !known.contains(key));
    findings.extend(unknown.map(|key| Finding::Orphan {
        set: name(),
        key: *key,
    }));
}
