//! A key store in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::backend::{Backend, BackendError, Created, Listed, Object};
use crate::clock::Clock;

/// Objects in memory; clones share them. For tests: everything is lost when the last clone is dropped.
#[derive(Clone, Default)]
pub struct Memory {
    objects: Arc<Mutex<BTreeMap<String, (Bytes, SystemTime)>>>,
    clock: Clock,
}

impl Memory {
    /// Creates an empty place.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the clock that objects are stamped with.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns a copy that shares nothing with this store: a backup.
    #[must_use]
    pub fn copy(&self) -> Self {
        let objects = self.lock().clone();
        Self {
            objects: Arc::new(Mutex::new(objects)),
            clock: self.clock.clone(),
        }
    }

    /// Replaces all objects by those of another store, as a restored backup does.
    pub fn replace_with(&self, other: &Self) {
        let objects = other.lock().clone();
        *self.lock() = objects;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (Bytes, SystemTime)>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for Memory {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        let mut objects = self.lock();
        if objects.contains_key(path) {
            return Ok(Created::Existed);
        }
        objects.insert(path.to_owned(), (content, self.clock.now()));
        Ok(Created::New)
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        self.lock().insert(path.to_owned(), (content, self.clock.now()));
        Ok(())
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        let object = self.lock().get(path).cloned();
        Ok(object.map(|(content, modified)| Object::new(Zeroizing::new(content.to_vec()), Some(modified))))
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        let objects = self.lock();
        let within = objects
            .keys()
            .filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/'));
        let entries: BTreeSet<Listed> = within
            .map(|rest| {
                let (name, below) = rest
                    .split_once('/')
                    .map_or((rest, false), |(name, _)| (name, true));
                Listed {
                    name: name.to_owned(),
                    is_folder: below,
                }
            })
            .collect();
        Ok(entries.into_iter().collect())
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        self.lock().remove(path);
        Ok(())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} objects)", self.lock().len())
    }
}
