//! The conformance check of a backend: conditional creates, and consistent reads and listings.

use std::fmt;

use bytes::Bytes;
use futures_util::future::join_all;

use crate::backend::{Backend, BackendError, Created};
use crate::event::EventId;

/// Races of creators; a store without conditional creates fails most of them.
const ROUNDS: usize = 10;
/// Creators in each race.
const CREATORS: usize = 8;

/// A backend does not meet the requirements of a key store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// A call failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// An existing object was replaced by a create.
    #[error("a create replaced an object that existed")]
    Replaced,
    /// Several creators of one object succeeded, or none.
    #[error("{winners} of {creators} concurrent creates of one object succeeded")]
    Race {
        /// The number that succeeded.
        winners: usize,
        /// The number of attempts.
        creators: usize,
    },
    /// The content of an object differs from what its creator wrote.
    #[error("the content of an object differs from what its creator wrote")]
    Content,
    /// A read or listing does not show an object that was created, or shows one that was deleted.
    #[error("a {what} does not show that an object was {change}")]
    Stale {
        /// `read` or `listing`.
        what: &'static str,
        /// `created` or `deleted`.
        change: &'static str,
    },
    /// The operating system provides no randomness.
    #[error("the operating system provided no randomness")]
    Randomness(#[source] std::io::Error),
}

impl ConformanceError {
    /// Returns what to do about it; `None` if that depends on the cause.
    #[must_use]
    pub fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        match self {
            Self::Backend(_) | Self::Randomness(_) => None,
            _ => Some(
                "Use another storage: this one would lose events, and with them keys. S3, Google Cloud Storage and \
                 Azure Blob Storage work."
                    .into(),
            ),
        }
    }
}

/// Checks that a backend creates objects conditionally, and that reads and listings show each change
/// immediately.
///
/// Probe objects are written below `check/` and deleted afterwards; about 90 writes.
///
/// # Errors
///
/// [`ConformanceError`] with the first fault.
pub async fn check_conformance(backend: &dyn Backend) -> Result<(), ConformanceError> {
    let id = EventId::random().map_err(ConformanceError::Randomness)?;
    let probe = Probe {
        backend,
        folder: format!("check/{id}"),
    };
    let result = probe.run().await;
    // Even after a fault, so that no probe object remains.
    let cleaned = probe.clean().await;
    result.and(cleaned)
}

struct Probe<'a> {
    backend: &'a dyn Backend,
    folder: String,
}

impl Probe<'_> {
    async fn run(&self) -> Result<(), ConformanceError> {
        self.sequential().await?;
        for round in 0..ROUNDS {
            self.race(round).await?;
        }
        self.deleted().await
    }

    fn path(&self, name: impl fmt::Display) -> String {
        format!("{}/{name}.json", self.folder)
    }

    /// Creates, reads and overwrites one object, one call after the other.
    async fn sequential(&self) -> Result<(), ConformanceError> {
        let path = self.path("one");
        if self.read(&path).await?.is_some() || !self.list().await?.is_empty() {
            return Err(stale("read", "deleted"));
        }
        self.backend.delete(&path).await?;
        let created = self.backend.create(&path, Bytes::from_static(b"one")).await?;
        if created != Created::New {
            return Err(race(0, 1));
        }
        self.expect(&path, b"one").await?;
        if self.backend.create(&path, Bytes::from_static(b"two")).await? != Created::Existed {
            return Err(ConformanceError::Replaced);
        }
        self.expect(&path, b"one").await?;
        self.backend
            .overwrite(&path, Bytes::from_static(b"three"))
            .await?;
        self.expect(&path, b"three").await
    }

    /// Creates one object several times at the same time.
    async fn race(&self, round: usize) -> Result<(), ConformanceError> {
        let path = self.path(round);
        let path = path.as_str();
        let content = |creator: usize| format!("creator {creator}");
        let creators = (0..CREATORS)
            .map(|creator| async move { self.backend.create(path, Bytes::from(content(creator))).await });
        let mut winners = Vec::new();
        for (creator, created) in join_all(creators).await.into_iter().enumerate() {
            if created? == Created::New {
                winners.push(creator);
            }
        }
        match winners.as_slice() {
            [winner] => self.expect(path, content(*winner).as_bytes()).await?,
            _ => return Err(race(winners.len(), CREATORS)),
        }
        let name = format!("{round}.json");
        if !self.list().await?.contains(&name) {
            return Err(stale("listing", "created"));
        }
        Ok(())
    }

    /// Deletes the created objects.
    async fn deleted(&self) -> Result<(), ConformanceError> {
        let path = self.path("one");
        self.backend.delete(&path).await?;
        if self.read(&path).await?.is_some() {
            return Err(stale("read", "deleted"));
        }
        if self.list().await?.contains(&"one.json".to_owned()) {
            return Err(stale("listing", "deleted"));
        }
        Ok(())
    }

    async fn clean(&self) -> Result<(), ConformanceError> {
        for name in self.list().await? {
            self.backend.delete(&format!("{}/{name}", self.folder)).await?;
        }
        Ok(())
    }

    async fn expect(&self, path: &str, content: &[u8]) -> Result<(), ConformanceError> {
        match self.read(path).await? {
            Some(found) if found == content => Ok(()),
            Some(_) => Err(ConformanceError::Content),
            None => Err(stale("read", "created")),
        }
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ConformanceError> {
        let object = self.backend.read(path).await?;
        Ok(object.map(|object| object.expose_content().to_vec()))
    }

    async fn list(&self) -> Result<Vec<String>, ConformanceError> {
        let listed = self.backend.list(&self.folder).await?;
        Ok(listed.into_iter().map(|entry| entry.name).collect())
    }
}

fn race(winners: usize, creators: usize) -> ConformanceError {
    ConformanceError::Race { winners, creators }
}

fn stale(what: &'static str, change: &'static str) -> ConformanceError {
    ConformanceError::Stale { what, change }
}
