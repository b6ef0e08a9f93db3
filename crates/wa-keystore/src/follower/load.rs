//! Opening private keys: reads in parallel, decryption outside of the runtime's threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use wa_keys::{Fingerprint, Passphrase, PrivateKey};

use super::Notice;
use crate::error::StoreError;
use crate::protected_key::LockedKey;
use crate::set::KeySet;
use crate::store::damaged;

/// Keys of one set that are read at the same time.
const PARALLEL_READS: usize = 16;

/// An opened private key, and its stored form for the cache.
#[derive(Clone)]
pub(super) struct OpenedKey {
    pub(super) revision: u32,
    pub(super) key: Arc<PrivateKey>,
    pub(super) stored: Arc<LockedKey>,
}

pub(super) type OpenedKeys = BTreeMap<Fingerprint, OpenedKey>;
pub(super) type Failures = BTreeMap<Fingerprint, Arc<StoreError>>;

/// Receives notices.
pub(super) type Observer = Arc<dyn Fn(&Notice) + Send + Sync>;

pub(super) struct Loader {
    passphrases: Arc<[Passphrase]>,
    /// One permit for each core.
    cores: Semaphore,
    observer: Observer,
    done: AtomicUsize,
    total: AtomicUsize,
}

impl Loader {
    pub(super) fn new(passphrases: Vec<Passphrase>, observer: Observer) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            passphrases: passphrases.into(),
            cores: Semaphore::new(cores),
            observer,
            done: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
        }
    }

    pub(super) fn notify(&self, notice: &Notice) {
        (self.observer)(notice);
    }

    /// Announces keys that will be opened, so that progress has a total.
    pub(super) fn expect(&self, keys: usize) {
        self.total.fetch_add(keys, Ordering::Relaxed);
    }

    /// Opens keys that were announced before, and reports each.
    pub(super) async fn open(&self, set: &KeySet, keys: Vec<Fingerprint>) -> (OpenedKeys, Failures) {
        let mut results = stream::iter(keys)
            .map(|key| async move { (key, self.open_one(set, key).await) })
            .buffer_unordered(PARALLEL_READS);
        let (mut opened, mut failures) = (OpenedKeys::new(), Failures::new());
        while let Some((key, result)) = results.next().await {
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            let set = set.name().to_owned();
            match result {
                Ok(found) => {
                    opened.insert(key, found);
                    let total = self.total.load(Ordering::Relaxed).max(done);
                    self.notify(&Notice::Opened {
                        set,
                        key,
                        done,
                        total,
                    });
                }
                Err(error) => {
                    failures.insert(key, Arc::new(error));
                }
            }
        }
        (opened, failures)
    }

    async fn open_one(&self, set: &KeySet, key: Fingerprint) -> Result<OpenedKey, StoreError> {
        let stored = set.private_key(key).await?;
        let (revision, opened) = (stored.revision(), self.unlock(stored).await);
        if !matches!(opened, Err(StoreError::Locked { .. })) || revision == 1 {
            return opened;
        }
        // The passphrase changes, and this process has the old one only.
        match set.private_key_at(key, revision - 1).await? {
            Some(earlier) => self.unlock(earlier).await,
            None => opened,
        }
    }

    async fn unlock(&self, stored: LockedKey) -> Result<OpenedKey, StoreError> {
        let stored = Arc::new(stored);
        let _permit = self.cores.acquire().await;
        let (locked, passphrases) = (Arc::clone(&stored), Arc::clone(&self.passphrases));
        let opened = spawn_blocking(move || locked.unlock(&passphrases))
            .await
            .map_err(|error| damaged(stored.path(), &error))??;
        Ok(OpenedKey {
            revision: stored.revision(),
            key: Arc::new(opened),
            stored,
        })
    }
}
