//! The registered key of a phone number.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};
use wa_graph::ResponseMeta;
use wa_keys::{Fingerprint, KeyError, PublicKey};

/// The public key that is registered for a phone number, with the status of Meta's signature over it.
///
/// "Registered" means that Graph returned a text that is not blank, "usable" that it is a key with the status
/// `VALID`. [`Verification`](crate::Verification) shows whether it is *your* key. None of these shows that an
/// endpoint has the private key.
///
/// ```
/// use wa_encryption::BusinessPublicKey;
///
/// fn describe(found: &BusinessPublicKey) -> String {
///     match found.public_key() {
///         Some(key) if found.is_usable() => format!("in use: {}", key.fingerprint()),
///         Some(key) => format!("not usable: {}", key.fingerprint()),
///         None => "no readable key".to_owned(),
///     }
/// }
/// ```
pub struct BusinessPublicKey {
    key: RegisteredKey,
    status: Option<SignatureStatus>,
    meta: Option<ResponseMeta>,
}

/// The registered key.
#[non_exhaustive]
pub enum RegisteredKey {
    /// No key: the member is missing, null or blank.
    Absent,
    /// A valid key.
    Key(PublicKey),
    /// Several keys, although Graph documents one. It is unknown which of them WhatsApp's clients use.
    Several {
        /// The fingerprints of the readable keys.
        fingerprints: Vec<Fingerprint>,
    },
    /// A text that is not a public key, or one in a form that WhatsApp's clients cannot use.
    Unreadable {
        /// The text that Graph returned.
        text: String,
        /// The reason.
        problem: Box<KeyError>,
    },
}

/// The status of Meta's signature over a registered key (Meta, *WhatsApp Business Encryption* guide, "Get
/// business public key").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureStatus {
    /// The signature is valid.
    Valid,
    /// The signature does not match the key, usually because the number was re-registered. Also returned
    /// without a key.
    Mismatch,
    /// An undocumented status, in Graph's spelling.
    Unknown(String),
}

impl SignatureStatus {
    pub(crate) fn read(text: &str) -> Self {
        if text.eq_ignore_ascii_case("VALID") {
            Self::Valid
        } else if text.eq_ignore_ascii_case("MISMATCH") {
            Self::Mismatch
        } else {
            Self::Unknown(text.chars().filter(|c| !c.is_control()).take(64).collect())
        }
    }

    /// Returns the status in Graph's spelling.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Valid => "VALID",
            Self::Mismatch => "MISMATCH",
            Self::Unknown(text) => text,
        }
    }
}

impl Serialize for SignatureStatus {
    /// Serializes as Graph's spelling.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for SignatureStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl BusinessPublicKey {
    pub(crate) fn new(text: Option<&str>, status: Option<SignatureStatus>) -> Self {
        let key = match text {
            None => RegisteredKey::Absent,
            Some(text) => match PublicKey::parse_public_key_pem(text) {
                Ok(key) => RegisteredKey::Key(key),
                Err(problem) => RegisteredKey::Unreadable {
                    text: text.to_owned(),
                    problem: Box::new(problem),
                },
            },
        };
        Self {
            key,
            status,
            meta: None,
        }
    }

    /// Merges the entries of a listing: entries without a key are ignored, and the same key twice counts
    /// once.
    pub(crate) fn merge(entries: Vec<Self>) -> Self {
        let blank = entries.first().and_then(|entry| entry.status.clone());
        let mut entries: Vec<Self> = entries.into_iter().filter(Self::is_registered).collect();
        // Entries that are not usable come first, so that a key is not usable if one of its entries is not.
        entries.sort_by_key(Self::is_usable);
        let fingerprints: BTreeSet<_> = entries.iter().filter_map(Self::fingerprint).collect();
        let is_one = entries.iter().all(|entry| entry.public_key().is_some()) && fingerprints.len() == 1;
        match entries.len() {
            0 => Self::new(None, blank),
            1 => entries.remove(0),
            _ if is_one => entries.remove(0),
            _ => Self {
                key: RegisteredKey::Several {
                    fingerprints: fingerprints.into_iter().collect(),
                },
                status: None,
                meta: None,
            },
        }
    }

    pub(crate) fn with_meta(mut self, meta: ResponseMeta) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Returns whether anything is registered, usable or not.
    pub fn is_registered(&self) -> bool {
        !matches!(self.key, RegisteredKey::Absent)
    }

    /// Returns what is registered.
    pub fn registered(&self) -> &RegisteredKey {
        &self.key
    }

    /// Returns the registered key, if there is exactly one readable key.
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.key {
            RegisteredKey::Key(key) => Some(key),
            RegisteredKey::Absent | RegisteredKey::Several { .. } | RegisteredKey::Unreadable { .. } => None,
        }
    }

    /// Returns the registered key's fingerprint.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.public_key().map(PublicKey::fingerprint)
    }

    /// Returns the status of Meta's signature; `None` if Graph returned none.
    pub fn signature_status(&self) -> Option<&SignatureStatus> {
        self.status.as_ref()
    }

    /// Returns status, trace id, time, usage and attempts of the call that returned this. Present in every
    /// result of [`EncryptionApi::get_business_public_key`](crate::EncryptionApi::get_business_public_key).
    pub fn meta(&self) -> Option<&ResponseMeta> {
        self.meta.as_ref()
    }

    /// Returns whether WhatsApp's clients can use the registered key: it is readable and its status is
    /// `VALID`.
    pub fn is_usable(&self) -> bool {
        self.public_key().is_some() && self.status == Some(SignatureStatus::Valid)
    }
}

impl fmt::Debug for BusinessPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusinessPublicKey")
            .field("key", &self.key)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RegisteredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Key(key) => f.debug_tuple("Key").field(&key.fingerprint()).finish(),
            Self::Several { fingerprints } => f.debug_tuple("Several").field(fingerprints).finish(),
            // The text is not a public key and may be a secret, so it is not shown.
            Self::Unreadable { text, problem } => f
                .debug_struct("Unreadable")
                .field("length", &text.len())
                .field("problem", problem)
                .finish(),
        }
    }
}
