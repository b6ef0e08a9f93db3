//! A copy of what is served, in a local directory: from it a process starts while the store cannot be
//! reached.
//!
//! The copy is a key store of its own, with the events of the followed sets and the private keys that are
//! served, in the form in which they are stored.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::load::OpenedKeys;
use crate::backend::Backend as _;
use crate::backend::directory::Directory;
use crate::error::StoreError;
use crate::log::SetLog;
use crate::set::private_name;
use crate::store::{KeyStore, StoreId, damaged};

pub(super) struct Cache {
    directory: Directory,
}

impl Cache {
    pub(super) fn new(directory: Directory) -> Self {
        Self { directory }
    }

    /// Opens the copy; `None` if there is none yet.
    pub(super) async fn open(&self) -> Result<Option<KeyStore>, StoreError> {
        match KeyStore::open(self.directory.clone()).await {
            Ok(store) => Ok(Some(store)),
            Err(StoreError::NotAStore) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates the copy of a store, or checks that there is a copy of the same store.
    pub(super) async fn bind(&self, id: StoreId) -> Result<(), StoreError> {
        let copy = KeyStore::create_with_id(self.directory.clone(), id).await?;
        if copy.id() == id {
            return Ok(());
        }
        Err(StoreError::OtherStore {
            path: self.directory.path().display().to_string(),
            found: copy.id(),
            expected: id,
        })
    }

    /// Saves a set: first its private keys, then its events, as in the store itself.
    pub(super) async fn save(&self, set: &str, log: &SetLog, keys: &OpenedKeys) -> Result<(), StoreError> {
        for key in keys.values() {
            let pem = Bytes::from_owner(key.stored.pem());
            self.directory.create(key.stored.path(), pem).await?;
        }
        let folder = format!("sets/{set}/events");
        let listed = self.directory.list(&folder).await?;
        let known: BTreeSet<String> = listed.into_iter().map(|entry| entry.name).collect();
        for event in log.events() {
            let name = format!("{:08}.json", event.number);
            if !known.contains(&name) {
                let path = format!("{folder}/{name}");
                let json = event.to_json().map_err(|error| damaged(&path, &error))?;
                self.directory.create(&path, Bytes::from(json)).await?;
            }
        }
        self.remove_unserved(set, log, keys).await
    }

    /// Deletes private keys that are no longer served, and earlier encryptions of those that are. A key that
    /// cannot be opened at the moment stays.
    async fn remove_unserved(&self, set: &str, log: &SetLog, keys: &OpenedKeys) -> Result<(), StoreError> {
        let served: BTreeSet<_> = log.served().map(|key| key.fingerprint).collect();
        for entry in self.directory.list(&format!("private/{set}")).await? {
            let Some((key, revision)) = private_name(&entry.name) else {
                continue;
            };
            let is_old = keys.get(&key).is_some_and(|opened| opened.revision > revision);
            if is_old || !served.contains(&key) {
                self.directory
                    .delete(&format!("private/{set}/{}", entry.name))
                    .await?;
            }
        }
        Ok(())
    }
}
