//! The public key, which is registered with WhatsApp.

use std::{fmt, hash};

use der::{
    Decode as _, Encode as _,
    asn1::{AnyRef, BitStringRef, Null, UintRef},
};
use pem_rfc7468::LineEnding;
use pkcs1::RsaPublicKeyRef;
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};

use crate::{
    Contents, Fingerprint, Form, KeyAlgorithm, KeyError, Passphrase, algorithm, error::ExponentFault, weak,
};

/// Bits of the modulus of every key here (Meta, *WhatsApp Business encryption* guide: "2048-bit RSA").
const BITS: usize = 2048;

/// An RSA public key of 2048 bits with a valid exponent: one that WhatsApp can register.
///
/// Its modulus has no factor below 8192, no primes so close that Fermat's method finds them, and not the
/// structure that the faulty library of CVE-2017-15361 (ROCA) generates. Other weaknesses cannot be detected
/// in a public key.
///
/// Any supported format can be parsed. It is always written as the canonical `SubjectPublicKeyInfo`, the only
/// format that WhatsApp's clients import.
///
/// ```
/// use wa_keys::PublicKey;
///
/// # let text = include_str!("../tests/data/openssl/public.pem");
/// let key = PublicKey::parse(text)?;
/// assert_eq!(PublicKey::parse(key.to_pem())?, key);
/// println!("{}", key.fingerprint().short());
/// # Ok::<(), wa_keys::KeyError>(())
/// ```
#[derive(Clone)]
pub struct PublicKey {
    spki: Vec<u8>,
    exponent: u32,
}

impl PublicKey {
    /// Parses a public key in any supported format: SPKI, PKCS#1, an X.509 certificate or a JSON Web Key.
    ///
    /// The input may be PEM or DER; common damage to the text is repaired. Only the key of a certificate is
    /// used: its dates and its signature are ignored.
    ///
    /// # Errors
    ///
    /// [`KeyError`] names the reason, and [`KeyError::remedy`] the fix.
    pub fn parse(input: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Contents::read(input)?.public()
    }

    /// Parses a public key in the format that WhatsApp's clients require: a single `PUBLIC KEY` PEM block
    /// (SPKI; RFC 7468 §13), surrounded by nothing but white space.
    ///
    /// The base64 may be on one line, or on the same line as the boundaries: WhatsApp Web removes the line
    /// ends before it decodes the key.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotOnePublicKeyBlock`] for a valid key in any other format, and the errors of
    /// [`PublicKey::parse`].
    pub fn parse_public_key_pem(text: &str) -> Result<Self, KeyError> {
        let key = Self::parse(text)?;
        let block = text
            .trim()
            .strip_prefix("-----BEGIN PUBLIC KEY-----")
            .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"));
        match block {
            Some(base64) if base64.bytes().all(is_base64_or_blank) => Ok(key),
            _ => Err(KeyError::NotOnePublicKeyBlock),
        }
    }

    /// Parses a public key, or a private key of which it returns the public half.
    ///
    /// The passphrase is used only if the input contains an encrypted private key.
    ///
    /// # Errors
    ///
    /// The errors of [`PublicKey::parse`] and [`PrivateKey::parse`](crate::PrivateKey::parse).
    pub fn parse_or_derive(
        input: impl AsRef<[u8]>,
        passphrase: Option<&Passphrase>,
    ) -> Result<Self, KeyError> {
        Contents::read(input)?.public_half(passphrase)
    }

    /// Validates two big-endian numbers and builds the key from them.
    pub(crate) fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let key = Self::from_unchecked_modulus(modulus, exponent)?;
        weak::check_modulus(without_leading_zeros(modulus))?;
        Ok(key)
    }

    /// Does the same as [`from_numbers`](Self::from_numbers), without the search for weaknesses of the
    /// modulus.
    pub(crate) fn from_unchecked_modulus(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let modulus = without_leading_zeros(modulus);
        let bits = bit_length(modulus);
        if bits != BITS {
            return Err(KeyError::WrongSize { bits });
        }
        if modulus.last().is_none_or(|byte| byte % 2 == 0) {
            return Err(KeyError::EvenModulus);
        }
        let exponent = valid_exponent(exponent).map_err(|fault| KeyError::BadExponent { fault })?;
        let spki = encode_spki(modulus, exponent).map_err(|_| KeyError::internal("encoding a public key"))?;
        Ok(Self { spki, exponent })
    }

    /// Builds the key from an `RSAPublicKey`.
    pub(crate) fn from_pkcs1(der: &[u8], form: Form) -> Result<Self, KeyError> {
        let key = RsaPublicKeyRef::from_der(der).map_err(|_| KeyError::Malformed { form })?;
        Self::from_numbers(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    /// Builds the key from a `SubjectPublicKeyInfo`.
    pub(crate) fn from_spki(spki: &SubjectPublicKeyInfoRef<'_>, form: Form) -> Result<Self, KeyError> {
        match KeyAlgorithm::of(&spki.algorithm) {
            KeyAlgorithm::Rsa => {}
            found => return Err(KeyError::NotRsa { found }),
        }
        let der = spki
            .subject_public_key
            .as_bytes()
            .ok_or(KeyError::Malformed { form })?;
        Self::from_pkcs1(der, form)
    }

    /// Returns the canonical PEM that WhatsApp accepts: `BEGIN PUBLIC KEY`, 64 columns, LF, with a final line
    /// end.
    pub fn to_pem(&self) -> String {
        // Fails only for lengths near `usize::MAX`.
        pem_rfc7468::encode_string("PUBLIC KEY", LineEnding::LF, &self.spki).unwrap_or_default()
    }

    /// Returns the DER of the `SubjectPublicKeyInfo`.
    pub fn as_der(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the SHA-256 of the SPKI DER.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_spki_der(&self.spki)
    }

    /// Returns the length of the modulus in bits, which is always 2048.
    pub fn bits(&self) -> usize {
        BITS
    }

    /// Returns the public exponent, usually 65537.
    pub fn exponent(&self) -> u32 {
        self.exponent
    }
}

fn is_base64_or_blank(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') || byte.is_ascii_whitespace()
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl hash::Hash for PublicKey {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.spki.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

impl std::str::FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The algorithm identifier of RSA keys, with the NULL parameters that RFC 3279 §2.3.1 requires.
pub(crate) fn rsa_identifier() -> AlgorithmIdentifier<AnyRef<'static>> {
    AlgorithmIdentifier {
        oid: algorithm::RSA,
        parameters: Some(AnyRef::from(Null)),
    }
}

pub(crate) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

pub(crate) fn bit_length(bytes: &[u8]) -> usize {
    let bytes = without_leading_zeros(bytes);
    bytes
        .first()
        .map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

fn valid_exponent(bytes: &[u8]) -> Result<u32, ExponentFault> {
    let bits = bit_length(bytes);
    let too_large = || ExponentFault::TooLarge { bits };
    if bytes.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(ExponentFault::Even);
    }
    let value = without_leading_zeros(bytes)
        .iter()
        .try_fold(0u32, |value, byte| {
            value
                .checked_mul(256)
                .map(|value| value | u32::from(*byte))
                .ok_or_else(too_large)
        })?;
    if value == 1 {
        Err(ExponentFault::One)
    } else {
        Ok(value)
    }
}

fn encode_spki(modulus: &[u8], exponent: u32) -> der::Result<Vec<u8>> {
    let exponent = exponent.to_be_bytes();
    let key = RsaPublicKeyRef {
        modulus: UintRef::new(modulus)?,
        public_exponent: UintRef::new(&exponent)?,
    }
    .to_der()?;
    SubjectPublicKeyInfo {
        algorithm: rsa_identifier(),
        subject_public_key: BitStringRef::from_bytes(&key)?,
    }
    .to_der()
}
