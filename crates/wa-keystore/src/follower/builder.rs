//! Settings of a follower.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wa_keys::Passphrase;

use super::cache::Cache;
use super::load::{Loader, Observer};
use super::shared::Shared;
use super::{Follower, Notice};
use crate::backend::Backend;
use crate::backend::directory::Directory;
use crate::error::StoreError;
use crate::event::EventId;
use crate::instance::InstanceRecord;
use crate::store::check_set_name;

/// Polls of one set are this far apart in a directory.
const LOCAL_POLL: Duration = Duration::from_secs(1);
/// Polls of one set are this far apart in a bucket, where each costs money.
const REMOTE_POLL: Duration = Duration::from_secs(12);
/// In a bucket, reads are at least this far apart, regardless of the number of sets.
const REMOTE_GAP: Duration = Duration::from_secs(1);

/// Settings of a [`Follower`].
#[must_use]
pub struct FollowerBuilder {
    backend: Arc<dyn Backend>,
    sets: Option<Vec<String>>,
    passphrases: Vec<Passphrase>,
    instance: Option<String>,
    poll: Option<Duration>,
    cache: Option<PathBuf>,
    observer: Observer,
}

impl FollowerBuilder {
    pub(super) fn new(backend: Arc<dyn Backend>) -> Self {
        Self {
            backend,
            sets: None,
            passphrases: Vec::new(),
            instance: None,
            poll: None,
            cache: None,
            observer: Arc::new(|_| {}),
        }
    }

    /// Follows these sets only. By default, all sets of the store are followed, including those that are
    /// created later.
    pub fn sets<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.sets = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the passphrases; each key is decrypted with the first that is correct. While the passphrase of a
    /// store changes, pass the old one and the new one.
    pub fn passphrases(mut self, passphrases: impl IntoIterator<Item = Passphrase>) -> Self {
        self.passphrases = passphrases.into_iter().collect();
        self
    }

    /// Sets the name of this instance in its record. It must differ from those of all processes that run at
    /// the same time. By default the name of the host: `HOSTNAME`, or else `/etc/hostname`.
    pub fn instance(mut self, name: &str) -> Self {
        self.instance = Some(name.to_owned());
        self
    }

    /// Sets how often each set is polled. By default 1 second in a directory and 12 seconds in a bucket; in a
    /// bucket, at most one read a second is made for all sets together.
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = Some(interval.max(Duration::from_millis(10)));
        self
    }

    /// Keeps a copy of what is served in a directory, with private keys as they are stored. A
    /// process then starts even if the store cannot be reached. By default there is no copy.
    pub fn cache_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.cache = Some(path.into());
        self
    }

    /// Sets the function that receives [notices](Notice), for the log. It must not block.
    pub fn on_notice(mut self, observer: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Reads the store, opens the keys, and starts to follow. Must be called within a Tokio runtime.
    ///
    /// If there is no key store yet, no keys are served until it is created. If the log of a set is older
    /// than what an instance has read, its keys are served, and a [notice](Notice::Older) reports it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a name of a set is invalid, if the store cannot be read and the cache directory has
    /// no copy, if the copy is of another store, or if there are keys and none of them can be opened.
    pub async fn start(self) -> Result<Follower, StoreError> {
        for name in self.sets.iter().flatten() {
            check_set_name(name)?;
        }
        let is_local = self.backend.is_local();
        let default = if is_local { LOCAL_POLL } else { REMOTE_POLL };
        let boot = EventId::random().map_err(StoreError::Randomness)?;
        let name = self.instance.unwrap_or_else(host_name);
        let shared = Arc::new(Shared::new(
            self.backend,
            self.sets,
            Loader::new(self.passphrases, self.observer),
            self.cache.map(|path| Cache::new(Directory::new(path))),
            InstanceRecord::new(&name, boot),
        ));
        shared.set_pace(
            self.poll.unwrap_or(default),
            if is_local { Duration::ZERO } else { REMOTE_GAP },
        );
        shared.start().await?;
        Ok(Follower {
            following: tokio::spawn(Arc::clone(&shared).follow()),
            recording: tokio::spawn(Arc::clone(&shared).keep_record()),
            shared,
        })
    }
}

impl fmt::Debug for FollowerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowerBuilder")
            .field("backend", &self.backend)
            .field("sets", &self.sets)
            .finish_non_exhaustive()
    }
}

fn host_name() -> String {
    let variable = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    variable
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map_or_else(|| "unnamed".to_owned(), |name| name.trim().to_owned())
}
