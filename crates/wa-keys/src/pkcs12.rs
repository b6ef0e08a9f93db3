//! PKCS#12 containers (RFC 7292): the private key in them, whatever encrypts it.
//!
//! The structure is decoded here, with the bounds and the wiping of the rest of the crate. The container's own checksum
//! (`macData`) is not verified: it depends on the passphrase, and the numbers of the key are checked.

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

/// The most encrypted parts that are opened in search of a key: each costs a derivation from the passphrase.
const MAX_SEALED: usize = 2;

/// What is in a container, as far as it is in the open.
pub(crate) struct Container<'a> {
    keys: Vec<Bag<'a>>,
    /// Encrypted parts, which mostly hold certificates.
    sealed: Vec<Sealed<'a>>,
}

enum Bag<'a> {
    /// The DER of a PKCS#8 key.
    Open(&'a [u8]),
    Shrouded(Sealed<'a>),
}

struct Sealed<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    ciphertext: &'a [u8],
}

impl<'a> Container<'a> {
    /// Reads the `authSafe` of a `PFX`.
    pub(crate) fn read(auth_safe: AnyRef<'a>) -> der::Result<Self> {
        let mut found = Self {
            keys: Vec::new(),
            sealed: Vec::new(),
        };
        let (kind, content) = content_info(auth_safe)?;
        if kind != DATA {
            // Signed with a public key: nobody is known to write that.
            return Err(Tag::OctetString.value_error().into());
        }
        let safes = content.decode_as::<&OctetStringRef>()?;
        for safe in members_of(AnyRef::from_der(safes.as_bytes())?)? {
            match content_info(safe)? {
                (DATA, content) => {
                    let contents = content.decode_as::<&OctetStringRef>()?;
                    found.keys.extend(bags(contents.as_bytes())?);
                }
                (ENCRYPTED_DATA, content) => found.sealed.push(sealed_safe(content)?),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Tells how the key is encrypted, or the part that may hold it; nothing when a key is in the open.
    pub(crate) fn scheme(&self) -> Option<Result<Scheme<'a>, KeyError>> {
        match (self.keys.first(), self.sealed.first()) {
            (Some(Bag::Open(_)), _) | (None, None) => None,
            (Some(Bag::Shrouded(sealed)), _) | (None, Some(sealed)) => Some(Scheme::read(&sealed.algorithm)),
        }
    }

    /// Decrypts the one key to the DER of PKCS#8, and tells how it was encrypted.
    pub(crate) fn open(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<(Zeroizing<Vec<u8>>, Option<Encryption>), KeyError> {
        if !self.keys.is_empty() {
            return only(&self.keys)?.open(passphrase);
        }
        let mut contents = Vec::new();
        for sealed in self.sealed.iter().take(MAX_SEALED) {
            contents.push(Scheme::read(&sealed.algorithm)?.open(sealed.ciphertext, passphrase)?);
        }
        let malformed = |_| KeyError::Malformed { form: Form::Pkcs12 };
        let keys = contents.iter().map(|contents| bags(contents));
        let keys: Vec<_> = keys.collect::<der::Result<Vec<_>>>().map_err(malformed)?;
        only(&keys.into_iter().flatten().collect::<Vec<_>>())?.open(passphrase)
    }
}

impl Bag<'_> {
    fn open(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<(Zeroizing<Vec<u8>>, Option<Encryption>), KeyError> {
        match self {
            Self::Open(der) => Ok((Zeroizing::new(der.to_vec()), None)),
            Self::Shrouded(sealed) => {
                let scheme = Scheme::read(&sealed.algorithm)?;
                let der = scheme.open(sealed.ciphertext, passphrase)?;
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

/// The keys among the bags of `SafeContents`; certificates and bags within bags do not count.
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
                keys.push(Bag::Shrouded(Sealed {
                    algorithm: algorithm.decode_as()?,
                    ciphertext: ciphertext.decode_as::<&OctetStringRef>()?.as_bytes(),
                }));
            }
            _ => {}
        }
    }
    Ok(keys)
}

/// Takes `ContentInfo` apart: its type, and what is in its explicit tag.
fn content_info(info: AnyRef<'_>) -> der::Result<(ObjectIdentifier, AnyRef<'_>)> {
    let members = members_of(info)?;
    match members.as_slice() {
        [kind, content] => Ok((kind.decode_as()?, AnyRef::from_der(content.value())?)),
        _ => Err(Tag::Sequence.value_error().into()),
    }
}

/// Reads `EncryptedData` (RFC 5652 §8), whose ciphertext is an octet string with an implicit tag.
fn sealed_safe(content: AnyRef<'_>) -> der::Result<Sealed<'_>> {
    let members = members_of(content)?;
    let info = match members.as_slice() {
        [_version, info, ..] => members_of(*info)?,
        _ => return Err(Tag::Sequence.value_error().into()),
    };
    match info.as_slice() {
        [_kind, algorithm, ciphertext] if !ciphertext.tag().is_constructed() => Ok(Sealed {
            algorithm: algorithm.decode_as()?,
            ciphertext: ciphertext.value(),
        }),
        _ => Err(Tag::Sequence.value_error().into()),
    }
}
