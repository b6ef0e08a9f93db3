//! Encryption of private keys with a passphrase: several schemes are read, one is written.

mod cipher;
mod dek;
mod derivation;
mod names;
mod pbe;
mod pbes2;
mod scheme;
mod traditional;

pub use self::{
    cipher::Cipher,
    derivation::{KeyDerivation, Prf},
};
pub(crate) use self::{dek::DekInfo, pbes2::encrypt, scheme::Scheme, traditional::Traditional};

use std::fmt;

use pkcs12::kdf::Pkcs12KeyType;
use zeroize::Zeroizing;

use crate::{Form, KeyError, Passphrase, error::Damage, limits::MAX_PBKDF2_ROUNDS};

/// The encryption of a private key that is read.
///
/// `Display` writes one line, such as `PBKDF2-HMAC-SHA-256 (600000 rounds), AES-256-CBC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Encryption {
    /// The derivation of the cipher key from the passphrase, with its cost.
    pub derivation: KeyDerivation,
    /// The cipher that encrypts the private key.
    pub cipher: Cipher,
}

impl Encryption {
    /// Decrypts a private key. The caller must check the cost of the derivation first.
    fn decrypt(
        self,
        salt: &[u8],
        iv: &[u8],
        ciphertext: &[u8],
        passphrase: Option<&Passphrase>,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let Self { derivation, cipher } = self;
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(cipher.block_bytes()) {
            return Err(KeyError::Damaged {
                line: None,
                damage: Damage::BadCiphertextLength,
            });
        }
        let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded { encryption: self })?;
        let malformed = KeyError::Malformed {
            form: Form::EncryptedPkcs8PrivateKey,
        };
        if let KeyDerivation::Pkcs12 { rounds } = derivation {
            return self
                .decrypt_pkcs12(rounds, salt, ciphertext, passphrase)
                .ok_or(malformed)?;
        }
        let key = derivation
            .derive(passphrase.expose_secret().as_bytes(), salt, cipher.key_bytes())
            .ok_or(malformed)?;
        cipher
            .decrypt(&key, iv, ciphertext)
            .ok_or(KeyError::WrongPassphrase { encryption: self })
    }

    /// Decrypts with a key and an initialization vector that are both derived; `None` if the number of rounds
    /// is invalid.
    fn decrypt_pkcs12(
        self,
        rounds: u64,
        salt: &[u8],
        ciphertext: &[u8],
        passphrase: &Passphrase,
    ) -> Option<Result<Zeroizing<Vec<u8>>, KeyError>> {
        let encoded = pbe::encode(passphrase.expose_secret());
        // Some programs encode an empty passphrase without the terminating zero.
        let candidates: &[&[u8]] = if passphrase.is_empty() {
            &[&encoded, &[]]
        } else {
            &[&encoded]
        };
        for passphrase in candidates {
            let derive = |what, length| pbe::derive(passphrase, salt, rounds, what, length);
            let key = derive(Pkcs12KeyType::EncryptionKey, self.cipher.key_bytes())?;
            let iv = derive(Pkcs12KeyType::Iv, self.cipher.block_bytes())?;
            if let Some(decrypted) = self.cipher.decrypt(&key, &iv, ciphertext) {
                return Some(Ok(decrypted));
            }
        }
        Some(Err(KeyError::WrongPassphrase { encryption: self }))
    }
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.derivation, self.cipher)
    }
}

/// The encryption of a private key to be written: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018
/// §6.2).
///
/// OpenSSL, Java, Node.js and Python can read it. The default is 600,000 rounds.
///
/// ```
/// use wa_keys::Protection;
///
/// assert_eq!(Protection::default().rounds(), 600_000);
/// assert_eq!(Protection::with_rounds(1_000_000)?.rounds(), 1_000_000);
/// assert!(Protection::with_rounds(2_048).is_err());
/// # Ok::<(), wa_keys::KeyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Protection {
    rounds: u32,
}

impl Protection {
    /// The minimum number of rounds, and the default (OWASP's recommendation for PBKDF2-HMAC-SHA-256).
    pub const MIN_ROUNDS: u32 = 600_000;

    /// The maximum number of rounds, which is also the limit for reading a key.
    pub const MAX_ROUNDS: u32 = MAX_PBKDF2_ROUNDS;

    /// Sets the number of PBKDF2 rounds; each million adds about a third of a second to each decryption.
    ///
    /// # Errors
    ///
    /// [`KeyError::RoundsOutOfRange`] below [`Protection::MIN_ROUNDS`] or above [`Protection::MAX_ROUNDS`].
    pub fn with_rounds(rounds: u32) -> Result<Self, KeyError> {
        let (min, max) = (Self::MIN_ROUNDS, Self::MAX_ROUNDS);
        if (min..=max).contains(&rounds) {
            Ok(Self { rounds })
        } else {
            Err(KeyError::RoundsOutOfRange { rounds, min, max })
        }
    }

    /// Returns the number of PBKDF2 rounds.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }
}

impl Default for Protection {
    fn default() -> Self {
        Self {
            rounds: Self::MIN_ROUNDS,
        }
    }
}
