//! A private key as it is stored.

use std::fmt;

use wa_keys::{Fingerprint, KeyError, Passphrase, PrivateKey, Protection, PublicKey};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::store::damaged;

/// How the PEM of every unencrypted PKCS#8 key begins.
const UNENCRYPTED: &[u8] = b"BEGIN PRIVATE KEY";

/// A private key as a key store keeps it: PKCS#8 PEM, encrypted or not.
///
/// Encrypting and opening derive a key from the passphrase, which takes about 0.2 s of CPU time: run them
/// where blocking is allowed.
pub struct ProtectedKey {
    pem: Zeroizing<String>,
    public: PublicKey,
    is_encrypted: bool,
}

impl ProtectedKey {
    /// Encrypts a key with a passphrase: PBES2 with AES-256-CBC and PBKDF2-HMAC-SHA-256, as in
    /// [`Protection::default`].
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the passphrase is empty, or the operating system provides no randomness.
    pub fn encrypt(key: &PrivateKey, passphrase: &Passphrase) -> Result<Self, KeyError> {
        Ok(Self {
            pem: Zeroizing::new(key.encrypted_pkcs8_pem(passphrase, &Protection::default())?),
            public: key.public_key().clone(),
            is_encrypted: true,
        })
    }

    /// Returns a key that is stored unencrypted. A bucket refuses such a key.
    #[must_use]
    pub fn unencrypted(key: &PrivateKey) -> Self {
        Self {
            pem: Zeroizing::new(key.secret_pkcs8_pem().expose_secret().to_owned()),
            public: key.public_key().clone(),
            is_encrypted: false,
        }
    }

    /// Returns the public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Returns the fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.public.fingerprint()
    }

    /// Returns true if a passphrase is needed to open it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    pub(crate) fn expose_pem(&self) -> &str {
        &self.pem
    }
}

impl fmt::Debug for ProtectedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProtectedKey({})", self.fingerprint().short())
    }
}

/// A private key as it was read from a key store, not decrypted yet.
pub struct LockedKey {
    fingerprint: Fingerprint,
    revision: u32,
    pem: Zeroizing<Vec<u8>>,
    path: String,
}

impl LockedKey {
    pub(crate) fn new(
        fingerprint: Fingerprint,
        revision: u32,
        pem: Zeroizing<Vec<u8>>,
        path: String,
    ) -> Self {
        Self {
            fingerprint,
            revision,
            pem,
            path,
        }
    }

    /// Returns the fingerprint that it is stored under.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns how often it was encrypted: 1 for a key that was never re-encrypted.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Returns where it is stored.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns true if a passphrase is needed to open it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        is_encrypted(&self.pem)
    }

    /// Returns the stored form, PKCS#8 PEM, which is secret unless it is encrypted.
    #[must_use]
    pub fn expose_pem(&self) -> &[u8] {
        &self.pem
    }

    /// Returns a copy of the stored bytes.
    pub(crate) fn pem(&self) -> Zeroizing<Vec<u8>> {
        self.pem.clone()
    }

    /// Decrypts the key with the first passphrase that is correct; a key that is not encrypted needs none.
    ///
    /// Each passphrase costs about 0.2 s of CPU time: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if no passphrase is correct, [`StoreError::Damaged`] if the object is not a
    /// private key, or is another key than its file name indicates.
    pub fn unlock(&self, passphrases: &[Passphrase]) -> Result<PrivateKey, StoreError> {
        let mut result = PrivateKey::parse(&*self.pem, None);
        for passphrase in passphrases {
            if !matches!(&result, Err(error) if is_locked(error)) {
                break;
            }
            result = PrivateKey::parse(&*self.pem, Some(passphrase));
        }
        match result {
            Ok(key) if key.public_key().fingerprint() == self.fingerprint => Ok(key),
            Ok(_) => Err(damaged(
                &self.path,
                &"it contains another key than its file name indicates",
            )),
            Err(error) if is_locked(&error) => Err(StoreError::Locked {
                key: self.fingerprint,
                source: Box::new(error),
            }),
            Err(error) => Err(damaged(&self.path, &error)),
        }
    }
}

/// Returns true if a stored private key is encrypted, or is no PEM of an unencrypted key.
pub(crate) fn is_encrypted(pem: &[u8]) -> bool {
    !pem.windows(UNENCRYPTED.len()).any(|part| part == UNENCRYPTED)
}

fn is_locked(error: &KeyError) -> bool {
    matches!(
        error,
        KeyError::PassphraseNeeded { .. } | KeyError::WrongPassphrase { .. }
    )
}

impl fmt::Debug for LockedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockedKey({}, {})", self.fingerprint.short(), self.revision)
    }
}
