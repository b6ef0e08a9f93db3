//! The registry of keys: which key Graph has for a number.

mod graph;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use wa_graph::PhoneNumberId;
use wa_keys::{Fingerprint, PublicKey};

pub use graph::GraphRegistry;

/// Which key is registered for each phone number; [`GraphRegistry`] asks Meta.
///
/// `upload` sends the key once and does not retry: what was checked before it may no longer be true a minute
/// later. It must return within 30 s.
#[async_trait]
pub trait Registry: fmt::Debug + Send + Sync {
    /// Reads the registered key of a number.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] if it is not known.
    async fn read(&self, number: &PhoneNumberId) -> Result<Registered, RegistryError>;

    /// Registers a key for a number.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] if it was not confirmed; it may have taken effect all the same, or take effect
    /// later.
    async fn upload(&self, number: &PhoneNumberId, key: &PublicKey) -> Result<(), RegistryError>;
}

/// What is registered for a number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The key.
    pub key: RegisteredKey,
    /// True if Meta's signature over the key is `VALID`.
    pub is_valid: bool,
    /// The registry's time of day, if the response has one.
    pub date: Option<SystemTime>,
}

/// The key that is registered for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisteredKey {
    /// None.
    None,
    /// One key.
    Key(Fingerprint),
    /// A text that is not one readable key.
    Unreadable,
}

impl Registered {
    /// Creates the content of a response.
    #[must_use]
    pub fn new(key: RegisteredKey, is_valid: bool, date: Option<SystemTime>) -> Self {
        Self { key, is_valid, date }
    }

    /// Returns the fingerprint of the registered key, if there is one readable key.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self.key {
            RegisteredKey::Key(key) => Some(key),
            RegisteredKey::None | RegisteredKey::Unreadable => None,
        }
    }

    /// Returns true if this key is registered and its signature is `VALID`.
    #[must_use]
    pub fn is_valid(&self, key: Fingerprint) -> bool {
        self.is_valid && self.fingerprint() == Some(key)
    }
}

/// A call to the registry failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RegistryError {
    message: String,
    remedy: Option<Cow<'static, str>>,
    effect: Effect,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a failed call means for further calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// The same call may succeed later. An upload may have taken effect.
    Transient,
    /// A rate limit refused the call, or kept it from being sent: it took no effect. Only uploads fail in
    /// this way; a read waits for the end of the limit.
    Limited,
    /// The same call fails again; calls for other numbers do not.
    Number,
    /// Every call fails: the token, the app or the connection is refused.
    All,
}

impl RegistryError {
    /// Creates an error from its message and what it means for further calls.
    pub fn new(message: impl Into<String>, effect: Effect) -> Self {
        Self {
            message: message.into(),
            remedy: None,
            effect,
            source: None,
        }
    }

    /// Sets what to do about it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: Option<Cow<'static, str>>) -> Self {
        self.remedy = remedy;
        self
    }

    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        self.remedy.clone()
    }

    /// Returns what it means for further calls.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }
}
