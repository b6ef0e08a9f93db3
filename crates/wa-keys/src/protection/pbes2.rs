//! PBES2 encryption (RFC 8018 §6.2, §A.4) of a PKCS#8 key.
//!
//! The parameters are not decoded by the `pkcs5` crate, because it panics on a short 3DES vector and on an
//! scrypt cost of zero, and does not wipe the keys that it derives.

use der::{
    Decode as _, Encode as _, Reader as _, Tag,
    asn1::{AnyRef, Null, ObjectIdentifier, OctetStringRef, UintRef},
};
use spki::AlgorithmIdentifierRef;

use super::{Cipher, Encryption, KeyDerivation, Prf, Protection, Scheme, cipher, names::unsupported};
use crate::{Form, KeyError, Passphrase};

pub(super) const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const SCRYPT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const PRFS: [(ObjectIdentifier, Prf); 5] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.7"), Prf::HmacSha1),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.2.8"),
        Prf::HmacSha224,
    ),
    (HMAC_SHA256, Prf::HmacSha256),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.2.10"),
        Prf::HmacSha384,
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.2.11"),
        Prf::HmacSha512,
    ),
];

/// Parses the parameters of PBES2.
pub(super) fn read<'a>(algorithm: &AlgorithmIdentifierRef<'a>) -> Result<Scheme<'a>, KeyError> {
    let [derivation, cipher] = parameters(algorithm)?;
    let encryption = Cipher::from_oid(cipher.oid).ok_or_else(|| unsupported(cipher.oid))?;
    let iv = octets(cipher.parameters)?;
    if iv.len() != encryption.block_bytes() {
        return Err(malformed());
    }
    let (derivation, salt, key_bytes) = match derivation.oid {
        PBKDF2 => pbkdf2(&derivation)?,
        SCRYPT => scrypt(&derivation)?,
        other => return Err(unsupported(other)),
    };
    if key_bytes.is_some_and(|bytes| bytes != encryption.key_bytes() as u64) {
        return Err(malformed());
    }
    Ok(Scheme {
        encryption: Encryption {
            derivation,
            cipher: encryption,
        },
        salt,
        iv,
    })
}

/// Encrypts the DER of a PKCS#8 key into the DER of an `EncryptedPrivateKeyInfo`.
pub(crate) fn encrypt(
    pkcs8: &[u8],
    passphrase: &Passphrase,
    protection: Protection,
) -> Result<Vec<u8>, KeyError> {
    if passphrase.is_empty() {
        return Err(KeyError::EmptyPassphrase);
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| KeyError::Randomness(Box::new(error)))?;
    let (salt, iv) = random.split_at(16);
    let failed = || KeyError::internal("encrypting a private key");
    let derivation = KeyDerivation::Pbkdf2 {
        prf: Prf::HmacSha256,
        rounds: protection.rounds().into(),
    };
    let key = derivation
        .derive(
            passphrase.expose_secret().as_bytes(),
            salt,
            Cipher::Aes256Cbc.key_bytes(),
        )
        .ok_or_else(failed)?;
    let ciphertext = cipher::encrypt_aes256(&key, iv, pkcs8).ok_or_else(failed)?;
    encode(salt, protection.rounds(), iv, &ciphertext).map_err(|_| failed())
}

fn encode(salt: &[u8], rounds: u32, iv: &[u8], ciphertext: &[u8]) -> der::Result<Vec<u8>> {
    let identifier = |oid, parameters: &[u8]| -> der::Result<Vec<u8>> {
        AlgorithmIdentifierRef {
            oid,
            parameters: Some(AnyRef::from_der(parameters)?),
        }
        .to_der()
    };
    let rounds = rounds.to_be_bytes();
    let prf = identifier(HMAC_SHA256, &Null.to_der()?)?;
    let pbkdf2 = sequence(&[octet_string(salt)?, UintRef::new(&rounds)?.to_der()?, prf])?;
    let derivation = identifier(PBKDF2, &pbkdf2)?;
    let cipher = identifier(Cipher::AES_256_CBC_OID, &octet_string(iv)?)?;
    let algorithm = identifier(PBES2, &sequence(&[derivation, cipher])?)?;
    sequence(&[algorithm, octet_string(ciphertext)?])
}

fn octet_string(bytes: &[u8]) -> der::Result<Vec<u8>> {
    OctetStringRef::new(bytes)?.to_der()
}

fn sequence(members: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    der::asn1::Any::new(Tag::Sequence, members.concat())?.to_der()
}

fn parameters<'a>(
    algorithm: &AlgorithmIdentifierRef<'a>,
) -> Result<[AlgorithmIdentifierRef<'a>; 2], KeyError> {
    let parameters = algorithm.parameters.ok_or_else(malformed)?;
    parameters
        .sequence(|reader| Ok::<_, der::Error>([reader.decode()?, reader.decode()?]))
        .map_err(|_| malformed())
}

type Derivation<'a> = (KeyDerivation, &'a [u8], Option<u64>);

/// Parses `PBKDF2-params` (RFC 8018 §A.2).
fn pbkdf2<'a>(algorithm: &AlgorithmIdentifierRef<'a>) -> Result<Derivation<'a>, KeyError> {
    let parameters = algorithm.parameters.ok_or_else(malformed)?;
    let (salt, rounds, key_bytes, prf) = parameters
        .sequence(|reader| {
            Ok::<_, der::Error>((
                <&OctetStringRef>::decode(reader)?.as_bytes(),
                saturated(UintRef::decode(reader)?),
                Option::<UintRef<'_>>::decode(reader)?.map(saturated),
                Option::<AlgorithmIdentifierRef<'_>>::decode(reader)?,
            ))
        })
        .map_err(|_| malformed())?;
    let prf = match prf {
        None => Prf::HmacSha1,
        Some(prf) => PRFS
            .iter()
            .find(|(oid, _)| *oid == prf.oid)
            .map(|(_, prf)| *prf)
            .ok_or_else(|| unsupported(prf.oid))?,
    };
    Ok((KeyDerivation::Pbkdf2 { prf, rounds }, salt, key_bytes))
}

/// Parses `scrypt-params` (RFC 7914 §7.1).
fn scrypt<'a>(algorithm: &AlgorithmIdentifierRef<'a>) -> Result<Derivation<'a>, KeyError> {
    let parameters = algorithm.parameters.ok_or_else(malformed)?;
    parameters
        .sequence(|reader| {
            let salt = <&OctetStringRef>::decode(reader)?.as_bytes();
            let [n, r, p] = [reader.decode()?, reader.decode()?, reader.decode()?].map(saturated);
            let key_bytes = Option::<UintRef<'_>>::decode(reader)?.map(saturated);
            Ok::<_, der::Error>((KeyDerivation::Scrypt { n, r, p }, salt, key_bytes))
        })
        .map_err(|_| malformed())
}

fn octets(parameters: Option<AnyRef<'_>>) -> Result<&[u8], KeyError> {
    let octets = parameters
        .and_then(|any| any.decode_as::<&OctetStringRef>().ok())
        .ok_or_else(malformed)?;
    Ok(octets.as_bytes())
}

/// Returns the number, or `u64::MAX` if it has more than 64 bits.
pub(super) fn saturated(number: UintRef<'_>) -> u64 {
    if number.as_bytes().len() > 8 {
        return u64::MAX;
    }
    number
        .as_bytes()
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn malformed() -> KeyError {
    KeyError::Malformed {
        form: Form::EncryptedPkcs8PrivateKey,
    }
}
