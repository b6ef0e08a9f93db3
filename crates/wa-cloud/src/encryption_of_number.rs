//! The Encryption API with keys as text or as [`PublicKey`](wa_keys::PublicKey).

use wa_encryption::{BusinessPublicKey, EncryptionApi, Verification};
use wa_graph::ResponseMeta;

use crate::error::Error;
use crate::key_input::PublicKeyInput;

/// The Encryption API of one phone number, which takes PEM text as well as a
/// [`PublicKey`](wa_keys::PublicKey).
///
/// A key that is not usable is refused before anything is sent. [`EncryptionApi`] documents setup,
/// verification before launch, error handling by code, and several numbers.
#[derive(Debug, Clone)]
pub struct Encryption(EncryptionApi);

impl Encryption {
    pub(crate) fn new(api: EncryptionApi) -> Self {
        Self(api)
    }

    /// Returns the underlying API.
    pub fn api(&self) -> &EncryptionApi {
        &self.0
    }

    /// Sets the number's business public key, replacing any other key.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if the given key is not usable, [`Error::Encryption`] if the call fails.
    pub async fn set_business_public_key(&self, key: impl PublicKeyInput) -> Result<ResponseMeta, Error> {
        let key = key.into_public_key()?;
        Ok(self.0.set_business_public_key(&key).await?)
    }

    /// Gets the number's business public key and the status of Meta's signature over it.
    ///
    /// # Errors
    ///
    /// [`Error::Encryption`] if the call fails.
    pub async fn get_business_public_key(&self) -> Result<BusinessPublicKey, Error> {
        Ok(self.0.get_business_public_key().await?)
    }

    /// Compares a key with the registered key.
    ///
    /// # Errors
    ///
    /// As [`set_business_public_key`](Self::set_business_public_key).
    pub async fn verify(&self, key: impl PublicKeyInput) -> Result<Verification, Error> {
        let key = key.into_public_key()?;
        Ok(self.0.verify(&key).await?)
    }

    /// Sets a key, reads it back and compares, repeating the read while the key is not visible yet.
    ///
    /// # Errors
    ///
    /// As [`set_business_public_key`](Self::set_business_public_key).
    pub async fn register(&self, key: impl PublicKeyInput) -> Result<Verification, Error> {
        let key = key.into_public_key()?;
        Ok(self.0.register(&key).await?)
    }
}
