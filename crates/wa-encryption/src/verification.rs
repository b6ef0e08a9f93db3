//! Whether the key that is registered is the one that should be, and whether clients can use it.

use std::fmt;

use wa_keys::{Fingerprint, PublicKey};

use crate::business_public_key::{BusinessPublicKey, RegisteredKey, SignatureStatus};

/// What comparing a key with the registered one showed.
///
/// Keys are compared by their DER, never as text. `Display` tells the finding in a sentence, [`advice`](Self::advice) what
/// to do about it.
///
/// ```
/// use wa_encryption::Verification;
///
/// fn may_launch(verification: &Verification) -> bool {
///     if !verification.is_good() {
///         eprintln!("{verification}: {}", verification.advice());
///     }
///     verification.is_good()
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
    /// The key is registered, but Meta's signature over it does not fit.
    Mismatch {
        /// The key's fingerprint.
        fingerprint: Fingerprint,
    },
    /// The key is registered, but the status of the signature is missing or not a documented one.
    UnknownStatus {
        /// The key's fingerprint.
        fingerprint: Fingerprint,
        /// The status as Graph wrote it.
        status: Option<String>,
    },
    /// Another key is registered.
    AnotherKey {
        /// The fingerprint of the key that should be registered.
        expected: Fingerprint,
        /// The fingerprint of the key that is.
        registered: Fingerprint,
        /// The status of Meta's signature over the registered key.
        status: Option<SignatureStatus>,
    },
    /// A text is registered that is not a public key that can be used.
    Unreadable {
        /// The fingerprint of the key that should be registered.
        expected: Fingerprint,
        /// What is wrong with the registered text.
        problem: String,
    },
    /// No key is registered.
    NotRegistered {
        /// The fingerprint of the key that should be registered.
        expected: Fingerprint,
    },
}

impl Verification {
    /// Compares the key that should be registered with what is.
    pub fn of(expected: &PublicKey, found: &BusinessPublicKey) -> Self {
        let fingerprint = expected.fingerprint();
        match found.registered() {
            RegisteredKey::Absent => Self::NotRegistered {
                expected: fingerprint,
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

    /// Returns whether the key is registered and usable. Nothing else is good.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Valid { .. })
    }

    /// Returns the fingerprint of the key that should be registered.
    pub fn expected(&self) -> Fingerprint {
        match self {
            Self::Valid { fingerprint }
            | Self::Mismatch { fingerprint }
            | Self::UnknownStatus { fingerprint, .. } => *fingerprint,
            Self::AnotherKey { expected, .. }
            | Self::Unreadable { expected, .. }
            | Self::NotRegistered { expected } => *expected,
        }
    }

    /// Returns what to do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Valid { .. } => {
                "Nothing to do. Look again from time to time, and after the number is registered anew."
            }
            Self::Mismatch { .. } => {
                "Set the same key again: Meta then signs it anew. This happens after a number is registered again. If it \
                 stays so, check that the number is registered with Cloud API."
            }
            Self::UnknownStatus { .. } => {
                "Look again in a minute; if the status stays, set the same key again and look what Meta's documentation \
                 says of it."
            }
            Self::AnotherKey { .. } => {
                "Find out who registered the other key before you replace it: an endpoint may hold its private half, \
                 and clients go on using it until they fetch the new one. Setting a key replaces the registered one."
            }
            Self::Unreadable { .. } => "Set the key: that replaces the text that no client can use.",
            Self::NotRegistered { .. } => {
                "Set the key for this phone number; every number needs it for itself."
            }
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid { fingerprint } => write!(f, "key {fingerprint} is registered and VALID"),
            Self::Mismatch { fingerprint } => {
                write!(
                    f,
                    "key {fingerprint} is registered, but its signature is a MISMATCH"
                )
            }
            Self::UnknownStatus {
                fingerprint,
                status: Some(status),
            } => {
                write!(
                    f,
                    "key {fingerprint} is registered with the unknown status {status}"
                )
            }
            Self::UnknownStatus {
                fingerprint,
                status: None,
            } => {
                write!(f, "key {fingerprint} is registered without a status")
            }
            Self::AnotherKey {
                expected,
                registered,
                status,
            } => {
                write!(f, "key {expected} was expected, but {registered} is registered")?;
                status.as_ref().map_or(Ok(()), |status| write!(f, " ({status})"))
            }
            Self::Unreadable { expected, problem } => {
                write!(
                    f,
                    "key {expected} was expected, but what is registered is no usable key: {problem}"
                )
            }
            Self::NotRegistered { expected } => {
                write!(f, "key {expected} was expected, but none is registered")
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
    fn only_the_same_key_with_the_status_valid_is_good() {
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
            assert_eq!(result.is_good(), matches!(result, Verification::Valid { .. }));
            assert_eq!(result.expected(), expected);
            assert!(!result.advice().is_empty() && !result.to_string().is_empty());
        }
        let unreadable = Verification::of(ours, &found(Some("no key"), Some("VALID")));
        assert!(matches!(unreadable, Verification::Unreadable { .. }) && !unreadable.is_good());
    }

    #[test]
    fn another_key_is_told_with_both_fingerprints() {
        let (ours, theirs) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let text = Verification::of(
            ours.public_key(),
            &found(Some(&theirs.public_key().to_pem()), None),
        )
        .to_string();
        for key in [&ours, &theirs] {
            assert!(
                text.contains(&key.public_key().fingerprint().to_string()),
                "{text}"
            );
        }
    }
}
