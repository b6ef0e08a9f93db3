//! A key ring that follows key sets of a key store.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use wa_flows::{KeyRing, KeyRingError, RingKey, RingSource, RingState};
use wa_keys::Fingerprint;
use wa_keystore::{Follower, FollowerBuilder, KeyState, ServedKeys, StoreError};

/// A key ring that follows key sets of a key store; returned by [`follow`]. It follows until it is dropped.
pub struct FollowedRing {
    followed: Arc<Followed>,
    applying: JoinHandle<()>,
}

struct Followed {
    ring: KeyRing,
    follower: Follower,
    /// The generation of the keys in the ring.
    applied: Mutex<u64>,
}

/// Follows key sets of a key store with a key ring: the ring has the pending, primary and enabled keys of the
/// sets, also while the store changes. The store shows what this process serves, so that rotations wait for
/// it.
///
/// A signed request that no key decrypts causes one read of the store, and is tried once more. The keys of
/// the store replace those that are added to the ring by other means. Must be called within a Tokio runtime.
///
/// ```
/// use serde_json::json;
/// use wa_cloud::flows::{AppSecret, FlowEndpoint, FlowRequest, FlowResponse};
/// use wa_cloud::keystore::{Follower, open_url};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let location = folder.path().display().to_string();
/// let store = Follower::builder(open_url(&location)?)   // or "s3://bucket/prefix"
///     .sets(["bookings"])
///     .instance("booking-service-1")
///     .on_notice(|notice| eprintln!("{notice}"));
/// let keys = wa_cloud::follow(store).await?;
///
/// let handler = |_: FlowRequest| async { Ok(FlowResponse::screen("WELCOME", json!({}))) };
/// let endpoint = FlowEndpoint::builder(keys.ring().clone(), handler)
///     .app_secret(AppSecret::new("0123456789abcdef0123456789abcdef")?)
///     .build()?;
/// # let serve = |_| async {};
/// serve(endpoint).await;
/// keys.stop().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`StoreError`] if the store cannot be read, or no key can be opened.
pub async fn follow(store: FollowerBuilder) -> Result<FollowedRing, StoreError> {
    let follower = store.start().await?;
    let ring = KeyRing::empty();
    follower.report_usage_with({
        let ring = ring.clone();
        move |_| usage(&ring)
    });
    let followed = Arc::new(Followed {
        ring,
        follower,
        applied: Mutex::new(0),
    });
    followed.apply(followed.follower.served()).await;
    followed.ring.set_source(Source(Arc::downgrade(&followed)));
    let applying = tokio::spawn(apply_changes(Arc::clone(&followed)));
    Ok(FollowedRing { followed, applying })
}

impl FollowedRing {
    /// Returns the ring, to build endpoints with.
    pub fn ring(&self) -> &KeyRing {
        &self.followed.ring
    }

    /// Returns the follower, for its status.
    pub fn follower(&self) -> &Follower {
        &self.followed.follower
    }

    /// Stops following, and shows in the store that this process has stopped. Without it, rotations wait for
    /// this process until its record is a day old.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the record of this process cannot be written.
    pub async fn stop(self) -> Result<(), StoreError> {
        self.applying.abort();
        self.followed.follower.stop().await
    }
}

impl Drop for FollowedRing {
    fn drop(&mut self) {
        self.applying.abort();
    }
}

impl fmt::Debug for FollowedRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowedRing")
            .field("ring", &self.followed.ring)
            .finish_non_exhaustive()
    }
}

async fn apply_changes(followed: Arc<Followed>) {
    let mut served = followed.follower.served();
    loop {
        served = followed.follower.changed(&served).await;
        followed.apply(Arc::clone(&served)).await;
    }
}

impl Followed {
    /// Sets the keys in the ring. They are confirmed to the store only if all can be used: a rotation must
    /// not rely on a key that does not decrypt.
    async fn apply(self: &Arc<Self>, served: Arc<ServedKeys>) {
        let mut applied = self.applied.lock().await;
        if *applied > served.generation() {
            return;
        }
        let keys = spawn_blocking({
            let (followed, served) = (Arc::clone(self), Arc::clone(&served));
            move || ready(&followed.ring, &served)
        });
        let Ok(keys) = keys.await else { return };
        let usable = keys.iter().filter_map(|key| key.as_ref().ok().cloned());
        self.ring.set_keys(usable);
        *applied = served.generation();
        if keys.iter().all(Result::is_ok) {
            self.follower.confirm(&served);
        }
    }
}

/// Parses and tests the keys that the ring does not have.
fn ready(ring: &KeyRing, served: &ServedKeys) -> Vec<Result<(RingState, RingKey), KeyRingError>> {
    let keys = served.sets().flat_map(|(_, set)| &set.keys);
    let keys = keys.filter_map(|key| {
        let state = match key.state {
            KeyState::Primary => RingState::Primary,
            KeyState::Enabled => RingState::Enabled,
            KeyState::Pending => RingState::Pending,
            _ => return None,
        };
        let known = ring.find(&key.fingerprint);
        let key = known.map_or_else(|| RingKey::new(&key.key), Ok);
        Some(key.map(|key| (state, key)))
    });
    keys.collect()
}

fn usage(ring: &KeyRing) -> Vec<(Fingerprint, SystemTime)> {
    let keys = ring.keys().into_iter();
    keys.filter_map(|key| Some((key.fingerprint, key.last_opened?)))
        .collect()
}

/// Asks the store on behalf of the ring, which the followed ring owns.
struct Source(Weak<Followed>);

impl RingSource for Source {
    async fn refresh(&self) {
        let Some(followed) = self.0.upgrade() else {
            return;
        };
        let before = followed.follower.served();
        for (name, _) in before.sets() {
            followed.follower.refresh(name).await;
        }
        let now = followed.follower.served();
        if now.generation() != before.generation() {
            followed.apply(now).await;
        }
    }
}
