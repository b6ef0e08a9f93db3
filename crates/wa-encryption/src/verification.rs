//! Whether the expected key is registered and clients can use it.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::json;
use wa_keys::{Fingerprint, PublicKey};

use crate::business_public_key::{BusinessPublicKey, RegisteredKey, SignatureStatus};

/// The result of comparing an expected key with the registered one.
///
/// Keys are compared by their DER, never as text. `Display` describes the result with short fingerprints,
/// [`remedy`](Self::remedy) returns what to do about it.
///
/// ```
/// use wa_encryption::Verification;
///
/// fn may_launch(verification: &Verification) -> bool {
///     if !verification.is_valid() {
///         eprintln!("{verification}: {}", verification.remedy().unwrap_or_default());
///     }
///     verification.is_valid()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verification {
    /// The key is registered and Meta's signature over it is `VALID`.
    Valid {
        /// The key's fingerprint.
        fingerprint: Fingerprint,
    },
    /// The key is registered, but Meta's signature does not match it.
    Mismatch {
        /// The key's fingerprint.
        fingerprint: Fingerprint,
    },
    /// The key is registered, but the signature status is missing or undocumented.
    UnknownStatus {
        /// The key's fingerprint.
        fingerprint: Fingerprint,
        /// The status in Graph's spelling.
        status: Option<String>,
    },
    /// Another key is registered.
    AnotherKey {
        /// The fingerprint of the expected key.
        expected: Fingerprint,
        /// The fingerprint of the registered key.
        registered: Fingerprint,
        /// The status of Meta's signature over the registered key.
        status: Option<SignatureStatus>,
    },
    /// The registered text is not a usable public key.
    Unreadable {
        /// The fingerprint of the expected key.
        expected: Fingerprint,
        /// The reason why it is not usable.
        problem: String,
    },
    /// No key is registered.
    NotRegistered {
        /// The fingerprint of the expected key.
        expected: Fingerprint,
    },
    /// Graph confirmed the upload of the key, but reading it back does not show it yet.
    NotVisible {
        /// The fingerprint of the uploaded key.
        expected: Fingerprint,
        /// The fingerprint of the key that is shown instead, if any.
        shown: Option<Fingerprint>,
    },
    /// Several different keys are listed, although Graph documents one.
    Several {
        /// The fingerprint of the expected key.
        expected: Fingerprint,
        /// The fingerprints of the readable keys in the list.
        listed: Vec<Fingerprint>,
    },
}

impl Verification {
    /// Compares the expected key with the registered one.
    pub fn of(expected: &PublicKey, found: &BusinessPublicKey) -> Self {
        let fingerprint = expected.fingerprint();
        match found.registered() {
            RegisteredKey::Absent => Self::NotRegistered {
                expected: fingerprint,
            },
            RegisteredKey::Several { fingerprints } => Self::Several {
                expected: fingerprint,
                listed: fingerprints.clone(),
            },
            RegisteredKey::Unreadable { problem, .. } => Self::Unreadable {
                expected: fingerprint,
                problem: problem.to_string(),
            },
            RegisteredKey::Key(key) if key != expected => Self::AnotherKey {
                expected: fingerprint,
                registered: key.fingerprint(),
                status: found.signature_status().cloned(),
            },
            RegisteredKey::Key(_) => match found.signature_status() {
                Some(SignatureStatus::Valid) => Self::Valid { fingerprint },
                Some(SignatureStatus::Mismatch) => Self::Mismatch { fingerprint },
                other => Self::UnknownStatus {
                    fingerprint,
                    status: other.map(ToString::to_string),
                },
            },
        }
    }

    /// Interprets the result of reading back after a confirmed upload: no key or another key means that the
    /// upload is not visible yet.
    pub(crate) fn after_upload(self) -> Self {
        match self {
            Self::NotRegistered { expected } => Self::NotVisible {
                expected,
                shown: None,
            },
            Self::AnotherKey {
                expected, registered, ..
            } => Self::NotVisible {
                expected,
                shown: Some(registered),
            },
            other => other,
        }
    }

    /// Returns whether the expected key is registered and Meta's signature over it is `VALID`.
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid { .. })
    }

    /// Returns whether the expected key is registered, regardless of its signature status.
    pub fn is_registered(&self) -> bool {
        matches!(
            self,
            Self::Valid { .. } | Self::Mismatch { .. } | Self::UnknownStatus { .. }
        )
    }

    /// Returns the result in one or two lowercase words joined by `_`, for logs, metrics and JSON.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Mismatch { .. } => "mismatch",
            Self::UnknownStatus { .. } => "unknown_status",
            Self::AnotherKey { .. } => "another_key",
            Self::Unreadable { .. } => "unreadable",
            Self::NotRegistered { .. } => "not_registered",
            Self::NotVisible { .. } => "not_visible",
            Self::Several { .. } => "several",
        }
    }

    /// Returns the fingerprint of the expected key.
    pub fn expected(&self) -> Fingerprint {
        match self {
            Self::Valid { fingerprint }
            | Self::Mismatch { fingerprint }
            | Self::UnknownStatus { fingerprint, .. } => *fingerprint,
            Self::AnotherKey { expected, .. }
            | Self::Unreadable { expected, .. }
            | Self::NotRegistered { expected }
            | Self::NotVisible { expected, .. }
            | Self::Several { expected, .. } => *expected,
        }
    }

    /// Returns the fingerprint of the other key that is registered or shown in place of the expected one.
    pub fn other_key(&self) -> Option<Fingerprint> {
        match self {
            Self::AnotherKey { registered, .. } => Some(*registered),
            Self::NotVisible { shown, .. } => *shown,
            _ => None,
        }
    }

    /// Returns what to do about it; `None` if the key is valid.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::Valid { .. } => return None,
            Self::Mismatch { .. } => {
                "Set the same key again, so that Meta signs it again, as after every re-registration of a \
                 number. If the status stays MISMATCH, check that the number is registered with Cloud API."
            }
            Self::UnknownStatus { .. } => {
                "Verify again in a minute. If the status stays, set the same key again and look the status \
                 up in Meta's documentation."
            }
            Self::AnotherKey { .. } => {
                "Find out who registered the other key before you replace it: an endpoint may use it. \
                 Setting a key replaces the registered one, and Flows fail unless the endpoint serves the \
                 new key."
            }
            Self::Unreadable { .. } => "Set the key, which replaces the text that no client can use.",
            Self::NotRegistered { .. } => {
                "Set the key for this phone number; every number needs its own registration."
            }
            Self::NotVisible { .. } => {
                "Verify again in a minute: Graph confirmed the upload, and Meta does not document how long \
                 a new key takes to become visible. If another key is still shown then, find out who else \
                 uploads one."
            }
            Self::Several { .. } => {
                "Set the key again, which replaces what is registered. If several keys are still listed, \
                 ask Meta's support: Meta documents one per number."
            }
        };
        Some(Cow::Borrowed(text))
    }
}

impl Serialize for Verification {
    /// Serializes the label, the full fingerprints of the expected and the other key, the description and the
    /// remedy.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({
            "verification": self.label(),
            "valid": self.is_valid(),
            "expected": self.expected().to_string(),
            "other_key": self.other_key().map(|key| key.to_string()),
            "description": self.to_string(),
            "remedy": self.remedy(),
        })
        .serialize(serializer)
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid { fingerprint } => {
                write!(f, "key {} is registered and VALID", fingerprint.short())
            }
            Self::Mismatch { fingerprint } => write!(
                f,
                "key {} is registered, but its signature status is MISMATCH",
                fingerprint.short()
            ),
            Self::UnknownStatus { fingerprint, status } => {
                write!(f, "key {} is registered ", fingerprint.short())?;
                match status {
                    Some(status) => write!(f, "with the unknown status {status}"),
                    None => f.write_str("without a status"),
                }
            }
            Self::AnotherKey {
                expected,
                registered,
                status,
            } => {
                write!(f, "another key, {}, is registered", registered.short())?;
                if let Some(status) = status {
                    write!(f, " ({status})")?;
                }
                write!(f, "; expected {}", expected.short())
            }
            Self::Unreadable { expected, problem } => write!(
                f,
                "the registered text is not a usable key: {problem}; expected {}",
                expected.short()
            ),
            Self::NotRegistered { expected } => {
                write!(f, "no key is registered; expected {}", expected.short())
            }
            Self::NotVisible { expected, shown } => {
                write!(f, "key {} was uploaded, but reading it back ", expected.short())?;
                match shown {
                    Some(shown) => write!(f, "still shows key {}", shown.short()),
                    None => f.write_str("shows no key yet"),
                }
            }
            Self::Several { expected, listed } => {
                f.write_str("several keys are listed")?;
                for (index, key) in listed.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { ": " } else { ", " }, key.short())?;
                }
                write!(f, "; expected only {}", expected.short())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wa_keys::PrivateKey;

    use super::*;

    fn found(text: Option<&str>, status: Option<&str>) -> BusinessPublicKey {
        BusinessPublicKey::new(text, status.map(SignatureStatus::read))
    }

    #[test]
    fn only_the_same_key_with_the_status_valid_is_valid() {
        let (ours, theirs) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let (ours, theirs) = (ours.public_key(), theirs.public_key());
        let (fingerprint, expected, registered) =
            (ours.fingerprint(), ours.fingerprint(), theirs.fingerprint());
        let another = |status| Verification::AnotherKey {
            expected,
            registered,
            status,
        };
        let (own, other) = (ours.to_pem(), theirs.to_pem());
        for (text, status, verification) in [
            (
                Some(own.as_str()),
                Some("VALID"),
                Verification::Valid { fingerprint },
            ),
            (
                Some(&own.replace('\n', "\r\n")),
                Some("VALID"),
                Verification::Valid { fingerprint },
            ),
            (
                Some(&own),
                Some("MISMATCH"),
                Verification::Mismatch { fingerprint },
            ),
            (
                Some(&own),
                Some("NEW"),
                Verification::UnknownStatus {
                    fingerprint,
                    status: Some("NEW".into()),
                },
            ),
            (
                Some(&own),
                None,
                Verification::UnknownStatus {
                    fingerprint,
                    status: None,
                },
            ),
            (Some(&other), Some("VALID"), another(Some(SignatureStatus::Valid))),
            (Some(&other), None, another(None)),
            (None, Some("MISMATCH"), Verification::NotRegistered { expected }),
        ] {
            let result = Verification::of(ours, &found(text, status));
            assert_eq!(result, verification);
            assert_eq!(result.is_valid(), matches!(result, Verification::Valid { .. }));
            assert_eq!(result.expected(), expected);
            assert_eq!(result.remedy().is_none(), result.is_valid());
            assert!(!result.to_string().is_empty());
            let json = serde_json::to_value(&result).unwrap();
            assert_eq!(json["verification"], result.label());
            assert_eq!(json["expected"], expected.to_string());
        }
        let unreadable = Verification::of(ours, &found(Some("no key"), Some("VALID")));
        assert!(matches!(unreadable, Verification::Unreadable { .. }) && !unreadable.is_valid());
    }

    #[test]
    fn another_key_is_reported_with_both_fingerprints() {
        let (ours, theirs) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let text = Verification::of(
            ours.public_key(),
            &found(Some(&theirs.public_key().to_pem()), None),
        )
        .to_string();
        for key in [&ours, &theirs] {
            assert!(text.contains(&key.public_key().fingerprint().short()), "{text}");
        }
    }
}
