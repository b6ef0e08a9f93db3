//! A key store and its key sets.

mod check;
mod copy;
pub(crate) mod records;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, Created};
use crate::clock::Clock;
use crate::error::StoreError;
use crate::event::EventId;
use crate::set::KeySet;

pub use check::{CheckReport, Finding, Severity};
pub use copy::CopyReport;

/// The format of stores that this version writes.
const FORMAT: u64 = 1;
const DESCRIPTION: &str = "store.json";

/// A store of private keys, grouped into key sets. Clones share it.
#[derive(Debug, Clone)]
pub struct KeyStore {
    backend: Arc<dyn Backend>,
    clock: Clock,
    id: StoreId,
}

/// The identity of a key store: 128 random bits, generated when it was created. A plan can pin it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(EventId);

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `store.json`.
#[derive(Serialize, Deserialize)]
struct Description {
    format: u64,
    id: EventId,
}

impl KeyStore {
    /// Opens a key store.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAStore`] if there is none, [`StoreError::NewerFormat`] if a later version wrote it,
    /// or the backend's error.
    pub async fn open(backend: impl Backend) -> Result<Self, StoreError> {
        let backend: Arc<dyn Backend> = Arc::new(backend);
        let id = read_id(&*backend).await?.ok_or(StoreError::NotAStore)?;
        Ok(Self::new(backend, id))
    }

    fn new(backend: Arc<dyn Backend>, id: StoreId) -> Self {
        let clock = Clock::system();
        Self { backend, clock, id }
    }

    /// Replaces the clock whose time events get, for tests and simulations.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Opens a key store, or creates it. Of two that create it at the same time, both open the same one.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), except [`StoreError::NotAStore`].
    pub async fn open_or_create(backend: impl Backend) -> Result<Self, StoreError> {
        let backend: Arc<dyn Backend> = Arc::new(backend);
        if let Some(id) = read_id(&*backend).await? {
            return Ok(Self::new(backend, id));
        }
        let id = EventId::random().map_err(StoreError::Randomness)?;
        Self::create(backend, StoreId(id)).await
    }

    /// Opens a key store, or creates it with an identity.
    pub(crate) async fn create_with_id(backend: impl Backend, id: StoreId) -> Result<Self, StoreError> {
        let backend: Arc<dyn Backend> = Arc::new(backend);
        match read_id(&*backend).await? {
            Some(id) => Ok(Self::new(backend, id)),
            None => Self::create(backend, id).await,
        }
    }

    async fn create(backend: Arc<dyn Backend>, id: StoreId) -> Result<Self, StoreError> {
        let json = serde_json::to_vec(&Description {
            format: FORMAT,
            id: id.0,
        })
        .map_err(|error| damaged(DESCRIPTION, &error))?;
        match backend.create(DESCRIPTION, Bytes::from(json)).await? {
            Created::New => Ok(Self::new(backend, id)),
            Created::Existed => {
                let id = read_id(&*backend).await?.ok_or(StoreError::NotAStore)?;
                Ok(Self::new(backend, id))
            }
        }
    }

    /// Returns the identity of the store.
    #[must_use]
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// Returns a key set, which exists from its first event on.
    ///
    /// # Errors
    ///
    /// [`StoreError::SetName`] if the name is not 1 to 63 lowercase letters, digits, `-` and `_` that begin
    /// with a letter or a digit.
    pub fn set(&self, name: &str) -> Result<KeySet, StoreError> {
        check_set_name(name)?;
        Ok(KeySet::new(Arc::clone(&self.backend), self.clock.clone(), name))
    }

    /// Lists the names of the key sets, in alphabetical order.
    ///
    /// # Errors
    ///
    /// The backend's error.
    pub async fn sets(&self) -> Result<Vec<String>, StoreError> {
        let listed = self.backend.list("sets").await?;
        let mut names: Vec<_> = listed
            .into_iter()
            .filter(|entry| entry.is_folder && is_set_name(&entry.name))
            .map(|entry| entry.name)
            .collect();
        names.sort();
        Ok(names)
    }
}

pub(crate) fn check_set_name(name: &str) -> Result<(), StoreError> {
    if is_set_name(name) {
        return Ok(());
    }
    Err(StoreError::SetName {
        name: name.to_owned(),
    })
}

fn is_set_name(name: &str) -> bool {
    let letter = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    name.len() <= 63
        && name.starts_with(letter)
        && name.chars().all(|char| letter(char) || matches!(char, '-' | '_'))
}

async fn read_id(backend: &dyn Backend) -> Result<Option<StoreId>, StoreError> {
    let Some(object) = backend.read(DESCRIPTION).await? else {
        return Ok(None);
    };
    let description: Description =
        serde_json::from_slice(object.expose_content()).map_err(|error| damaged(DESCRIPTION, &error))?;
    if description.format > FORMAT {
        return Err(StoreError::NewerFormat {
            found: description.format,
            supported: FORMAT,
        });
    }
    Ok(Some(StoreId(description.id)))
}

pub(crate) fn damaged(path: &str, reason: &impl ToString) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
