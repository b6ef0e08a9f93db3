//! The Encryption API with keys given as text or as keys.

use wa_encryption::{BusinessPublicKey, EncryptionApi, Verification};
use wa_graph::ResponseMeta;

use crate::error::Error;
use crate::key_input::PublicKeyInput;

/// The Encryption API of one phone number, which takes PEM text as well as a [`PublicKey`](wa_keys::PublicKey).
///
/// What is not a usable key is refused before anything is sent. See [`EncryptionApi`] for the whole story: setting up,
/// verifying before launch, handling errors by code, several numbers.
#[derive(Debug, Clone)]
pub struct Encryption(EncryptionApi);

impl Encryption {
    pub(crate) fn new(api: EncryptionApi) -> Self {
        Self(api)
    }

    /// Returns the API underneath.
    pub fn api(&self) -> &EncryptionApi {
        &self.0
    }

    /// Sets the number's business public key, which replaces any other.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] when what is given is no usable key, [`Error::Encryption`] when the call fails.
    pub async fn set_business_public_key(&self, key: impl PublicKeyInput) -> Result<ResponseMeta, Error> {
        let key = key.into_public_key()?;
        Ok(self.0.set_business_public_key(&key).await?)
    }

    /// Gets the number's business public key and the state of Meta's signature over it.
    ///
    /// # Errors
    ///
    /// [`Error::Encryption`] when the call fails.
    pub async fn get_business_public_key(&self) -> Result<BusinessPublicKey, Error> {
        Ok(self.0.get_business_public_key().await?)
    }

    /// Compares a key with the registered one.
    ///
    /// # Errors
    ///
    /// As [`set_business_public_key`](Self::set_business_public_key).
    pub async fn verify(&self, key: impl PublicKeyInput) -> Result<Verification, Error> {
        let key = key.into_public_key()?;
        Ok(self.0.verify(&key).await?)
    }

    /// Sets a key, reads it back and compares.
    ///
    /// # Errors
    ///
    /// As [`set_business_public_key`](Self::set_business_public_key).
    pub async fn register(&self, key: impl PublicKeyInput) -> Result<Verification, Error> {
        let key = key.into_public_key()?;
        Ok(self.0.register(&key).await?)
    }
}
