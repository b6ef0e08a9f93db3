//! Extracts the private key from a PKCS#12 container (RFC 7292).
//!
//! The structure is decoded here, so that the cost limits and the wiping of secrets are those of the rest of
//! the crate. The integrity check of the container (`macData`) is not verified: it depends on the passphrase
//! alone, and the numbers of the key are validated anyway.

use der::{
    Decode as _, Tag, Tagged as _,
    asn1::{AnyRef, ObjectIdentifier, OctetStringRef},
};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use crate::{Encryption, Form, KeyError, Passphrase, protection::Scheme, shape::members_of};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");

/// Maximum number of encrypted parts to decrypt in search of a key: each costs a key derivation.
const MAX_ENCRYPTED_PARTS: usize = 2;

/// The contents of a container that are visible without a passphrase.
pub(crate) struct Container<'a> {
    keys: Vec<Bag<'a>>,
    /// Encrypted parts, which usually contain certificates.
    encrypted: Vec<Encrypted<'a>>,
}

enum Bag<'a> {
    /// The DER of a PKCS#8 key.
    Open(&'a [u8]),
    Shrouded(Encrypted<'a>),
}

/// An encrypted value and its algorithm.
struct Encrypted<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    ciphertext: &'a [u8],
}

impl<'a> Container<'a> {
    /// Parses the `authSafe` of a `PFX`.
    pub(crate) fn read(auth_safe: AnyRef<'a>) -> der::Result<Self> {
        let mut found = Self {
            keys: Vec::new(),
            encrypted: Vec::new(),
        };
        let (kind, content) = content_info(auth_safe)?;
        if kind != DATA {
            // Signed with a public key instead of a MAC, which no common program writes.
            return Err(Tag::OctetString.value_error().into());
        }
        let safes = content.decode_as::<&OctetStringRef>()?;
        for safe in members_of(AnyRef::from_der(safes.as_bytes())?)? {
            match content_info(safe)? {
                (DATA, content) => {
                    let contents = content.decode_as::<&OctetStringRef>()?;
                    found.keys.extend(bags(contents.as_bytes())?);
                }
                (ENCRYPTED_DATA, content) => found.encrypted.push(encrypted_data(content)?),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Returns the encryption of the key, or of the part that may contain it; `None` if the key is not
    /// encrypted.
    pub(crate) fn scheme(&self) -> Option<Result<Scheme<'a>, KeyError>> {
        match (self.keys.first(), self.encrypted.first()) {
            (Some(Bag::Open(_)), _) | (None, None) => None,
            (Some(Bag::Shrouded(value)), _) | (None, Some(value)) => Some(Scheme::read(&value.algorithm)),
        }
    }

    /// Returns the PKCS#8 DER of the only key, and its encryption if it was encrypted.
    pub(crate) fn decrypt_key(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<(Zeroizing<Vec<u8>>, Option<Encryption>), KeyError> {
        if !self.keys.is_empty() {
            return only(&self.keys)?.decrypt(passphrase);
        }
        let mut contents = Vec::new();
        for part in self.encrypted.iter().take(MAX_ENCRYPTED_PARTS) {
            contents.push(Scheme::read(&part.algorithm)?.decrypt(part.ciphertext, passphrase)?);
        }
        let malformed = |_| KeyError::Malformed { form: Form::Pkcs12 };
        let keys = contents.iter().map(|contents| bags(contents));
        let keys: Vec<_> = keys.collect::<der::Result<Vec<_>>>().map_err(malformed)?;
        only(&keys.into_iter().flatten().collect::<Vec<_>>())?.decrypt(passphrase)
    }
}

impl Bag<'_> {
    fn decrypt(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<(Zeroizing<Vec<u8>>, Option<Encryption>), KeyError> {
        match self {
            Self::Open(der) => Ok((Zeroizing::new(der.to_vec()), None)),
            Self::Shrouded(value) => {
                let scheme = Scheme::read(&value.algorithm)?;
                let der = scheme.decrypt(value.ciphertext, passphrase)?;
                Ok((der, Some(scheme.encryption)))
            }
        }
    }
}

fn only<'a, 'b>(keys: &'b [Bag<'a>]) -> Result<&'b Bag<'a>, KeyError> {
    match keys {
        [] => Err(KeyError::NoPrivateKey { form: Form::Pkcs12 }),
        [key] => Ok(key),
        several => Err(KeyError::SeveralKeys { count: several.len() }),
    }
}

/// Returns the keys in `SafeContents`; certificates and nested bags are ignored.
fn bags(contents: &[u8]) -> der::Result<Vec<Bag<'_>>> {
    let mut keys = Vec::new();
    for bag in members_of(AnyRef::from_der(contents)?)? {
        let members = members_of(bag)?;
        let [kind, value, ..] = members.as_slice() else {
            return Err(Tag::Sequence.value_error().into());
        };
        match kind.decode_as::<ObjectIdentifier>()? {
            KEY_BAG => keys.push(Bag::Open(value.value())),
            SHROUDED_KEY_BAG => {
                let encrypted = members_of(AnyRef::from_der(value.value())?)?;
                let [algorithm, ciphertext] = encrypted.as_slice() else {
                    return Err(Tag::Sequence.value_error().into());
                };
                keys.push(Bag::Shrouded(Encrypted {
                    algorithm: algorithm.decode_as()?,
                    ciphertext: ciphertext.decode_as::<&OctetStringRef>()?.as_bytes(),
                }));
            }
            _ => {}
        }
    }
    Ok(keys)
}

/// Returns the type of a `ContentInfo` and the value in its explicit tag.
fn content_info(info: AnyRef<'_>) -> der::Result<(ObjectIdentifier, AnyRef<'_>)> {
    let members = members_of(info)?;
    match members.as_slice() {
        [kind, content] => Ok((kind.decode_as()?, AnyRef::from_der(content.value())?)),
        _ => Err(Tag::Sequence.value_error().into()),
    }
}

/// Parses `EncryptedData` (RFC 5652 §8), whose ciphertext is an octet string with an implicit tag.
fn encrypted_data(content: AnyRef<'_>) -> der::Result<Encrypted<'_>> {
    let members = members_of(content)?;
    let info = match members.as_slice() {
        [_version, info, ..] => members_of(*info)?,
        _ => return Err(Tag::Sequence.value_error().into()),
    };
    match info.as_slice() {
        [_kind, algorithm, ciphertext] if !ciphertext.tag().is_constructed() => Ok(Encrypted {
            algorithm: algorithm.decode_as()?,
            ciphertext: ciphertext.value(),
        }),
        _ => Err(Tag::Sequence.value_error().into()),
    }
}
