//! What is registered for a phone number.

use std::collections::BTreeSet;
use std::fmt;

use wa_keys::{Fingerprint, KeyError, PublicKey};

/// The public key that is registered for a phone number, with the state of Meta's signature over it.
///
/// "Registered" means that Graph gave a text that is not blank; "usable" that the status is `VALID` as well; whether it is
/// *your* key is what [`Verification`](crate::Verification) tells. None of it says that an endpoint holds the private half.
///
/// ```
/// use wa_encryption::BusinessPublicKey;
///
/// fn describe(found: &BusinessPublicKey) -> String {
///     match found.public_key() {
///         Some(key) if found.is_usable() => format!("in use: {}", key.fingerprint()),
///         Some(key) => format!("not usable: {}", key.fingerprint()),
///         None => "no key that can be read".to_owned(),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct BusinessPublicKey {
    key: RegisteredKey,
    status: Option<SignatureStatus>,
}

/// The registered key itself.
#[non_exhaustive]
pub enum RegisteredKey {
    /// None: the member is missing, null or blank.
    Absent,
    /// A key as it should be.
    Key(PublicKey),
    /// Several keys, where Graph documents one: which of them WhatsApp's clients use is not known.
    Several {
        /// The fingerprints of those that can be read.
        fingerprints: Vec<Fingerprint>,
    },
    /// A text that is not a public key that WhatsApp's clients could use.
    Unreadable {
        /// The text as Graph gave it.
        text: String,
        /// What is wrong with it.
        problem: Box<KeyError>,
    },
}

/// The state of Meta's signature over a registered key (Meta, *WhatsApp Business Encryption* guide, "Get business public
/// key").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureStatus {
    /// The signature is good.
    Valid,
    /// The signature does not fit, most often because the number was registered again; also answered with no key at all.
    Mismatch,
    /// A status that is not documented, as Graph wrote it.
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

    /// Returns the status as Graph writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Valid => "VALID",
            Self::Mismatch => "MISMATCH",
            Self::Unknown(text) => text,
        }
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
        Self { key, status }
    }

    /// Makes one finding of all entries of a listing: entries without a key count for nothing, the same key twice for one.
    pub(crate) fn merge(entries: Vec<Self>) -> Self {
        let blank = entries.first().and_then(|entry| entry.status.clone());
        let mut entries: Vec<Self> = entries.into_iter().filter(Self::is_registered).collect();
        // What is not usable comes first, so that a key is not called usable where one entry denies it.
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
            },
        }
    }

    /// Returns whether anything is registered, whether it can be used or not.
    pub fn is_registered(&self) -> bool {
        !matches!(self.key, RegisteredKey::Absent)
    }

    /// Returns the registered key in all its cases.
    pub fn registered(&self) -> &RegisteredKey {
        &self.key
    }

    /// Returns the registered key, if there is one that can be read.
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

    /// Returns the state of Meta's signature; `None` when Graph did not tell it.
    pub fn signature_status(&self) -> Option<&SignatureStatus> {
        self.status.as_ref()
    }

    /// Returns whether a key is registered that WhatsApp's clients can use: one that can be read, with the status `VALID`.
    pub fn is_usable(&self) -> bool {
        self.public_key().is_some() && self.status == Some(SignatureStatus::Valid)
    }
}

impl fmt::Debug for RegisteredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Key(key) => f.debug_tuple("Key").field(&key.fingerprint()).finish(),
            Self::Several { fingerprints } => f.debug_tuple("Several").field(fingerprints).finish(),
            // Whatever stands there is not a public key, so it is not shown either.
            Self::Unreadable { text, problem } => f
                .debug_struct("Unreadable")
                .field("length", &text.len())
                .field("problem", problem)
                .finish(),
        }
    }
}
