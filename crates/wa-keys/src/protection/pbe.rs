//! The older encryption of PKCS#12 (RFC 7292 §C): SHA-1 with triple DES or RC2; read, never written.

use der::{
    Decode as _,
    asn1::{ObjectIdentifier, OctetStringRef, UintRef},
};
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use sha1::Sha1;
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::{Cipher, Encryption, KeyDerivation, Scheme, pbes2::saturated};
use crate::{Form, KeyError};

const CIPHERS: [(ObjectIdentifier, Cipher); 4] = [
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3"),
        Cipher::DesEde3Cbc,
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4"),
        Cipher::DesEde2Cbc,
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5"),
        Cipher::Rc2With128BitsCbc,
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6"),
        Cipher::Rc2With40BitsCbc,
    ),
];

pub(super) fn cipher(oid: ObjectIdentifier) -> Option<Cipher> {
    CIPHERS
        .iter()
        .find(|(known, _)| *known == oid)
        .map(|(_, cipher)| *cipher)
}

/// Parses `pkcs-12PbeParams`.
pub(super) fn read<'a>(
    algorithm: &AlgorithmIdentifierRef<'a>,
    cipher: Cipher,
) -> Result<Scheme<'a>, KeyError> {
    let malformed = || KeyError::Malformed {
        form: Form::EncryptedPkcs8PrivateKey,
    };
    let parameters = algorithm.parameters.ok_or_else(malformed)?;
    let (salt, rounds) = parameters
        .sequence(|reader| {
            Ok::<_, der::Error>((
                <&OctetStringRef>::decode(reader)?.as_bytes(),
                saturated(UintRef::decode(reader)?),
            ))
        })
        .map_err(|_| malformed())?;
    Ok(Scheme {
        encryption: Encryption {
            derivation: KeyDerivation::Pkcs12 { rounds },
            cipher,
        },
        salt,
        iv: &[],
    })
}

/// Derives a key or an initialization vector; `None` if the number of rounds is invalid.
pub(super) fn derive(
    passphrase: &[u8],
    salt: &[u8],
    rounds: u64,
    what: Pkcs12KeyType,
    length: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let rounds = i32::try_from(rounds).ok().filter(|rounds| *rounds > 0)?;
    Some(Zeroizing::new(derive_key::<Sha1>(
        passphrase, salt, what, rounds, length,
    )))
}

/// Encodes the passphrase for this scheme: big-endian UTF-16 with a terminating zero (RFC 7292 §B.1).
pub(super) fn encode(passphrase: &str) -> Zeroizing<Vec<u8>> {
    // UTF-16 takes at most twice the bytes of UTF-8, so the buffer is never reallocated, which would leave a
    // copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * passphrase.len() + 2));
    for unit in passphrase.encode_utf16() {
        bytes.extend_from_slice(&unit.to_be_bytes());
    }
    bytes.extend_from_slice(&[0, 0]);
    bytes
}
