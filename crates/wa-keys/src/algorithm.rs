//! The algorithms of keys, and their object identifiers.

use std::fmt;

use der::asn1::ObjectIdentifier;
use spki::AlgorithmIdentifierRef;

/// `rsaEncryption` (RFC 8017 §A.1), the only algorithm that WhatsApp Flows use.
pub(crate) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const DH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.3.1");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const X448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.111");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");

/// The algorithm of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// Plain RSA (`rsaEncryption`), which WhatsApp Flows use.
    Rsa,
    /// RSA restricted to PSS signatures; such a key must not be used for decryption.
    RsaPss,
    /// RSA restricted to OAEP by its identifier, which WhatsApp's clients do not import.
    RsaOaep,
    /// An elliptic-curve key, with the name or object identifier of its curve, if the key has one.
    Ec(Option<String>),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410).
    Ed448,
    /// X25519 (RFC 8410).
    X25519,
    /// X448 (RFC 8410).
    X448,
    /// DSA.
    Dsa,
    /// Diffie-Hellman.
    Dh,
    /// A symmetric key: a JSON Web Key of type `oct`.
    Symmetric,
    /// Another algorithm, as its dotted object identifier.
    Other(String),
}

impl KeyAlgorithm {
    pub(crate) fn of(identifier: &AlgorithmIdentifierRef<'_>) -> Self {
        match identifier.oid {
            RSA => Self::Rsa,
            RSA_PSS => Self::RsaPss,
            RSA_OAEP => Self::RsaOaep,
            EC => Self::Ec(
                identifier
                    .parameters
                    .and_then(|p| p.decode_as().ok())
                    .map(curve_name),
            ),
            DSA => Self::Dsa,
            DH => Self::Dh,
            X25519 => Self::X25519,
            X448 => Self::X448,
            ED25519 => Self::Ed25519,
            ED448 => Self::Ed448,
            other => Self::Other(other.to_string()),
        }
    }
}

impl KeyAlgorithm {
    /// Returns whether keys of the algorithm have a modulus and an exponent.
    pub(crate) fn is_rsa_family(&self) -> bool {
        matches!(self, Self::Rsa | Self::RsaPss | Self::RsaOaep)
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa => f.write_str("RSA"),
            Self::RsaPss => f.write_str("RSA-PSS"),
            Self::RsaOaep => f.write_str("RSA-OAEP"),
            Self::Ec(Some(curve)) => write!(f, "EC ({curve})"),
            Self::Ec(None) => f.write_str("EC"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Ed448 => f.write_str("Ed448"),
            Self::X25519 => f.write_str("X25519"),
            Self::X448 => f.write_str("X448"),
            Self::Dsa => f.write_str("DSA"),
            Self::Dh => f.write_str("Diffie-Hellman"),
            Self::Symmetric => f.write_str("symmetric"),
            Self::Other(oid) => write!(f, "algorithm {oid}"),
        }
    }
}

/// Returns the common name of a curve, or its object identifier.
pub(crate) fn curve_name(curve: ObjectIdentifier) -> String {
    const NAMES: [(ObjectIdentifier, &str); 4] = [
        (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), "P-256"),
        (ObjectIdentifier::new_unwrap("1.3.132.0.34"), "P-384"),
        (ObjectIdentifier::new_unwrap("1.3.132.0.35"), "P-521"),
        (ObjectIdentifier::new_unwrap("1.3.132.0.10"), "secp256k1"),
    ];
    NAMES
        .iter()
        .find(|(oid, _)| *oid == curve)
        .map_or_else(|| curve.to_string(), |(_, name)| (*name).to_owned())
}
