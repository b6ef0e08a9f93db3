//! A key set: its log and its keys.

mod reencrypt;
mod stored;
mod write;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use wa_keys::{Fingerprint, PublicKey};
use zeroize::Zeroizing;

use crate::backend::Backend;
use crate::clock::Clock;
use crate::error::StoreError;
use crate::event::{Event, EventId};
use crate::log::SetLog;
use crate::protected_key::LockedKey;
use crate::store::damaged;

pub use reencrypt::NewPassphrase;
pub(crate) use stored::private_name;
pub use write::Added;

/// Events that are read at the same time.
const PARALLEL_READS: usize = 16;
/// A log with more events is not read.
const MAX_EVENTS: usize = 100_000;

/// A key set of a key store. Clones share the store.
///
/// Reading a set that does not exist gives an empty log; the first event creates the set.
#[derive(Clone)]
pub struct KeySet {
    backend: Arc<dyn Backend>,
    clock: Clock,
    name: Arc<str>,
    by: Arc<str>,
}

impl KeySet {
    pub(crate) fn new(backend: Arc<dyn Backend>, clock: Clock, name: &str) -> Self {
        Self {
            backend,
            clock,
            name: name.into(),
            by: "unknown".into(),
        }
    }

    /// Sets the author of the events that are written: a person, a host or a job. By default `unknown`.
    #[must_use]
    pub fn by(mut self, who: &str) -> Self {
        self.by = who.into();
        self
    }

    /// Returns the name of the set.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the whole log; it is empty if the set does not exist.
    ///
    /// # Errors
    ///
    /// The backend's error. A missing, damaged or unknown event is not an error but a
    /// [fault](SetLog::faults) of the log.
    pub async fn read(&self) -> Result<SetLog, StoreError> {
        let folder = format!("sets/{}/events", self.name);
        let mut numbers: Vec<u64> = self
            .backend
            .list(&folder)
            .await?
            .iter()
            .filter_map(|entry| event_number(&entry.name))
            .collect();
        if numbers.len() > MAX_EVENTS {
            return Err(damaged(&folder, &format!("it has {} events", numbers.len())));
        }
        numbers.sort_unstable();
        let mut log = SetLog::default();
        let mut events = stream::iter(numbers)
            .map(|number| self.find_readable(number))
            .buffered(PARALLEL_READS);
        while let Some(found) = events.try_next().await? {
            found.push_to(&mut log);
        }
        Ok(log)
    }

    /// Reads the events after the last one of a log. Returns true if the log changed. Costs one read if
    /// nothing changed.
    ///
    /// If the log has a fault that stops it, such as a missing event, that event is read again.
    ///
    /// # Errors
    ///
    /// The backend's error; the events that were read before it are kept.
    pub async fn catch_up(&self, log: &mut SetLog) -> Result<bool, StoreError> {
        let before = log.last();
        let mut changed = false;
        loop {
            let found = self.find_readable(log.last() + 1).await?;
            if matches!(found, Found::Nothing(_)) {
                return Ok(changed || log.last() != before);
            }
            let stopped = log.take_stop();
            found.push_to(log);
            changed |= stopped.as_ref() != log.stop();
            if !log.is_writable() {
                return Ok(changed || log.last() != before);
            }
        }
    }

    /// Reads a private key: the latest encryption of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoPrivateKey`] if it is not stored, or the backend's error.
    pub async fn private_key(&self, key: Fingerprint) -> Result<LockedKey, StoreError> {
        let missing = || StoreError::NoPrivateKey {
            set: self.name.to_string(),
            key,
        };
        let stored = self.stored_keys().await?;
        let revision = stored.get(&key).and_then(|revisions| revisions.last());
        let revision = *revision.ok_or_else(missing)?;
        self.private_key_at(key, revision).await?.ok_or_else(missing)
    }

    /// Reads one encryption of a private key; `None` if it is not stored.
    ///
    /// # Errors
    ///
    /// The backend's error.
    pub async fn private_key_at(
        &self,
        key: Fingerprint,
        revision: u32,
    ) -> Result<Option<LockedKey>, StoreError> {
        let path = self.private_path(key, revision);
        let object = self.backend.read(&path).await?;
        Ok(object.map(|object| {
            let pem = Zeroizing::new(object.expose_content().to_vec());
            LockedKey::new(key, revision, pem, path)
        }))
    }

    /// Reads a public key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if it is missing, or is another key than its file name indicates; or the
    /// backend's error.
    pub async fn public_key(&self, key: Fingerprint) -> Result<PublicKey, StoreError> {
        let path = self.public_path(key);
        let object = self.backend.read(&path).await?;
        let object = object.ok_or_else(|| damaged(&path, &"it is missing"))?;
        let public = PublicKey::parse(object.expose_content()).map_err(|error| damaged(&path, &error))?;
        if public.fingerprint() == key {
            Ok(public)
        } else {
            Err(damaged(
                &path,
                &"it contains another key than its file name indicates",
            ))
        }
    }

    /// Returns true if there is an event with a number.
    pub(crate) async fn has_event(&self, number: u64) -> Result<bool, StoreError> {
        Ok(self.backend.read(&self.event_path(number)).await?.is_some())
    }

    /// Reads the identity of an event; `None` if there is none.
    pub(crate) async fn event_id(&self, number: u64) -> Result<Option<EventId>, StoreError> {
        Ok(self.find_event(number).await?.map(|event| event.id))
    }

    async fn find_event(&self, number: u64) -> Result<Option<Event>, StoreError> {
        let path = self.event_path(number);
        let Some(object) = self.backend.read(&path).await? else {
            return Ok(None);
        };
        Event::from_json(number, object.expose_content(), object.modified())
            .map(Some)
            .map_err(|error| damaged(&path, &error))
    }

    /// Reads an event. A damaged event is not an error.
    async fn find_readable(&self, number: u64) -> Result<Found, StoreError> {
        match self.find_event(number).await {
            Ok(Some(event)) => Ok(Found::Event(event)),
            Ok(None) => Ok(Found::Nothing(number)),
            Err(StoreError::Damaged { reason, .. }) => Ok(Found::Damaged(number, reason)),
            Err(error) => Err(error),
        }
    }

    fn not_allowed(&self, change: &str, key: Option<Fingerprint>) -> StoreError {
        StoreError::NotAllowed {
            set: self.name.to_string(),
            change: change.to_owned(),
            key,
        }
    }

    fn event_path(&self, number: u64) -> String {
        format!("sets/{}/events/{number:08}.json", self.name)
    }

    fn private_path(&self, key: Fingerprint, revision: u32) -> String {
        format!("private/{}/{key}.{revision}.pem", self.name)
    }

    fn public_path(&self, key: Fingerprint) -> String {
        format!("public/{}/{key}.pem", self.name)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({} in {:?})", self.name, self.backend)
    }
}

/// The object that was found under the number of an event.
enum Found {
    Event(Event),
    Nothing(u64),
    Damaged(u64, String),
}

impl Found {
    fn push_to(self, log: &mut SetLog) {
        match self {
            Self::Event(event) => log.push(event),
            Self::Damaged(number, reason) => log.push_damaged(number, reason),
            // It was listed a moment ago.
            Self::Nothing(number) => log.push_damaged(number, "it is listed, but cannot be found".to_owned()),
        }
    }
}

pub(crate) fn event_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let number: u64 = digits.parse().ok()?;
    (number > 0 && format!("{number:08}") == digits).then_some(number)
}

/// Copies a text that may be secret into bytes that are wiped when they are dropped.
fn wiped(text: &str) -> Bytes {
    Bytes::from_owner(Zeroizing::new(text.as_bytes().to_vec()))
}
