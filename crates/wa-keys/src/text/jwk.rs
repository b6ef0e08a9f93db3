//! JSON Web Keys (RFC 7517, RFC 7518 §6): one key, or a set with one RSA key.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use der::{Encode as _, SecretDocument, asn1::UintRef};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{Block, Value, clean::Text};
use crate::{Form, KeyAlgorithm, KeyError, error::Damage};

/// A JSON Web Key whose numbers are decoded but not validated yet.
pub(crate) struct Jwk {
    pub(crate) form: Form,
    pub(crate) algorithm: KeyAlgorithm,
    /// The PKCS#1 encoding of an RSA key; empty for other keys.
    pub(crate) pkcs1: Zeroizing<Vec<u8>>,
}

/// The relevant members, borrowed from the text to avoid copies of secrets. Base64url contains no escapes.
#[derive(Deserialize)]
struct Members<'a> {
    kty: &'a str,
    crv: Option<&'a str>,
    n: Option<&'a str>,
    e: Option<&'a str>,
    d: Option<&'a str>,
    p: Option<&'a str>,
    q: Option<&'a str>,
    dp: Option<&'a str>,
    dq: Option<&'a str>,
    qi: Option<&'a str>,
    oth: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<Members<'a>>,
}

/// Parses the text if it is a JSON Web Key or a set; in a set with RSA keys, keys of other algorithms are
/// ignored.
pub(super) fn blocks(text: &Text) -> Option<Result<Vec<Block>, KeyError>> {
    let json = text.bytes().trim_ascii();
    let json = json
        .strip_prefix(b"'")
        .and_then(|json| json.strip_suffix(b"'"))
        .unwrap_or(json);
    if !json.starts_with(b"{") || !text.contains(b"\"kty\"") {
        return None;
    }
    let keys = if text.contains(b"\"keys\"") {
        serde_json::from_slice::<Set<'_>>(json).map(|set| set.keys)
    } else {
        serde_json::from_slice::<Members<'_>>(json).map(|key| vec![key])
    };
    let Ok(mut keys) = keys else {
        return Some(Err(bad("is not complete JSON with string members")));
    };
    if keys.iter().any(|key| key.kty == "RSA") {
        keys.retain(|key| key.kty == "RSA");
    }
    let read = |key: &Members<'_>| {
        key.read().map(|key| Block {
            line: None,
            value: Value::Jwk(key),
        })
    };
    Some(keys.iter().map(read).collect())
}

impl Members<'_> {
    fn read(&self) -> Result<Jwk, KeyError> {
        let is_private = self.d.is_some() || self.kty == "oct";
        let form = if is_private {
            Form::PrivateJsonWebKey
        } else {
            Form::PublicJsonWebKey
        };
        let algorithm = match (self.kty, self.crv) {
            ("RSA", _) => KeyAlgorithm::Rsa,
            ("oct", _) => KeyAlgorithm::Symmetric,
            ("EC", Some(curve @ ("P-256" | "P-384" | "P-521" | "secp256k1"))) => {
                KeyAlgorithm::Ec(Some(curve.to_owned()))
            }
            ("EC", _) => KeyAlgorithm::Ec(None),
            ("OKP", Some("Ed25519")) => KeyAlgorithm::Ed25519,
            ("OKP", Some("Ed448")) => KeyAlgorithm::Ed448,
            ("OKP", Some("X25519")) => KeyAlgorithm::X25519,
            ("OKP", Some("X448")) => KeyAlgorithm::X448,
            _ => {
                return Err(bad("has a kty that is not in RFC 7518 or RFC 8037"));
            }
        };
        let pkcs1 = match (&algorithm, is_private) {
            (KeyAlgorithm::Rsa, true) => self.private()?,
            (KeyAlgorithm::Rsa, false) => self.public()?,
            _ => Zeroizing::default(),
        };
        Ok(Jwk {
            form,
            algorithm,
            pkcs1,
        })
    }

    fn public(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (n, e) = (number("n", self.n)?, number("e", self.e)?);
        let encode = || {
            RsaPublicKeyRef {
                modulus: UintRef::new(&n)?,
                public_exponent: UintRef::new(&e)?,
            }
            .to_der()
        };
        encode()
            .map(Zeroizing::new)
            .map_err(|_: der::Error| bad("has a number that is too long"))
    }

    fn private(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if self.oth.is_some() {
            return Err(KeyError::MultiPrime);
        }
        let (modulus, public_exponent) = (number("n", self.n)?, number("e", self.e)?);
        let private_exponent = number("d", self.d)?;
        let (prime1, prime2) = (number("p", self.p)?, number("q", self.q)?);
        let (exponent1, exponent2) = (number("dp", self.dp)?, number("dq", self.dq)?);
        let coefficient = number("qi", self.qi)?;
        let encode = || {
            SecretDocument::encode_msg(&RsaPrivateKeyRef {
                modulus: UintRef::new(&modulus)?,
                public_exponent: UintRef::new(&public_exponent)?,
                private_exponent: UintRef::new(&private_exponent)?,
                prime1: UintRef::new(&prime1)?,
                prime2: UintRef::new(&prime2)?,
                exponent1: UintRef::new(&exponent1)?,
                exponent2: UintRef::new(&exponent2)?,
                coefficient: UintRef::new(&coefficient)?,
                other_prime_infos: None,
            })
        };
        match encode() {
            Ok(document) => Ok(document.to_bytes()),
            Err(_) => Err(bad("has a number that is too long")),
        }
    }
}

/// Decodes a number (RFC 7518 §2, `Base64urlUInt`).
fn number(name: &'static str, value: Option<&str>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let fault = |damage| KeyError::Damaged { line: None, damage };
    let value = value.ok_or_else(|| fault(Damage::MissingMember(name)))?;
    let value = value.trim_end_matches('=');
    let mut bytes = Zeroizing::new(vec![0; value.len()]);
    let length = Base64UrlUnpadded::decode(value, &mut bytes).map(<[u8]>::len);
    match length {
        Ok(length) if length > 0 => {
            bytes.truncate(length);
            Ok(bytes)
        }
        _ => Err(fault(Damage::BadMember(name))),
    }
}

fn bad(fault: &'static str) -> KeyError {
    KeyError::Damaged {
        line: None,
        damage: Damage::BadJsonWebKey(fault),
    }
}
