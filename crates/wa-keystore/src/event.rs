//! One event of a key set: what happened to which key, as it is stored.

use std::fmt;
use std::str::FromStr as _;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wa_keys::Fingerprint;

use crate::rfc3339::Rfc3339;

/// The effect of an event on its key set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Phone numbers were added to or removed from the set, or its endpoint URL was set.
    Configured {
        /// Ids of phone numbers that use the set from now on.
        add: Vec<String>,
        /// Ids of phone numbers that no longer use it.
        remove: Vec<String>,
        /// The URL of the endpoint that serves the set; `None` leaves it unchanged.
        endpoint: Option<String>,
        /// A title for people; `None` leaves it unchanged.
        title: Option<String>,
    },
    /// A private key was stored.
    Added {
        /// The key.
        key: Fingerprint,
        /// True if it was used before it was stored here: it becomes `enabled` instead of `pending`, and no
        /// rotation treats it as a new key.
        imported: bool,
    },
    /// The key became the primary. It is written before the first upload.
    Promoted {
        /// The key.
        key: Fingerprint,
        /// The primary before it, which becomes `enabled`.
        from: Option<Fingerprint>,
    },
    /// An enabled key was found registered for a number and is about to be replaced: its grace time restarts.
    Replaced {
        /// The key.
        key: Fingerprint,
    },
    /// The key is no longer served.
    Disabled {
        /// The key.
        key: Fingerprint,
        /// True if its private key may be known to others: it can never be enabled or promoted again.
        compromised: bool,
    },
    /// A disabled key is served again.
    Enabled {
        /// The key.
        key: Fingerprint,
    },
    /// The private key will be deleted.
    DestroyScheduled {
        /// The key.
        key: Fingerprint,
    },
    /// The private key is about to be deleted: the event is written before the deletion.
    Destroyed {
        /// The key.
        key: Fingerprint,
    },
    /// An event of a later version of this crate.
    Unknown {
        /// Its name.
        event: String,
    },
}

impl Change {
    /// Returns the key that the event is about; none for `configured` and for unknown events.
    #[must_use]
    pub fn key(&self) -> Option<Fingerprint> {
        match self {
            Self::Configured { .. } | Self::Unknown { .. } => None,
            Self::Added { key, .. }
            | Self::Promoted { key, .. }
            | Self::Replaced { key }
            | Self::Disabled { key, .. }
            | Self::Enabled { key }
            | Self::DestroyScheduled { key }
            | Self::Destroyed { key } => Some(*key),
        }
    }

    /// Returns the name of the event, as it is stored.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Configured { .. } => "configured",
            Self::Added { .. } => "added",
            Self::Promoted { .. } => "promoted",
            Self::Replaced { .. } => "replaced",
            Self::Disabled { .. } => "disabled",
            Self::Enabled { .. } => "enabled",
            Self::DestroyScheduled { .. } => "destroy-scheduled",
            Self::Destroyed { .. } => "destroyed",
            Self::Unknown { event } => event,
        }
    }
}

/// The identity of an event: 128 random bits, by which a writer recognises its own event after a time-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u128);

impl EventId {
    /// Creates a random id.
    ///
    /// # Errors
    ///
    /// [`getrandom`'s error](std::io::Error) if the operating system provides no randomness.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::str::FromStr for EventId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// One event of a key set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its position in the log, from 1.
    pub number: u64,
    /// Its identity.
    pub id: EventId,
    /// Its effect.
    pub change: Change,
    /// When its writer wrote it, by the writer's clock.
    pub at: SystemTime,
    /// When the store received it, by the store's clock, if the store records that.
    pub stored_at: Option<SystemTime>,
    /// Its author.
    pub by: String,
    /// Why, in the writer's words.
    pub note: Option<String>,
}

impl Event {
    /// Returns the time from which elapsed time counts: the later of the writer's clock and the store's, so
    /// that a writer whose clock is behind cannot shorten a grace time.
    #[must_use]
    pub fn since(&self) -> SystemTime {
        self.stored_at.map_or(self.at, |stored| stored.max(self.at))
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = serde_json::to_vec_pretty(&Stored::from(self))?;
        json.push(b'\n');
        Ok(json)
    }

    pub(crate) fn from_json(
        number: u64,
        json: &[u8],
        stored_at: Option<SystemTime>,
    ) -> Result<Self, serde_json::Error> {
        let stored: Stored = serde_json::from_slice(json)?;
        let (id, at, by, note) = (stored.id, stored.at.0, stored.by.clone(), stored.note.clone());
        Ok(Self {
            number,
            id,
            change: stored.into_change().map_err(serde::de::Error::custom)?,
            at,
            stored_at,
            by,
            note,
        })
    }
}

/// An event as JSON. One flat object, so that a reader of a later version can add members and this one
/// ignores them.
#[derive(Serialize, Deserialize)]
struct Stored {
    event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    imported: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    compromised: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    add: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    at: Rfc3339,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    id: EventId,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl From<&Event> for Stored {
    fn from(event: &Event) -> Self {
        let mut stored = Self {
            event: event.change.label().to_owned(),
            key: event.change.key().map(|key| key.to_string()),
            from: None,
            imported: false,
            compromised: false,
            add: Vec::new(),
            remove: Vec::new(),
            endpoint: None,
            title: None,
            at: Rfc3339(event.at),
            by: event.by.clone(),
            note: event.note.clone(),
            id: event.id,
        };
        match &event.change {
            Change::Configured {
                add,
                remove,
                endpoint,
                title,
            } => {
                stored.add.clone_from(add);
                stored.remove.clone_from(remove);
                stored.endpoint.clone_from(endpoint);
                stored.title.clone_from(title);
            }
            Change::Added { imported, .. } => stored.imported = *imported,
            Change::Promoted { from, .. } => stored.from = from.map(|key| key.to_string()),
            Change::Disabled { compromised, .. } => stored.compromised = *compromised,
            Change::Replaced { .. }
            | Change::Enabled { .. }
            | Change::DestroyScheduled { .. }
            | Change::Destroyed { .. }
            | Change::Unknown { .. } => {}
        }
        stored
    }
}

impl Stored {
    fn into_change(self) -> Result<Change, String> {
        let fingerprint = |text: &str| {
            Fingerprint::from_str(text).map_err(|error| format!("{text:?} is not a fingerprint: {error}"))
        };
        let key = || {
            let key = self.key.as_deref().ok_or("the event names no key")?;
            fingerprint(key)
        };
        Ok(match self.event.as_str() {
            "configured" => Change::Configured {
                add: self.add,
                remove: self.remove,
                endpoint: self.endpoint,
                title: self.title,
            },
            "added" => Change::Added {
                key: key()?,
                imported: self.imported,
            },
            "promoted" => Change::Promoted {
                key: key()?,
                from: self.from.as_deref().map(fingerprint).transpose()?,
            },
            "replaced" => Change::Replaced { key: key()? },
            "disabled" => Change::Disabled {
                key: key()?,
                compromised: self.compromised,
            },
            "enabled" => Change::Enabled { key: key()? },
            "destroy-scheduled" => Change::DestroyScheduled { key: key()? },
            "destroyed" => Change::Destroyed { key: key()? },
            _ => Change::Unknown { event: self.event },
        })
    }
}
