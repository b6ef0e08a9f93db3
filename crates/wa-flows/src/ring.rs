//! The private keys that decrypt requests: the primary key and previous ones.

mod key;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use wa_keys::{Fingerprint, PrivateKey};

use crate::envelope::{DecodedEnvelope, Envelope, NoEnvelope};
use crate::session::ResponseSeal;
use key::RingKey;

/// The private keys of an endpoint, tried in order: the primary key, then previous ones.
///
/// A Flow that was opened before a rotation continues to use the old key, so keep the old key in the ring for
/// a few days. A `KeyRing` is a handle: clones share the keys, and a change such as
/// [`replace`](KeyRing::replace) takes effect for all of them at once, without a failed request. Each key is
/// parsed once, when it is added, and tested: it must decrypt a message encrypted with its public key. That
/// takes one or two milliseconds.
///
/// ```
/// use wa_flows::KeyRing;
/// use wa_keys::PrivateKey;
///
/// # fn example(new_key: &PrivateKey, old_key: &PrivateKey) -> Result<(), wa_flows::KeyRingError> {
/// let ring = KeyRing::new(new_key)?.with_previous(old_key)?;
/// for key in ring.keys() {
///     println!("{} decrypted {} requests", key.fingerprint.short(), key.opened);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<RwLock<Keys>>,
}

/// The keys at one moment; readers clone one pointer.
type Keys = Arc<[Arc<RingKey>]>;

/// The reason why a key cannot be added to a ring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The cryptographic library refuses the key, or the key does not decrypt what its public key encrypts.
    #[error("the private key {} cannot be used to decrypt", .0.short())]
    Unusable(Fingerprint),
    /// The system's random source fails.
    #[error("the system's random source fails")]
    NoRandomNumbers,
}

impl KeyRingError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Unusable(_) => "generate a new key, and register its public key",
            Self::NoRandomNumbers => "check the random source of the system",
        }))
    }
}

/// The reason why a request cannot be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The body is not an envelope.
    #[error("the body is not a Flows envelope")]
    NoEnvelope,
    /// The envelope cannot be decrypted. The error does not reveal whether it was malformed, for another key,
    /// or altered: an attacker who can distinguish these can decrypt messages (RFC 8017 §7.1.2).
    #[error("the request cannot be decrypted with any key of the ring")]
    Undecryptable,
}

impl OpenError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoEnvelope => NoEnvelope.remedy(),
            Self::Undecryptable => Some(Cow::Borrowed(
                "compare the public key registered for the phone number with the keys of the ring",
            )),
        }
    }
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
    /// The number of requests that it has decrypted since it was added to the ring.
    pub opened: u64,
    /// When it last decrypted a request, to the second.
    pub last_opened: Option<SystemTime>,
}

impl KeyRing {
    /// Creates a ring with one key.
    ///
    /// # Errors
    ///
    /// Returns [`KeyRingError`] if the key cannot be used.
    pub fn new(primary: &PrivateKey) -> Result<Self, KeyRingError> {
        Ok(Self::from_keys([Arc::new(RingKey::new(primary)?)].into()))
    }

    /// Adds a previous key after the keys of the ring. A key that the ring already has keeps its position.
    ///
    /// # Errors
    ///
    /// Returns [`KeyRingError`] if the key cannot be used.
    pub fn with_previous(self, key: &PrivateKey) -> Result<Self, KeyRingError> {
        if !self.contains(&key.public_key().fingerprint()) {
            let key = Arc::new(RingKey::new(key)?);
            self.update(|keys| keys.iter().cloned().chain([key]).collect());
        }
        Ok(self)
    }

    /// Makes a key the primary one of this ring and all its clones; the other keys follow in their order.
    ///
    /// # Errors
    ///
    /// Returns [`KeyRingError`] if the key cannot be used; the ring is unchanged.
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

    /// Removes a previous key from this ring and all its clones; returns whether it was in the ring. The
    /// primary key is never removed.
    #[must_use = "a key that was not in the ring is often a mistyped fingerprint"]
    pub fn retire(&self, fingerprint: &Fingerprint) -> bool {
        self.remove(fingerprint, 1)
    }

    /// Removes a compromised key from this ring and all its clones, even the primary key; returns whether it
    /// was in the ring.
    ///
    /// The next key becomes the primary one. A ring without keys decrypts nothing, so its endpoint answers
    /// every request with 421 until [`promote`](KeyRing::promote) or [`replace`](KeyRing::replace) adds a
    /// key. In a planned rotation use [`retire`](KeyRing::retire), which never removes the last key.
    #[must_use = "a key that was not in the ring is often a mistyped fingerprint"]
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

    /// Replaces the keys of this ring and all its clones with those of another, atomically. Keys in both keep
    /// their counts.
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

    /// Returns the keys and their use, in the order in which they are tried.
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
        let decoded = envelope.into_decoded();
        let well_formed = decoded.is_some();
        let DecodedEnvelope {
            encrypted_key,
            iv,
            mut data,
        } = decoded.unwrap_or_else(DecodedEnvelope::decoy);
        for key in self.snapshot().iter() {
            let (session_key, unwrapped) = key.unwrap_session_key(&encrypted_key);
            let seal = ResponseSeal::new(&session_key, iv);
            // Both are computed before either is tested, so that the time does not reveal which failed.
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

impl From<NoEnvelope> for OpenError {
    fn from(_: NoEnvelope) -> Self {
        Self::NoEnvelope
    }
}
