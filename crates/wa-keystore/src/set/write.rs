//! Writing to a key set. Objects are only created.

use std::time::Duration;

use bytes::Bytes;
use wa_keys::Fingerprint;

use super::{KeySet, wiped};
use crate::backend::{Created, OBJECT_LIMIT};
use crate::error::StoreError;
use crate::event::{Change, Event, EventId};
use crate::log::SetLog;
use crate::protected_key::ProtectedKey;
use crate::store::{damaged, records};

/// Attempts to create an event while the outcome is unknown.
const ATTEMPTS: u32 = 4;
/// The pause after the first attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// Encryptions of one private key that are kept at most.
const MAX_REVISIONS: u32 = 64;

/// Whether a key was added to a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It was added by this call.
    New,
    /// The set knew it already, in any state; nothing changed.
    Known,
}

impl KeySet {
    /// Appends an event to a log that was read before.
    ///
    /// If the outcome of a write is unknown, the event is read back until it is known. The same event is
    /// never written twice. If the future is dropped, the event may have been written:
    /// [`catch_up`](Self::catch_up) finds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAllowed`] if the state of the set does not allow the change,
    /// [`StoreError::NotWritable`] if the log has a fault, [`StoreError::OlderLog`] if an instance has read
    /// events that the log does not have, and [`StoreError::Conflict`] if another writer was faster; nothing
    /// was written then. After the backend's error, the event may have been written.
    pub async fn append(
        &self,
        log: &mut SetLog,
        change: Change,
        note: Option<&str>,
    ) -> Result<(), StoreError> {
        self.check(log, &change)?;
        self.refuse_older(log).await?;
        let event = Event {
            number: log.last() + 1,
            id: EventId::random().map_err(StoreError::Randomness)?,
            change,
            at: self.clock.now(),
            stored_at: None,
            by: self.by.to_string(),
            note: note.map(str::to_owned),
        };
        let path = self.event_path(event.number);
        let json = event.to_json().map_err(|error| damaged(&path, &error))?;
        // A longer event could be written but never read.
        if json.len() > OBJECT_LIMIT {
            return Err(StoreError::TooLarge {
                event: event.change.label().to_owned(),
            });
        }
        let event = self.create_event(&path, json.into(), event).await?;
        log.push(event);
        Ok(())
    }

    /// Stores a new key durably and adds it to the set as `pending`.
    ///
    /// The private key is written first, then the public key, then the event: an event implies that the
    /// private key is stored. If the call is interrupted, repeat it with the same key.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append); [`StoreError::Unencrypted`] if the store accepts encrypted keys only.
    pub async fn add(&self, log: &mut SetLog, key: &ProtectedKey) -> Result<Added, StoreError> {
        self.store(log, key, false).await
    }

    /// Stores a key that is in use already and adds it to the set as `enabled`. A key that the set knows is
    /// not changed.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub async fn import(&self, log: &mut SetLog, key: &ProtectedKey) -> Result<Added, StoreError> {
        self.store(log, key, true).await
    }

    /// Makes a key the primary: from now on it is the only one to upload.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub async fn promote(&self, log: &mut SetLog, key: Fingerprint) -> Result<(), StoreError> {
        let from = log.primary().map(|primary| primary.fingerprint);
        self.append(log, Change::Promoted { key, from }, None).await
    }

    async fn store(&self, log: &mut SetLog, key: &ProtectedKey, imported: bool) -> Result<Added, StoreError> {
        let fingerprint = key.fingerprint();
        if log.key(fingerprint).is_some() {
            return Ok(Added::Known);
        }
        let change = Change::Added {
            key: fingerprint,
            imported,
        };
        self.check(log, &change)?;
        if !key.is_encrypted() && !self.backend.is_local() {
            return Err(StoreError::Unencrypted { key: fingerprint });
        }
        self.refuse_older(log).await?;
        self.create_private(key).await?;
        let path = self.public_path(fingerprint);
        let pem = Bytes::from(key.public_key().to_pem());
        if self.backend.create(&path, pem).await? == Created::Existed {
            self.public_key(fingerprint).await?;
        }
        self.append(log, change, None).await?;
        Ok(Added::New)
    }

    /// Stores a private key under its next free number.
    ///
    /// A run that did not come to its event may have stored the key with another passphrase. The highest
    /// number is the one that is read, so this passphrase opens it. No listing is needed: a writer may lack
    /// the permission to list private keys.
    async fn create_private(&self, key: &ProtectedKey) -> Result<(), StoreError> {
        let fingerprint = key.fingerprint();
        for revision in 1..=MAX_REVISIONS {
            let path = self.private_path(fingerprint, revision);
            if self.backend.create(&path, wiped(key.expose_pem())).await? == Created::New {
                return Ok(());
            }
        }
        let path = self.private_path(fingerprint, MAX_REVISIONS);
        Err(damaged(&path, &"the private key is stored too many times"))
    }

    /// Fails if an instance has read events that the log does not have. Once is enough: a log only grows.
    async fn refuse_older(&self, log: &mut SetLog) -> Result<(), StoreError> {
        if log.compared.0 {
            return Ok(());
        }
        let records = records::read_all(&*self.backend).await?;
        if let Some(record) = records.iter().find(|record| record.is_ahead_of(&self.name, log)) {
            return Err(StoreError::OlderLog {
                set: self.name.to_string(),
                last: log.last(),
                instance: record.instance.clone(),
                seen: record.sets.get(self.name()).map_or(0, |report| report.last),
            });
        }
        log.compared.0 = true;
        Ok(())
    }

    /// Fails if the log cannot be continued with a change.
    fn check(&self, log: &SetLog, change: &Change) -> Result<(), StoreError> {
        if let Some(fault) = log.stop() {
            return Err(StoreError::NotWritable {
                set: self.name.to_string(),
                fault: fault.clone(),
            });
        }
        if log.allows(change) {
            return Ok(());
        }
        Err(self.not_allowed(change.label(), change.key()))
    }

    /// Creates an event and returns it as it is stored.
    async fn create_event(&self, path: &str, json: Bytes, event: Event) -> Result<Event, StoreError> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let created = self.backend.create(path, json.clone()).await;
            // Read back after a success too: for the store's time, and because not every store keeps its
            // word.
            let found = self.find_event(event.number).await;
            match (created, found) {
                (_, Ok(Some(found))) if found.id == event.id => return Ok(found),
                (Ok(Created::New), Ok(Some(_))) => {
                    return Err(StoreError::Unconditional {
                        path: path.to_owned(),
                    });
                }
                (Ok(Created::New), _) => return Ok(event),
                (_, Ok(Some(_))) => {
                    return Err(StoreError::Conflict {
                        set: self.name.to_string(),
                        number: event.number,
                    });
                }
                (Err(error), _) if attempt == ATTEMPTS => return Err(error.into()),
                (Ok(Created::Existed), Err(error)) if attempt == ATTEMPTS => return Err(error),
                (Ok(Created::Existed), Ok(None)) if attempt == ATTEMPTS => {
                    return Err(damaged(path, &"it exists and cannot be read"));
                }
                _ => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }
}
