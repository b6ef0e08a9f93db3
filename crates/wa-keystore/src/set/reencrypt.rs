//! Changing the passphrase of stored private keys.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use wa_keys::{Fingerprint, Passphrase};

use super::{KeySet, wiped};
use crate::backend::Created;
use crate::error::StoreError;
use crate::protected_key::{LockedKey, ProtectedKey};
use crate::store::damaged;

/// Attempts while another writer does the same.
const ATTEMPTS: usize = 3;

/// The passphrases of a re-encryption. Its `Debug` shows none.
pub struct NewPassphrase {
    old: Vec<Passphrase>,
    new: Passphrase,
}

impl NewPassphrase {
    /// Returns a change from any of the old passphrases to a new one. A key that is not encrypted needs no
    /// old one.
    pub fn new(old: impl IntoIterator<Item = Passphrase>, new: Passphrase) -> Arc<Self> {
        Arc::new(Self {
            old: old.into_iter().collect(),
            new,
        })
    }

    /// Encrypts a key again; `None` if the new passphrase opens it already.
    fn apply(&self, stored: &LockedKey) -> Result<Option<ProtectedKey>, StoreError> {
        if stored.is_encrypted() {
            match stored.unlock(std::slice::from_ref(&self.new)) {
                Ok(_) => return Ok(None),
                Err(StoreError::Locked { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let key = stored.unlock(&self.old)?;
        let encrypted = ProtectedKey::encrypt(&key, &self.new).map_err(|source| StoreError::Locked {
            key: stored.fingerprint(),
            source: Box::new(source),
        })?;
        Ok(Some(encrypted))
    }
}

impl std::fmt::Debug for NewPassphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassphrase([secret])")
    }
}

impl KeySet {
    /// Stores a private key once more, encrypted with a new passphrase, which is the one that is read from
    /// now on. Returns the number of the encryption, or `None` if the new passphrase opens the key already.
    ///
    /// The earlier encryption stays until [`delete_encryptions_before`](Self::delete_encryptions_before).
    /// Instances need both passphrases meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if no passphrase fits, [`StoreError::NoPrivateKey`] if the key is not stored,
    /// or the backend's error.
    pub async fn reencrypt(
        &self,
        key: Fingerprint,
        change: &Arc<NewPassphrase>,
    ) -> Result<Option<u32>, StoreError> {
        for _ in 0..ATTEMPTS {
            let stored = self.private_key(key).await?;
            let revision = stored.revision().saturating_add(1);
            let path = self.private_path(key, revision);
            let change = Arc::clone(change);
            let encrypted = spawn_blocking(move || change.apply(&stored)).await;
            let Some(encrypted) = encrypted.map_err(|error| damaged(&path, &error))?? else {
                return Ok(None);
            };
            let pem: Bytes = wiped(encrypted.expose_pem());
            if self.backend.create(&path, pem).await? == Created::New {
                return Ok(Some(revision));
            }
        }
        Err(StoreError::TimedOut)
    }
}
