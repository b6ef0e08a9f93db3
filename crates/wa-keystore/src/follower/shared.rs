//! The state that the tasks of a follower and its handle share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::watch;
use wa_keys::Fingerprint;

use super::cache::Cache;
use super::load::Loader;
use super::record::Recorder;
use super::set::FollowedSet;
use super::{FollowerStatus, Notice, ServedKeys};
use crate::backend::Backend;
use crate::error::StoreError;
use crate::instance::{InstanceRecord, SetReport};
use crate::store::KeyStore;

/// Sets that are started at the same time.
const PARALLEL_SETS: usize = 8;

pub(super) type Usage = Arc<dyn Fn(&str) -> Vec<(Fingerprint, SystemTime)> + Send + Sync>;

pub(super) struct Shared {
    backend: Arc<dyn Backend>,
    /// The names of the followed sets; `None` for all.
    names: Option<Vec<String>>,
    loader: Loader,
    cache: Option<Cache>,
    store: OnceLock<KeyStore>,
    sets: Mutex<BTreeMap<String, Arc<FollowedSet>>>,
    served: watch::Sender<Arc<ServedKeys>>,
    status: Mutex<FollowerStatus>,
    /// The sets whose last read failed; an empty name for the store.
    failing: Mutex<BTreeSet<String>>,
    /// The poll interval, and the least time between two reads.
    pace: Mutex<(Duration, Duration)>,
    pub(super) recorder: Recorder,
}

impl Shared {
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        names: Option<Vec<String>>,
        loader: Loader,
        cache: Option<Cache>,
        record: InstanceRecord,
    ) -> Self {
        Self {
            backend,
            names,
            loader,
            cache,
            store: OnceLock::new(),
            sets: Mutex::default(),
            served: watch::Sender::default(),
            status: Mutex::default(),
            failing: Mutex::default(),
            pace: Mutex::default(),
            recorder: Recorder::new(record),
        }
    }

    pub(super) fn set_pace(&self, interval: Duration, gap: Duration) {
        *lock(&self.pace) = (interval, gap);
    }

    pub(super) fn served(&self) -> Arc<ServedKeys> {
        Arc::clone(&self.served.borrow())
    }

    pub(super) async fn changed(&self, seen: u64) -> Arc<ServedKeys> {
        let mut served = self.served.subscribe();
        // It fails only if the sender is gone, which is a field of this value.
        let _ = served.wait_for(|served| served.generation > seen).await.is_ok();
        self.served()
    }

    pub(super) fn status(&self) -> FollowerStatus {
        lock(&self.status).clone()
    }

    pub(super) fn notify(&self, notice: &Notice) {
        self.loader.notify(notice);
    }

    pub(super) fn record_result(&self, error: Option<Arc<StoreError>>) {
        lock(&self.status).record_error = error;
    }

    /// Returns the store, once it was found.
    pub(super) fn store(&self) -> Option<&KeyStore> {
        self.store.get()
    }

    /// Reads the store and opens the keys; from the cache if the store cannot be read.
    pub(super) async fn start(&self) -> Result<(), StoreError> {
        let started = match self.find_store().await {
            Ok(Some(store)) => self.start_from(store).await,
            Ok(None) => {
                self.notify(&Notice::NoStore);
                Ok(())
            }
            Err(error) => Err(error),
        };
        let error = match started {
            Ok(()) => {
                self.read_succeeded();
                return self.refuse_unopened();
            }
            Err(error @ StoreError::OtherStore { .. }) => return Err(error),
            Err(error) => error,
        };
        let Some(copy) = self.copy().await else {
            return Err(error);
        };
        let error = Arc::new(error);
        self.notify(&Notice::FromCache(Arc::clone(&error)));
        self.start_from(&copy).await?;
        {
            let mut status = lock(&self.status);
            status.error = Some(error);
            status.is_from_cache = true;
        }
        self.refuse_unopened()
    }

    async fn copy(&self) -> Option<KeyStore> {
        self.cache.as_ref()?.open().await.ok()?
    }

    /// Returns the store; `None` if it does not exist yet.
    async fn find_store(&self) -> Result<Option<&KeyStore>, StoreError> {
        if let Some(store) = self.store.get() {
            return Ok(Some(store));
        }
        let store = match KeyStore::open(Arc::clone(&self.backend)).await {
            Ok(store) => store,
            Err(StoreError::NotAStore) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(cache) = &self.cache {
            match cache.bind(store.id()).await {
                Ok(()) => {}
                Err(error @ StoreError::OtherStore { .. }) => return Err(error),
                Err(error) => self.notify(&Notice::CacheFailed(Arc::new(error))),
            }
        }
        Ok(Some(self.store.get_or_init(|| store)))
    }

    async fn start_from(&self, store: &KeyStore) -> Result<(), StoreError> {
        let copy = self.copy().await;
        let names = match (&self.names, &copy) {
            (Some(names), _) => names.clone(),
            (None, None) => store.sets().await?,
            // A restored store may lack a set.
            (None, Some(copy)) => {
                let mut names: BTreeSet<_> = store.sets().await?.into_iter().collect();
                names.extend(copy.sets().await?);
                names.into_iter().collect()
            }
        };
        let records = match store.records().await {
            // The record of another instance must not keep this one from serving.
            Err(StoreError::Damaged { .. }) => Vec::new(),
            records => records?,
        };
        let mut copies = BTreeMap::new();
        if let Some(copy) = &copy {
            for name in &names {
                copies.insert(name.as_str(), copy.set(name)?.read().await?);
            }
        }
        let seen = |name: &str| -> Vec<SetReport> {
            records
                .iter()
                .filter_map(|record| record.sets.get(name).cloned())
                .collect()
        };
        let sets: Vec<_> = names
            .iter()
            .map(|name| Arc::new(FollowedSet::new(name)))
            .collect();
        stream::iter(sets.iter().map(Ok))
            .try_for_each_concurrent(PARALLEL_SETS, |set| async {
                let copy = copies.get(set.name.as_str()).cloned();
                set.start(&store.set(&set.name)?, &self.loader, &seen(&set.name), copy)
                    .await
            })
            .await?;
        stream::iter(&sets)
            .for_each_concurrent(PARALLEL_SETS, |set| async {
                if let Ok(keys) = store.set(&set.name) {
                    set.open(&keys, &self.loader, self.cache.as_ref()).await;
                }
            })
            .await;
        lock(&self.sets).extend(sets.into_iter().map(|set| (set.name.clone(), set)));
        self.publish();
        Ok(())
    }

    /// Fails if there are keys to serve and none is open.
    fn refuse_unopened(&self) -> Result<(), StoreError> {
        let served = self.served();
        let opened = served.sets().any(|(_, set)| !set.keys.is_empty());
        let unopened = served
            .sets()
            .find_map(|(name, set)| Some((name, *set.unopened.first()?)));
        match unopened {
            Some((set, key)) if !opened => Err(StoreError::NoneOpened {
                set: set.to_owned(),
                key,
            }),
            _ => Ok(()),
        }
    }

    /// Serves what the sets have now.
    fn publish(&self) {
        self.served.send_modify(|served| {
            let sets = lock(&self.sets);
            let sets = sets
                .iter()
                .map(|(name, set)| (name.clone(), set.served()))
                .collect();
            *served = Arc::new(ServedKeys {
                generation: served.generation + 1,
                sets,
            });
        });
    }

    /// Returns the time in which each set is read once.
    pub(super) fn round(&self) -> Duration {
        let reads = self.reads();
        let (interval, gap) = *lock(&self.pace);
        interval.max(gap * reads)
    }

    /// Reads of one round: one for each set, and a listing if all sets are followed.
    fn reads(&self) -> u32 {
        let sets = lock(&self.sets).len() + usize::from(self.names.is_none());
        u32::try_from(sets).unwrap_or(u32::MAX).max(1)
    }

    /// Polls for ever.
    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            let names: Vec<String> = lock(&self.sets).keys().cloned().collect();
            if self.store.get().is_none() {
                tokio::time::sleep(self.round()).await;
                let found = self.find_store().await;
                self.note("", found.map(drop));
            }
            let is_complete = self
                .names
                .as_ref()
                .is_some_and(|wanted| wanted.len() <= names.len());
            for name in names {
                tokio::time::sleep(self.round() / self.reads()).await;
                let polled = self.poll(&name).await;
                self.note(&name, polled);
            }
            if !is_complete {
                tokio::time::sleep(self.round() / self.reads()).await;
                let found = self.find_sets().await;
                self.note("", found);
            }
        }
    }

    /// Reads a set, if the store is known.
    async fn poll(&self, name: &str) -> Result<(), StoreError> {
        let (Some(store), Some(set)) = (self.store.get(), self.followed(name)) else {
            return Ok(());
        };
        if set
            .poll(&store.set(name)?, &self.loader, self.cache.as_ref())
            .await?
        {
            self.publish();
        }
        self.note_older(&set).await;
        Ok(())
    }

    pub(super) async fn refresh(&self, name: &str) -> Result<(), StoreError> {
        let (Some(store), Some(set)) = (self.store.get(), self.followed(name)) else {
            return Ok(());
        };
        if set
            .refresh(&store.set(name)?, &self.loader, self.cache.as_ref())
            .await?
        {
            self.publish();
        }
        Ok(())
    }

    /// Starts to follow sets that are new.
    async fn find_sets(&self) -> Result<(), StoreError> {
        let Some(store) = self.store.get() else {
            return Ok(());
        };
        let names = match &self.names {
            Some(names) => names.clone(),
            None => store.sets().await?,
        };
        for name in names {
            if self.followed(&name).is_some() {
                continue;
            }
            let (set, keys) = (Arc::new(FollowedSet::new(&name)), store.set(&name)?);
            set.start(&keys, &self.loader, &[], None).await?;
            set.open(&keys, &self.loader, self.cache.as_ref()).await;
            lock(&self.sets).insert(name, set);
            self.publish();
        }
        Ok(())
    }

    fn followed(&self, name: &str) -> Option<Arc<FollowedSet>> {
        lock(&self.sets).get(name).cloned()
    }

    async fn note_older(&self, set: &FollowedSet) {
        let is_older = set.is_older().await;
        let mut status = lock(&self.status);
        status.older.retain(|name| *name != set.name);
        if is_older {
            status.older.push(set.name.clone());
        }
    }

    /// Reports when the store can no longer be read, and when everything can be read again.
    fn note(&self, name: &str, result: Result<(), StoreError>) {
        match result {
            Ok(()) => {
                lock(&self.failing).remove(name);
                self.read_succeeded();
            }
            Err(error) => {
                let error = Arc::new(error);
                let is_first = {
                    let mut failing = lock(&self.failing);
                    failing.insert(name.to_owned());
                    failing.len() == 1
                };
                let before = lock(&self.status).error.replace(Arc::clone(&error));
                if is_first && before.is_none() {
                    self.notify(&Notice::Unreachable(error));
                }
            }
        }
    }

    fn read_succeeded(&self) {
        let all = lock(&self.failing).is_empty();
        let before = {
            let mut status = lock(&self.status);
            status.last_read = Some(SystemTime::now());
            if !all || self.store.get().is_none() {
                return;
            }
            status.is_from_cache = false;
            status.error.take()
        };
        if before.is_some() {
            self.notify(&Notice::Reachable);
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
