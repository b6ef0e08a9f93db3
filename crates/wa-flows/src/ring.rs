//! The private keys that decrypt requests, and the state of each.

mod error;
mod key;
mod opening;
mod refresh;
mod state;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use wa_keys::{Fingerprint, PrivateKey};

use crate::envelope::Envelope;
use crate::session::ResponseSeal;
pub use error::{KeyRingError, OpenError};
pub use key::RingKey;
pub(crate) use opening::Opening;
use refresh::Refresher;
pub use refresh::RingSource;
pub use state::RingState;

/// The private keys of an endpoint. Each has a [state](RingState): the primary key, whose public key is
/// registered, previous keys, which are still enabled, and pending keys, which will be primary.
///
/// An envelope does not name its key, so the keys are tried in the order of their states. A Flow that was
/// opened before a rotation continues to use the old key, so keep the old key in the ring for a few days.
///
/// A `KeyRing` is a handle: clones share the keys, and a change such as [`set_keys`](KeyRing::set_keys) takes
/// effect for all of them at the same time, without a failed request. Each key is parsed once and tested when
/// it is added (see [`RingKey`]).
///
/// ```
/// use wa_flows::KeyRing;
/// use wa_keys::PrivateKey;
///
/// # fn example(new_key: &PrivateKey, old_key: &PrivateKey) -> Result<(), wa_flows::KeyRingError> {
/// let ring = KeyRing::new(new_key)?.with_previous(old_key)?;
/// for key in ring.keys() {
///     println!("{} ({}) decrypted {} requests", key.fingerprint.short(), key.state, key.opened);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct KeyRing {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The keys at one moment; readers clone one pointer.
    keys: RwLock<Arc<[Entry]>>,
    refresher: RwLock<Option<Refresher>>,
}

/// A key and its state.
#[derive(Clone)]
pub(crate) struct Entry {
    key: RingKey,
    state: RingState,
}

/// A decrypted request.
#[derive(Debug)]
pub struct Opened {
    /// Encrypts the response.
    pub seal: ResponseSeal,
    /// The key that decrypted the request.
    pub key: Fingerprint,
    payload: Payload,
}

/// A decrypted payload; its `Debug` is redacted.
struct Payload(Vec<u8>);

/// A key of a ring, and how often and when it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUse {
    /// The key's fingerprint.
    pub fingerprint: Fingerprint,
    /// The key's state.
    pub state: RingState,
    /// The number of requests that it has decrypted since it was parsed.
    pub opened: u64,
    /// When it last decrypted a request, to the second.
    pub last_opened: Option<SystemTime>,
}

impl KeyRing {
    /// Creates a ring with one key, the primary.
    ///
    /// # Errors
    ///
    /// Returns [`KeyRingError`] if the key cannot be used.
    pub fn new(primary: &PrivateKey) -> Result<Self, KeyRingError> {
        let ring = Self::empty();
        ring.set_keys([(RingState::Primary, RingKey::new(primary)?)]);
        Ok(ring)
    }

    /// Creates a ring without keys. It decrypts nothing, so its endpoint answers every request with 421 until
    /// a key is added.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a previous key, in the state [`Enabled`](RingState::Enabled). A key that the ring already has
    /// keeps its state.
    ///
    /// # Errors
    ///
    /// Returns [`KeyRingError`] if the key cannot be used.
    pub fn with_previous(self, key: &PrivateKey) -> Result<Self, KeyRingError> {
        self.with(RingState::Enabled, key)
    }

    /// Adds a key that is not registered yet, in the state [`Pending`](RingState::Pending). A key that the
    /// ring already has keeps its state.
    ///
    /// # Errors
    ///
    /// Returns [`KeyRingError`] if the key cannot be used.
    pub fn with_pending(self, key: &PrivateKey) -> Result<Self, KeyRingError> {
        self.with(RingState::Pending, key)
    }

    fn with(self, state: RingState, key: &PrivateKey) -> Result<Self, KeyRingError> {
        if !self.contains(&key.public_key().fingerprint()) {
            let key = RingKey::new(key)?;
            self.update(|entries| entries.push(Entry { key, state }));
        }
        Ok(self)
    }

    /// Makes a key the primary of this ring and all its clones. The key that was primary becomes
    /// [`Enabled`](RingState::Enabled).
    ///
    /// # Errors
    ///
    /// Returns [`KeyRingError`] if the key cannot be used; the ring is unchanged.
    pub fn promote(&self, key: &PrivateKey) -> Result<(), KeyRingError> {
        let key = match self.find(&key.public_key().fingerprint()) {
            Some(known) => known,
            None => RingKey::new(key)?,
        };
        self.update(|entries| {
            for entry in &mut *entries {
                if entry.state == RingState::Primary {
                    entry.state = RingState::Enabled;
                }
            }
            let state = RingState::Primary;
            entries.push(Entry { key, state });
        });
        Ok(())
    }

    /// Removes a previous or pending key from this ring and all its clones; returns whether it was in the
    /// ring. A primary key is never removed.
    #[must_use = "a key that was not in the ring is often a mistyped fingerprint"]
    pub fn retire(&self, fingerprint: &Fingerprint) -> bool {
        self.remove(|entry| entry.key.fingerprint() == *fingerprint && entry.state != RingState::Primary)
    }

    /// Removes a compromised key from this ring and all its clones, even a primary key; returns whether it
    /// was in the ring.
    ///
    /// A ring without keys decrypts nothing, so its endpoint answers every request with 421 until a key is
    /// added. In a planned rotation use [`retire`](KeyRing::retire), which never removes the primary.
    #[must_use = "a key that was not in the ring is often a mistyped fingerprint"]
    pub fn revoke(&self, fingerprint: &Fingerprint) -> bool {
        self.remove(|entry| entry.key.fingerprint() == *fingerprint)
    }

    fn remove(&self, is_removed: impl Fn(&Entry) -> bool) -> bool {
        let mut removed = false;
        self.update(|entries| {
            let before = entries.len();
            entries.retain(|entry| !is_removed(entry));
            removed = entries.len() < before;
        });
        removed
    }

    /// Replaces the keys of this ring and all its clones, atomically. Requests that are being decrypted
    /// complete with the keys from before.
    ///
    /// A key that the ring already has keeps its counts. A key that is given in two states gets the first of
    /// them in the order of [`RingState::ALL`]. An endpoint that serves several key sets has several primary
    /// keys.
    pub fn set_keys(&self, keys: impl IntoIterator<Item = (RingState, RingKey)>) {
        let new: Vec<_> = keys
            .into_iter()
            .map(|(state, key)| Entry { key, state })
            .collect();
        self.update(|entries| {
            let known = |key: RingKey| find(entries, &key.fingerprint()).unwrap_or(key);
            let new = new.into_iter().map(|Entry { key, state }| Entry {
                key: known(key),
                state,
            });
            *entries = new.collect();
        });
    }

    /// Replaces the keys of this ring and all its clones with those of another, atomically; see
    /// [`set_keys`](KeyRing::set_keys).
    pub fn replace(&self, other: &Self) {
        let keys = other.snapshot();
        self.set_keys(keys.iter().map(|entry| (entry.state, entry.key.clone())));
    }

    /// Sets the source that is asked when a signed request decrypts with no key, for this ring and all its
    /// clones; see [`RingSource`]. An endpoint that does not check signatures never asks it.
    ///
    /// The ring owns the source until it is dropped or gets another. A source that owns the ring in turn is
    /// never freed: let it notify a task that owns the ring.
    pub fn set_source(&self, source: impl RingSource) {
        let mut refresher = self
            .shared
            .refresher
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *refresher = Some(Refresher::new(source));
    }

    /// Asks the source for new keys, if the ring has one and the last call is long enough ago.
    pub(crate) async fn refresh(&self) {
        let refresher = self.shared.refresher.read();
        let refresher = refresher.unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(refresher) = refresher {
            refresher.refresh().await;
        }
    }

    /// Returns the keys and their use, in the order in which they are tried.
    pub fn keys(&self) -> Vec<KeyUse> {
        self.snapshot().iter().map(Entry::usage).collect()
    }

    /// Returns true if the ring has the key.
    pub fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.find(fingerprint).is_some()
    }

    /// Returns a key of the ring, to set it again without parsing it again.
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<RingKey> {
        find(&self.snapshot(), fingerprint)
    }

    /// Decrypts the body of a request: envelope, RSA-OAEP with SHA-256 and MGF1-SHA-256, AES-128-GCM (Meta,
    /// *Implementing endpoints for Flows*, "Request decryption and encryption").
    ///
    /// With one key it takes about 0.7 ms of a core. A request that cannot be decrypted takes as long as
    /// trying every key of the ring, wherever it fails, so that a malformed envelope, a wrong key and an
    /// altered message cannot be distinguished. (An encrypted key that is numerically above the modulus is
    /// refused sooner; its sender can compute that beforehand.)
    ///
    /// # Errors
    ///
    /// Returns [`OpenError`] if the body is not an envelope or cannot be decrypted.
    pub fn open(&self, body: &[u8]) -> Result<Opened, OpenError> {
        self.open_envelope(Envelope::parse(body)?)
    }

    /// Decrypts an envelope; see [`open`](KeyRing::open).
    ///
    /// # Errors
    ///
    /// Returns [`OpenError::Undecryptable`] if no key of the ring decrypts it.
    pub fn open_envelope(&self, envelope: Envelope) -> Result<Opened, OpenError> {
        Opening::new(envelope).attempt(self)
    }

    fn snapshot(&self) -> Arc<[Entry]> {
        Arc::clone(&self.shared.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the keys, and restores their order. Of two entries of a key, the first in this order stays.
    fn update(&self, change: impl FnOnce(&mut Vec<Entry>)) {
        let mut keys = self.shared.keys.write().unwrap_or_else(PoisonError::into_inner);
        let mut entries = keys.to_vec();
        change(&mut entries);
        entries.sort_by_key(|entry| entry.state);
        let mut unique: Vec<Entry> = Vec::with_capacity(entries.len());
        for entry in entries {
            if find(&unique, &entry.key.fingerprint()).is_none() {
                unique.push(entry);
            }
        }
        *keys = unique.into();
    }
}

impl Entry {
    fn usage(&self) -> KeyUse {
        KeyUse {
            fingerprint: self.key.fingerprint(),
            state: self.state,
            opened: self.key.opened(),
            last_opened: self.key.last_opened(),
        }
    }
}

fn find(entries: &[Entry], fingerprint: &Fingerprint) -> Option<RingKey> {
    let entry = entries
        .iter()
        .find(|entry| entry.key.fingerprint() == *fingerprint)?;
    Some(entry.key.clone())
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(
                self.snapshot()
                    .iter()
                    .map(|entry| entry.key.fingerprint().short()),
            )
            .finish()
    }
}

impl Opened {
    /// Returns the decrypted payload.
    pub fn expose_payload(&self) -> &[u8] {
        &self.payload.0
    }

    /// Returns the payload and the seal of the response.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, ResponseSeal) {
        (self.payload.0, self.seal)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
