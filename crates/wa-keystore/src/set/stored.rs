//! Which private keys of a set are stored, and their deletion.

use std::collections::BTreeMap;

use wa_keys::Fingerprint;

use super::KeySet;
use crate::error::StoreError;
use crate::log::SetLog;
use crate::state::KeyState;

impl KeySet {
    /// Lists the stored private keys without reading them, each with the numbers of its encryptions in
    /// ascending order. A key that the log does not name is left from an interrupted command.
    ///
    /// # Errors
    ///
    /// The backend's error.
    pub async fn stored_keys(&self) -> Result<BTreeMap<Fingerprint, Vec<u32>>, StoreError> {
        let listed = self.backend.list(&format!("private/{}", self.name)).await?;
        let mut stored: BTreeMap<Fingerprint, Vec<u32>> = BTreeMap::new();
        for (key, revision) in listed.iter().filter_map(|entry| private_name(&entry.name)) {
            stored.entry(key).or_default().push(revision);
        }
        for revisions in stored.values_mut() {
            revisions.sort_unstable();
        }
        Ok(stored)
    }

    /// Deletes the private key of a key whose event `destroyed` was written. The public key stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAllowed`] unless the key is destroyed, or the backend's error.
    pub async fn delete_private_key(&self, log: &SetLog, key: Fingerprint) -> Result<(), StoreError> {
        if log.key(key).map(|key| key.state) != Some(KeyState::Destroyed) {
            return Err(self.not_allowed("delete", Some(key)));
        }
        self.delete_revisions(key, u32::MAX).await
    }

    /// Deletes the encryptions of a private key before the given one. Every instance must have opened that
    /// one, or a later one.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAllowed`] if that encryption is not stored, or the backend's error.
    pub async fn delete_encryptions_before(&self, key: Fingerprint, revision: u32) -> Result<(), StoreError> {
        let stored = self.stored_keys().await?;
        if !stored.get(&key).is_some_and(|stored| stored.contains(&revision)) {
            return Err(self.not_allowed("delete", Some(key)));
        }
        self.delete_revisions(key, revision).await
    }

    async fn delete_revisions(&self, key: Fingerprint, before: u32) -> Result<(), StoreError> {
        let stored = self.stored_keys().await?.remove(&key).unwrap_or_default();
        // The highest number is the one that is read, so it goes last.
        for revision in stored.into_iter().filter(|revision| *revision < before) {
            self.backend.delete(&self.private_path(key, revision)).await?;
        }
        Ok(())
    }
}

/// Splits the name of a private key's object into its fingerprint and the number of the encryption.
pub(crate) fn private_name(name: &str) -> Option<(Fingerprint, u32)> {
    let (key, revision) = name.strip_suffix(".pem")?.split_once('.')?;
    let (key, revision): (Fingerprint, u32) = (key.parse().ok()?, revision.parse().ok()?);
    // Other spellings are other objects.
    (name == format!("{key}.{revision}.pem")).then_some((key, revision))
}
