//! The private keys that open requests: the current one and those before it.

mod key;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use wa_keys::{Fingerprint, PrivateKey};

use crate::envelope::{Envelope, NoEnvelope, Sealed};
use crate::session::ReplySeal;
use key::RingKey;

/// The private keys of an endpoint, tried in order: the current one, then earlier ones.
///
/// A phone that opened its Flow before the key was changed goes on with the old key, so an old key stays in the ring for
/// some days. A `KeyRing` is a handle: its clones share the keys, and [`replace`](KeyRing::replace) changes them for all
/// of them at once, without a request that fails. Each key is parsed once, when it enters the ring, and
/// tried: a message that is encrypted to its public half must come back. That takes less than a millisecond or two.
///
/// ```
/// use wa_flows::KeyRing;
/// use wa_keys::PrivateKey;
///
/// # fn example(new_key: &PrivateKey, old_key: &PrivateKey) -> Result<(), wa_flows::KeyRingError> {
/// let ring = KeyRing::new(new_key)?.with_earlier(old_key)?;
/// for key in ring.keys() {
///     println!("{} opened {} requests", key.fingerprint.short(), key.opened);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<RwLock<Keys>>,
}

/// What readers take a copy of: one pointer.
type Keys = Arc<[Arc<RingKey>]>;

/// A key that cannot enter a ring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The cryptographic library refuses the key, or the key does not open what is encrypted to its public half.
    #[error("the private key {} cannot be used to decrypt: generate a new one", .0.short())]
    Unusable(Fingerprint),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: see that its random source works")]
    NoRandomNumbers,
}

/// Why a request cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The body is no envelope at all.
    #[error("the body is no Flows envelope")]
    NoEnvelope,
    /// The envelope cannot be decrypted. Nothing tells whether it was malformed, for another key, or altered: who could
    /// tell these apart could decrypt (RFC 8017 §7.1.2).
    #[error(
        "the request cannot be decrypted: compare the public key registered for the phone number with the keys of the ring"
    )]
    Undecryptable,
}

/// A request that was opened.
#[derive(Debug)]
pub struct Opened {
    /// What seals the reply.
    pub seal: ReplySeal,
    /// The key that opened it.
    pub key: Fingerprint,
    payload: Payload,
}

/// A decrypted payload, which is not printed.
struct Payload(Vec<u8>);

/// A key of a ring and what it was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUse {
    /// The key's fingerprint.
    pub fingerprint: Fingerprint,
    /// Requests that it opened since it entered the ring.
    pub opened: u64,
    /// When it opened the last one, to the second.
    pub last_opened: Option<SystemTime>,
}

impl KeyRing {
    /// Makes a ring of one key.
    ///
    /// # Errors
    /// [`KeyRingError`] if the key cannot be used.
    pub fn new(current: &PrivateKey) -> Result<Self, KeyRingError> {
        Ok(Self::from_keys([Arc::new(RingKey::new(current)?)].into()))
    }

    /// The ring with an earlier key after those that it has; a key that is there already stays where it is.
    ///
    /// # Errors
    /// [`KeyRingError`] if the key cannot be used.
    pub fn with_earlier(self, key: &PrivateKey) -> Result<Self, KeyRingError> {
        if !self.contains(&key.public_key().fingerprint()) {
            let key = Arc::new(RingKey::new(key)?);
            self.update(|keys| keys.iter().cloned().chain([key]).collect());
        }
        Ok(self)
    }

    /// Makes a key the current one of this ring and all its clones; the others follow it in their order.
    ///
    /// # Errors
    /// [`KeyRingError`] if the key cannot be used; the ring stays as it was.
    pub fn promote(&self, key: &PrivateKey) -> Result<(), KeyRingError> {
        let new = Arc::new(RingKey::new(key)?);
        self.update(|keys| {
            let (known, others): (Vec<_>, Vec<_>) = keys
                .iter()
                .cloned()
                .partition(|known| known.fingerprint == new.fingerprint);
            known.into_iter().chain([new]).take(1).chain(others).collect()
        });
        Ok(())
    }

    /// Takes an earlier key out of this ring and all its clones; says whether it was there. The current key stays.
    #[must_use = "a key that was not there is often a mistyped fingerprint"]
    pub fn retire(&self, fingerprint: &Fingerprint) -> bool {
        self.remove(fingerprint, 1)
    }

    /// Removes a compromised key from this ring and all its clones, the current key included; returns whether it was there.
    ///
    /// The next key becomes the current one. A ring without keys opens nothing, so its endpoint answers every request
    /// with 421 until [`promote`](KeyRing::promote) or [`replace`](KeyRing::replace) adds a key. Use
    /// [`retire`](KeyRing::retire) in a planned rotation: it never removes the last key.
    #[must_use = "a key that was not there is often a mistyped fingerprint"]
    pub fn revoke(&self, fingerprint: &Fingerprint) -> bool {
        self.remove(fingerprint, 0)
    }

    /// Removes a key unless it is one of the first `kept`.
    fn remove(&self, fingerprint: &Fingerprint, kept: usize) -> bool {
        let mut removed = false;
        self.update(|keys| {
            let others = keys
                .iter()
                .enumerate()
                .filter(|(at, key)| *at < kept || key.fingerprint != *fingerprint);
            let others: Keys = others.map(|(_, key)| Arc::clone(key)).collect();
            removed = others.len() < keys.len();
            others
        });
        removed
    }

    /// Gives this ring and all its clones the keys of another, in one step. Keys that are in both keep their counts.
    pub fn replace(&self, other: &Self) {
        let theirs = other.snapshot();
        self.update(|ours| {
            let known = |key: &Arc<RingKey>| {
                ours.iter()
                    .find(|own| own.fingerprint == key.fingerprint)
                    .cloned()
            };
            theirs
                .iter()
                .map(|key| known(key).unwrap_or_else(|| Arc::clone(key)))
                .collect()
        });
    }

    /// The keys in the order in which they are tried, with what they were used for.
    pub fn keys(&self) -> Vec<KeyUse> {
        self.snapshot().iter().map(|key| key.usage()).collect()
    }

    /// True if the ring has the key.
    pub fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.snapshot().iter().any(|key| key.fingerprint == *fingerprint)
    }

    /// Decrypts the body of a request: envelope, RSA-OAEP with SHA-256 and MGF1-SHA-256, AES-128-GCM (Meta,
    /// *Implementing endpoints for Flows*, "Request decryption and encryption").
    ///
    /// It takes about 0.7 ms of a core with one key. What cannot be decrypted takes as long as if every key of the ring
    /// had to be tried, wherever it fails: a malformed envelope, a wrong key and an altered message look alike. (A key
    /// block that is numerically above the modulus is refused sooner: whoever sends it knows so beforehand.)
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, body: &[u8]) -> Result<Opened, OpenError> {
        self.open_envelope(Envelope::parse(body)?)
    }

    /// Decrypts an envelope; see [`open`](KeyRing::open).
    ///
    /// # Errors
    /// [`OpenError::Undecryptable`].
    pub fn open_envelope(&self, envelope: Envelope) -> Result<Opened, OpenError> {
        let sealed = envelope.into_sealed();
        let well_formed = sealed.is_some();
        let Sealed {
            encrypted_key,
            iv,
            mut data,
        } = sealed.unwrap_or_else(Sealed::decoy);
        for key in self.snapshot().iter() {
            let (session_key, unwrapped) = key.unwrap_session_key(&encrypted_key);
            let seal = ReplySeal::new(&session_key, iv);
            // Both are computed before either is looked at.
            let opened = seal.open_request(&mut data);
            if well_formed & unwrapped & opened {
                key.count();
                return Ok(Opened {
                    seal,
                    key: key.fingerprint,
                    payload: Payload(data),
                });
            }
        }
        Err(OpenError::Undecryptable)
    }

    fn from_keys(keys: Keys) -> Self {
        Self {
            keys: Arc::new(RwLock::new(keys)),
        }
    }

    fn snapshot(&self) -> Keys {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn update(&self, change: impl FnOnce(&Keys) -> Keys) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *keys = change(&keys);
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.snapshot().iter().map(|key| key.fingerprint.short()))
            .finish()
    }
}

impl Opened {
    /// The decrypted payload.
    pub fn expose_payload(&self) -> &[u8] {
        &self.payload.0
    }

    /// The payload and what seals the reply to it.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, ReplySeal) {
        (self.payload.0, self.seal)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl From<NoEnvelope> for OpenError {
    fn from(_: NoEnvelope) -> Self {
        Self::NoEnvelope
    }
}
