//! The key sets of a store at one moment.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use wa_keys::Fingerprint;
use wa_keystore::{KeyState, KeyStore, SetLog, StoreError};

use crate::aws::is_external;

/// Sets that are read at the same time.
const PARALLEL_READS: usize = 8;

/// The key sets of a store, as their logs described them when they were read: which number belongs to which
/// set, and which set has which key.
#[derive(Debug, Default)]
pub struct StoreView {
    sets: BTreeMap<String, SetLog>,
    /// The sets of each number; more than one is a fault.
    numbers: HashMap<String, Vec<String>>,
    /// The sets of each key.
    keys: HashMap<Fingerprint, Vec<(String, KeyState)>>,
}

impl StoreView {
    /// Reads all sets of a store.
    ///
    /// # Errors
    ///
    /// The store's error. A damaged log is none: [`set`](Self::set) returns its faults.
    pub async fn read(store: &KeyStore) -> Result<Self, StoreError> {
        let mut view = Self::default();
        let mut sets = stream::iter(store.sets().await?)
            .map(|name| async move {
                let set = store.set(&name)?;
                let mut log = set.read().await?;
                // A listing may lag behind single reads.
                set.catch_up(&mut log).await?;
                Ok::<_, StoreError>((name, log))
            })
            .buffer_unordered(PARALLEL_READS);
        while let Some((name, log)) = sets.try_next().await? {
            view.add(name, log);
        }
        Ok(view)
    }

    fn add(&mut self, name: String, log: SetLog) {
        for number in log.numbers() {
            self.numbers
                .entry(number.to_owned())
                .or_default()
                .push(name.clone());
        }
        for key in log.keys() {
            self.keys
                .entry(key.fingerprint)
                .or_default()
                .push((name.clone(), key.state));
        }
        self.sets.insert(name, log);
    }

    /// Returns the log of a set, if the store has the set.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&SetLog> {
        self.sets.get(name)
    }

    /// Returns the sets, by name.
    pub fn sets(&self) -> impl Iterator<Item = (&str, &SetLog)> {
        self.sets.iter().map(|(name, log)| (name.as_str(), log))
    }

    /// Returns the names of the sets to which a number belongs: normally one, none if it is new.
    #[must_use]
    pub fn sets_of(&self, number: &str) -> &[String] {
        self.numbers.get(number).map_or(&[], Vec::as_slice)
    }

    /// Returns the numbers that AWS hosts, with the primary key of their set: Graph does not serve them.
    pub fn aws_numbers(&self) -> impl Iterator<Item = (&str, &str, Fingerprint)> {
        self.sets().flat_map(|(set, log)| {
            let primary = log.primary().map(|key| key.fingerprint);
            log.numbers()
                .filter(|number| is_external(number))
                .filter_map(move |number| Some((set, number, primary?)))
        })
    }

    /// Returns the sets that have a key, with its state in each.
    #[must_use]
    pub fn owners(&self, key: Fingerprint) -> &[(String, KeyState)] {
        self.keys.get(&key).map_or(&[], Vec::as_slice)
    }
}
