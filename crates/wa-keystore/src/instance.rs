//! Records of instances: the events that each serving process has read, and the keys that it serves.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use wa_keys::Fingerprint;

use crate::event::EventId;
use crate::log::SetLog;
use crate::rfc3339::Rfc3339;

/// The record of one process that serves keys of a store. Only that process overwrites it, except
/// [`stopped`](Self::stopped) of a killed predecessor.
///
/// A record does not expire by the clock of its instance. One that is neither `stopped` nor old by the
/// store's clock means that the instance may still serve the listed keys, and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceRecord {
    /// The name of the instance, for example of its host. Several processes in turn have it.
    pub instance: String,
    /// The identity of the process.
    pub boot: EventId,
    /// True after the process ended, or was found killed.
    pub stopped: bool,
    /// When the record was written, by the clock of the instance.
    pub at: SystemTime,
    /// When the store received it, by the store's clock, if the store records that.
    pub modified: Option<SystemTime>,
    /// How long the process has served. A key without a last request had none in this time.
    pub uptime: Duration,
    /// The sets that it serves.
    pub sets: BTreeMap<String, SetReport>,
}

/// The part of a record about one key set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetReport {
    /// The number of the last event that it has read; 0 if there was none.
    pub last: u64,
    /// The identity of that event.
    pub id: Option<EventId>,
    /// The keys that it can decrypt with.
    pub keys: BTreeMap<Fingerprint, KeyReport>,
}

/// The part of a record about one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyReport {
    /// The number of the encryption of the private key that it opened.
    pub revision: u32,
    /// The time since a request last used the key, when the record was written; `None` if there was no
    /// request.
    pub last_request: Option<Duration>,
}

impl InstanceRecord {
    /// Creates the record of a process that serves nothing yet. Of the name, ASCII letters, digits, `.`, `_`
    /// and `-` are kept, at most 63.
    #[must_use]
    pub fn new(instance: &str, boot: EventId) -> Self {
        Self {
            instance: instance_name(instance),
            boot,
            stopped: false,
            at: SystemTime::now(),
            modified: None,
            uptime: Duration::ZERO,
            sets: BTreeMap::new(),
        }
    }

    /// Returns true if the instance can decrypt with a key, and has read the log up to an event: the one that
    /// last made the key servable.
    #[must_use]
    pub fn serves(&self, set: &str, key: Fingerprint, since: u64) -> bool {
        self.sets
            .get(set)
            .is_some_and(|set| set.last >= since && set.keys.contains_key(&key))
    }

    /// Returns true if the instance has read events of a set that a log does not have: the store was restored
    /// from an older backup, or what was read of it is stale. Such a log must not be followed or continued.
    #[must_use]
    pub fn is_ahead_of(&self, set: &str, log: &SetLog) -> bool {
        self.sets.get(set).is_some_and(|report| report.is_ahead_of(log))
    }

    pub(crate) fn path(&self) -> String {
        format!("instances/{}-{}.json", self.instance, self.boot)
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        // Compact, because it has two lines for each set and is written every minute.
        serde_json::to_vec(&StoredRecord::from(self))
    }

    pub(crate) fn from_json(json: &[u8], modified: Option<SystemTime>) -> Result<Self, serde_json::Error> {
        let stored: StoredRecord = serde_json::from_slice(json)?;
        let mut sets = BTreeMap::new();
        for (name, set) in stored.sets {
            sets.insert(name, set.into_report().map_err(serde::de::Error::custom)?);
        }
        Ok(Self {
            instance: stored.instance,
            boot: stored.boot,
            stopped: stored.stopped,
            at: stored.at.0,
            modified,
            uptime: Duration::from_secs(stored.uptime_s),
            sets,
        })
    }
}

impl SetReport {
    pub(crate) fn is_ahead_of(&self, log: &SetLog) -> bool {
        let Some(last) = self.last.checked_sub(1) else {
            return false;
        };
        let event = usize::try_from(last).ok().and_then(|at| log.events().get(at));
        event.is_none_or(|event| self.id.is_some_and(|id| id != event.id))
    }
}

/// Returns a name as it is used in paths: lowercase letters, digits, `.`, `_` and `-`, at most 63; other
/// characters become `-`.
fn instance_name(name: &str) -> String {
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
    let name: String = name
        .chars()
        .take(63)
        .map(|char| {
            if allowed(char) {
                char.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() {
        "unnamed".to_owned()
    } else {
        name.to_owned()
    }
}

/// A record as JSON.
#[derive(Serialize, Deserialize)]
struct StoredRecord {
    instance: String,
    boot: EventId,
    #[serde(default)]
    stopped: bool,
    at: Rfc3339,
    #[serde(default)]
    uptime_s: u64,
    #[serde(default)]
    sets: BTreeMap<String, StoredSet>,
}

#[derive(Serialize, Deserialize)]
struct StoredSet {
    event: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<EventId>,
    #[serde(default)]
    keys: BTreeMap<String, StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    #[serde(default)]
    revision: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_request_s: Option<u64>,
}

impl From<&InstanceRecord> for StoredRecord {
    fn from(record: &InstanceRecord) -> Self {
        let key = |(key, report): (&Fingerprint, &KeyReport)| {
            let stored = StoredKey {
                revision: report.revision,
                last_request_s: report.last_request.map(|age| age.as_secs()),
            };
            (key.to_string(), stored)
        };
        let set = |(name, report): (&String, &SetReport)| {
            let stored = StoredSet {
                event: report.last,
                id: report.id,
                keys: report.keys.iter().map(key).collect(),
            };
            (name.clone(), stored)
        };
        Self {
            instance: record.instance.clone(),
            boot: record.boot,
            stopped: record.stopped,
            at: Rfc3339(record.at),
            uptime_s: record.uptime.as_secs(),
            sets: record.sets.iter().map(set).collect(),
        }
    }
}

impl StoredSet {
    fn into_report(self) -> Result<SetReport, wa_keys::ParseFingerprintError> {
        let mut keys = BTreeMap::new();
        for (key, stored) in self.keys {
            let report = KeyReport {
                revision: stored.revision,
                last_request: stored.last_request_s.map(Duration::from_secs),
            };
            keys.insert(key.parse()?, report);
        }
        Ok(SetReport {
            last: self.event,
            id: self.id,
            keys,
        })
    }
}
