//! Follows key sets, on the side of a server that decrypts with their keys.

mod builder;
mod cache;
mod load;
mod notice;
mod record;
mod served;
mod set;
mod shared;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::timeout;
use wa_keys::Fingerprint;

use crate::backend::Backend;
use crate::error::StoreError;
use shared::Shared;

pub use builder::FollowerBuilder;
pub use notice::Notice;
pub use served::{ServedKey, ServedKeys, ServedSet};

/// The longest time that [`Follower::refresh`] takes.
const REFRESH_DEADLINE: Duration = Duration::from_secs(3);

/// Keeps the private keys of key sets in memory, in the states of their logs, for a server that decrypts with
/// them.
///
/// It opens every key that is [served](crate::KeyState::is_served), outside of the runtime's threads, and
/// polls the store for new events: every second in a directory, every 12 seconds in a bucket, with one read
/// per set. A store that cannot be reached changes nothing that is served; neither do an object that vanishes
/// without an event and a log that is older than one that was read before.
///
/// A server takes the keys from [`served`](Self::served), makes them its own and calls
/// [`confirm`](Self::confirm). What it confirmed is written to the store as the record of this instance,
/// immediately and then every minute. Rotations wait for that record before they upload a key.
///
/// ```
/// use std::sync::Arc;
/// use wa_keystore::{Directory, Follower, ServedKeys};
///
/// # fn decrypt_with(_: &ServedKeys) {}
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let follower = Follower::builder(Directory::new(folder))
///     .sets(["bookings"])
///     .instance("gateway-1")
///     .on_notice(|notice| eprintln!("{notice}"))
///     .start()
///     .await?;
/// let follower = Arc::new(follower);
///
/// // At the start: serve, and wait until the record is written.
/// let mut served = follower.served();
/// decrypt_with(&served);
/// follower.confirm(&served);
/// follower.recorded().await;
///
/// // Then: apply every change.
/// let applying = tokio::spawn({
///     let follower = Arc::clone(&follower);
///     async move {
///         loop {
///             served = follower.changed(&served).await;
///             decrypt_with(&served);
///             follower.confirm(&served);
///         }
///     }
/// });
///
/// // A signed request that no key opens: read the store once, and try once more.
/// let served = follower.refresh("bookings").await;
/// decrypt_with(&served);
///
/// // At a clean end.
/// applying.abort();
/// follower.stop().await?;
/// # Ok(()) }
/// ```
pub struct Follower {
    shared: Arc<Shared>,
    following: JoinHandle<()>,
    recording: JoinHandle<()>,
}

/// Whether the store of a [`Follower`] can be reached.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct FollowerStatus {
    /// When the store was last read without an error; `None` if it never was.
    pub last_read: Option<SystemTime>,
    /// The error of the last read, if it failed.
    pub error: Option<Arc<StoreError>>,
    /// True while what is served comes from the cache directory because the store was not read yet.
    pub is_from_cache: bool,
    /// Sets that are not followed because their log is older than one that was read before.
    pub older: Vec<String>,
    /// The error of the last attempt to write the record of this instance, if it failed.
    pub record_error: Option<Arc<StoreError>>,
}

impl Follower {
    /// Returns the settings for following a store, such as a [`Directory`](crate::Directory).
    pub fn builder(backend: impl Backend) -> FollowerBuilder {
        FollowerBuilder::new(Arc::new(backend))
    }

    /// Returns the keys to serve.
    #[must_use]
    pub fn served(&self) -> Arc<ServedKeys> {
        self.shared.served()
    }

    /// Waits until the keys or their states differ from those that were seen, and returns them.
    pub async fn changed(&self, seen: &ServedKeys) -> Arc<ServedKeys> {
        self.shared.changed(seen.generation()).await
    }

    /// Reads the events of a set now instead of at the next poll, and returns the keys to serve.
    ///
    /// For a signed request that no key opens. The store is read at most once a second for each set;
    /// concurrent calls share one read. Returns after three seconds at most, then with the keys as they were.
    pub async fn refresh(&self, set: &str) -> Arc<ServedKeys> {
        // A read that is cut off changes nothing.
        let _ = timeout(REFRESH_DEADLINE, self.shared.refresh(set)).await;
        self.served()
    }

    /// Confirms that the server decrypts with these keys from now on; the record of this instance lists them.
    pub fn confirm(&self, served: &Arc<ServedKeys>) {
        self.shared.confirm(served);
    }

    /// Waits until the record of this instance lists what was last confirmed. Does not return while the store
    /// cannot be written.
    pub async fn recorded(&self) {
        self.shared.recorded().await;
    }

    /// Sets the function that returns when each key of a set was last used by a request. The record reports
    /// it, so that no key in use is retired.
    pub fn report_usage_with(
        &self,
        usage: impl Fn(&str) -> Vec<(Fingerprint, SystemTime)> + Send + Sync + 'static,
    ) {
        self.shared.report_usage_with(Arc::new(usage));
    }

    /// Returns whether the store can be reached.
    #[must_use]
    pub fn status(&self) -> FollowerStatus {
        self.shared.status()
    }

    /// Returns how often each set is read for new events: the poll interval, or more seconds than there are
    /// sets.
    #[must_use]
    pub fn poll_interval(&self) -> Duration {
        self.shared.round()
    }

    /// Stops following, and marks the record of this instance as stopped. Without it, rotations wait for this
    /// instance until its record is a day old.
    ///
    /// # Errors
    ///
    /// The backend's error if the record cannot be written.
    pub async fn stop(&self) -> Result<(), StoreError> {
        self.following.abort();
        let stopped = self.shared.record_stop().await;
        self.recording.abort();
        stopped
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.following.abort();
        self.recording.abort();
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Follower({:?})", self.served())
    }
}
