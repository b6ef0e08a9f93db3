//! The errors of a key ring.

use std::borrow::Cow;

use wa_keys::Fingerprint;

use crate::envelope::NoEnvelope;

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

impl From<NoEnvelope> for OpenError {
    fn from(_: NoEnvelope) -> Self {
        Self::NoEnvelope
    }
}
