//! Where new keys come from.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use wa_keys::{KeyError, Passphrase, PrivateKey};
use wa_keystore::ProtectedKey;

/// Creates new keys for rotations.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Creates a private key, as it is to be stored.
    ///
    /// # Errors
    ///
    /// The cause, if it cannot be generated or encrypted.
    async fn new_key(&self) -> Result<ProtectedKey, Box<dyn Error + Send + Sync>>;
}

/// Generates RSA-2048 keys and encrypts them with a passphrase.
///
/// Both take some tenths of a second of CPU time, and run on threads that may block.
#[derive(Debug, Clone)]
pub struct GeneratedKeys {
    passphrase: Option<Arc<Passphrase>>,
}

impl GeneratedKeys {
    /// Encrypts keys with a passphrase; without one, keys are stored unencrypted, which only a directory
    /// accepts.
    #[must_use]
    pub fn new(passphrase: Option<Passphrase>) -> Self {
        Self {
            passphrase: passphrase.map(Arc::new),
        }
    }
}

#[async_trait]
impl KeySource for GeneratedKeys {
    async fn new_key(&self) -> Result<ProtectedKey, Box<dyn Error + Send + Sync>> {
        let passphrase = self.passphrase.clone();
        let work = move || {
            let key = PrivateKey::generate()?;
            match passphrase {
                Some(passphrase) => ProtectedKey::encrypt(&key, &passphrase),
                None => Ok(ProtectedKey::unencrypted(&key)),
            }
        };
        let key: Result<ProtectedKey, KeyError> = tokio::task::spawn_blocking(work).await?;
        Ok(key?)
    }
}
