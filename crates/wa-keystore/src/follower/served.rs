//! The keys that a server decrypts with at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wa_keys::{Fingerprint, PrivateKey};

use crate::event::EventId;
use crate::state::KeyState;

/// The opened keys of all sets that a [`Follower`](crate::Follower) follows, at one moment.
#[derive(Debug, Default)]
pub struct ServedKeys {
    pub(super) generation: u64,
    pub(super) sets: BTreeMap<String, Arc<ServedSet>>,
}

impl ServedKeys {
    /// Returns a number that grows with every change.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the sets with their names, in alphabetical order.
    pub fn sets(&self) -> impl Iterator<Item = (&str, &ServedSet)> {
        self.sets.iter().map(|(name, set)| (name.as_str(), &**set))
    }

    /// Returns a set; `None` if it is not followed.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&ServedSet> {
        self.sets.get(name).map(|set| &**set)
    }
}

/// The opened keys of one set.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ServedSet {
    /// The number of the last event that was read; 0 if the set does not exist yet.
    pub last: u64,
    /// The identity of that event.
    pub id: Option<EventId>,
    /// The keys: the primary first, then the others, newest first.
    pub keys: Vec<ServedKey>,
    /// Keys that should be served and cannot be opened.
    pub unopened: Vec<Fingerprint>,
    /// The ids of the phone numbers that use the set.
    pub numbers: BTreeSet<String>,
}

/// An opened key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServedKey {
    /// The key's fingerprint.
    pub fingerprint: Fingerprint,
    /// Its state: pending, primary or enabled.
    pub state: KeyState,
    /// The number of the encryption that was opened.
    pub revision: u32,
    /// The key.
    pub key: Arc<PrivateKey>,
}
