//! The private key, which the endpoint keeps.

use std::fmt;

use der::{
    Decode as _, SecretDocument,
    asn1::{OctetStringRef, UintRef},
};
use pem_rfc7468::LineEnding;
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use subtle::ConstantTimeEq as _;

use crate::{
    Contents, Form, KeyError, Passphrase, Protection, PublicKey, SecretPem,
    numbers::{self, Numbers},
    protection,
    public_key::{rsa_identifier, without_leading_zeros},
    weak,
};

/// An RSA private key of 2048 bits with consistent numbers and two primes of 1024 bits that are far apart.
///
/// It implements neither `Clone` nor `Display`, its `Debug` is constant, and it is wiped from memory on drop.
/// Two keys are equal if their public halves are equal.
///
/// ```
/// use wa_keys::{Passphrase, PrivateKey};
///
/// # let text = include_str!("../tests/data/openssl/pkcs8.pem");
/// let key = PrivateKey::parse(text, None)?;
/// assert_eq!(format!("{key:?}"), "PrivateKey([secret])");
/// println!("{}", key.public_key().to_pem());
/// # Ok::<(), wa_keys::KeyError>(())
/// ```
pub struct PrivateKey {
    pkcs8: SecretDocument,
    public: PublicKey,
}

impl PrivateKey {
    /// Parses a private key in any supported format.
    ///
    /// These are PKCS#8, PKCS#1, encrypted PKCS#8 (PBES2, or SHA-1 with 3DES or RC2), OpenSSL's traditional
    /// encrypted PEM, a PKCS#12 container with one key, and a JSON Web Key. The input may be PEM or DER;
    /// common damage to the text is repaired.
    ///
    /// The passphrase is used only if the key is encrypted; an empty one is tried like any other. The cost of
    /// key derivation is bounded by [`limits`](crate::limits).
    ///
    /// # Errors
    ///
    /// [`KeyError`] names the reason, and [`KeyError::remedy`] the fix.
    pub fn parse(input: impl AsRef<[u8]>, passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        Contents::read(input)?.private(passphrase)
    }

    /// Validates the numbers of an `RSAPrivateKey` and builds the key from them.
    pub(crate) fn from_pkcs1(der: &[u8], form: Form) -> Result<Self, KeyError> {
        let key = RsaPrivateKeyRef::from_der(der).map_err(|_| KeyError::Malformed { form })?;
        if key.other_prime_infos.is_some() {
            return Err(KeyError::MultiPrime);
        }
        Self::from_numbers(&Numbers {
            n: key.modulus.as_bytes(),
            e: key.public_exponent.as_bytes(),
            d: key.private_exponent.as_bytes(),
            p: key.prime1.as_bytes(),
            q: key.prime2.as_bytes(),
            dp: key.exponent1.as_bytes(),
            dq: key.exponent2.as_bytes(),
            qinv: key.coefficient.as_bytes(),
        })
    }

    /// Validates the numbers and builds the key from them.
    pub(crate) fn from_numbers(numbers: &Numbers<'_>) -> Result<Self, KeyError> {
        let public = PublicKey::from_unchecked_modulus(numbers.n, numbers.e)?;
        // Checked first, because a damaged modulus often has small factors and would be reported as weak.
        numbers::check(numbers).map_err(|relation| KeyError::InconsistentNumbers { relation })?;
        weak::check_modulus(without_leading_zeros(numbers.n))?;
        weak::check_primes(numbers.p, numbers.q)?;
        let pkcs8 = encode_pkcs8(numbers).map_err(|_| KeyError::internal("encoding a private key"))?;
        Ok(Self { pkcs8, public })
    }

    /// Returns the public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Returns the unencrypted PKCS#8 DER: version 0, no attributes, two primes.
    pub fn secret_pkcs8_der(&self) -> &[u8] {
        self.pkcs8.as_bytes()
    }

    /// Returns the unencrypted PKCS#8 PEM (`BEGIN PRIVATE KEY`, 64 columns, LF).
    pub fn secret_pkcs8_pem(&self) -> SecretPem {
        // Fails only for lengths near `usize::MAX`.
        let pem = pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, self.pkcs8.as_bytes());
        SecretPem::new(pem.unwrap_or_default())
    }

    /// Returns the encrypted PKCS#8 PEM (`BEGIN ENCRYPTED PRIVATE KEY`), with a new salt and initialization
    /// vector for each call.
    ///
    /// # Errors
    ///
    /// [`KeyError::EmptyPassphrase`], or [`KeyError::Randomness`] if the operating system provides none.
    pub fn encrypted_pkcs8_pem(
        &self,
        passphrase: &Passphrase,
        protection: &Protection,
    ) -> Result<String, KeyError> {
        let der = protection::encrypt(self.pkcs8.as_bytes(), passphrase, *protection)?;
        pem_rfc7468::encode_string("ENCRYPTED PRIVATE KEY", LineEnding::LF, &der)
            .map_err(|_| KeyError::internal("writing PEM"))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey([secret])")
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.public.as_der().ct_eq(other.public.as_der()).into()
    }
}

impl Eq for PrivateKey {}

fn encode_pkcs8(numbers: &Numbers<'_>) -> der::Result<SecretDocument> {
    let key = SecretDocument::encode_msg(&RsaPrivateKeyRef {
        modulus: UintRef::new(numbers.n)?,
        public_exponent: UintRef::new(numbers.e)?,
        private_exponent: UintRef::new(numbers.d)?,
        prime1: UintRef::new(numbers.p)?,
        prime2: UintRef::new(numbers.q)?,
        exponent1: UintRef::new(numbers.dp)?,
        exponent2: UintRef::new(numbers.dq)?,
        coefficient: UintRef::new(numbers.qinv)?,
        other_prime_infos: None,
    })?;
    let key = OctetStringRef::new(key.as_bytes())?;
    SecretDocument::encode_msg(&PrivateKeyInfoRef::new(rsa_identifier(), key))
}
