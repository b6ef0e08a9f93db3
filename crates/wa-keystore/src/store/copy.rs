//! Copying a store: backup and restore.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use wa_keys::Fingerprint;
use zeroize::Zeroizing;

use super::{KeyStore, is_set_name};
use crate::backend::{Backend, Created};
use crate::error::StoreError;
use crate::protected_key::is_encrypted;
use crate::set::{event_number, private_name};
use crate::state::KeyState;

/// Sets that are copied at the same time.
const PARALLEL_SETS: usize = 8;

/// What [`KeyStore::copy_to`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyReport {
    /// Objects that were created.
    pub created: usize,
    /// Objects that were there already, with the same content.
    pub existed: usize,
    /// Paths of objects that differ, and were not changed. Of a set whose events differ, later events were
    /// not copied.
    pub differing: Vec<String>,
}

impl KeyStore {
    /// Adds what another place lacks of this store: a backup, or the restoration of one. What exists there is
    /// never changed, and private keys that are destroyed in either store are not copied. Records of
    /// instances stay behind.
    ///
    /// If it is interrupted, repeat it. Nothing may write to this store meanwhile, or the copy may lack the
    /// last events.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherStore`] if there is another store, [`StoreError::Unencrypted`] for an unencrypted
    /// key if the other place accepts encrypted ones only, or the error of either backend.
    pub async fn copy_to(&self, to: impl Backend) -> Result<CopyReport, StoreError> {
        let to: Arc<dyn Backend> = Arc::new(to);
        let copy = Self::create_with_id(Arc::clone(&to), self.id).await?;
        if copy.id != self.id {
            return Err(StoreError::OtherStore {
                path: format!("{to:?}"),
                found: copy.id,
                expected: self.id,
            });
        }
        let mut names = BTreeSet::new();
        for folder in ["sets", "private", "public"] {
            let listed = self.backend.list(folder).await?;
            let sets = listed
                .into_iter()
                .filter(|entry| entry.is_folder && is_set_name(&entry.name));
            names.extend(sets.map(|entry| entry.name));
        }
        let mut copied = stream::iter(&names)
            .map(|name| copy_set(self, &copy, name))
            .buffered(PARALLEL_SETS);
        let mut report = CopyReport::default();
        while let Some(part) = copied.try_next().await? {
            report.created += part.created;
            report.existed += part.existed;
            report.differing.extend(part.differing);
        }
        Ok(report)
    }
}

/// Copies a set: private keys, public keys, then events, so that an event implies that its private key is
/// stored.
async fn copy_set(from: &KeyStore, to: &KeyStore, name: &str) -> Result<CopyReport, StoreError> {
    let mut report = CopyReport::default();
    let mut destroyed: BTreeSet<Fingerprint> = BTreeSet::new();
    for store in [from, to] {
        let log = store.set(name)?.read().await?;
        let gone = log.keys().iter().filter(|key| key.state == KeyState::Destroyed);
        destroyed.extend(gone.map(|key| key.fingerprint));
    }
    let folder = format!("private/{name}");
    for entry in from.backend.list(&folder).await? {
        if private_name(&entry.name).is_some_and(|(key, _)| !destroyed.contains(&key)) {
            copy_object(from, to, &format!("{folder}/{}", entry.name), &mut report).await?;
        }
    }
    let folder = format!("public/{name}");
    for entry in from
        .backend
        .list(&folder)
        .await?
        .iter()
        .filter(|entry| !entry.is_folder)
    {
        copy_object(from, to, &format!("{folder}/{}", entry.name), &mut report).await?;
    }
    let folder = format!("sets/{name}/events");
    let listed = from.backend.list(&folder).await?;
    let numbers: BTreeSet<u64> = listed
        .iter()
        .filter_map(|entry| event_number(&entry.name))
        .collect();
    for (expected, number) in (1..).zip(numbers) {
        // After a gap or a difference, later events would belong to another log.
        let is_same = expected == number
            && copy_object(from, to, &format!("{folder}/{number:08}.json"), &mut report).await?;
        if !is_same {
            break;
        }
    }
    Ok(report)
}

/// Copies an object; returns false if there is another one.
async fn copy_object(
    from: &KeyStore,
    to: &KeyStore,
    path: &str,
    report: &mut CopyReport,
) -> Result<bool, StoreError> {
    let Some(object) = from.backend.read(path).await? else {
        return Ok(true);
    };
    if path.starts_with("private/")
        && !to.backend.is_local()
        && !is_encrypted(object.expose_content())
        && let Some((key, _)) = path.rsplit('/').next().and_then(private_name)
    {
        return Err(StoreError::Unencrypted { key });
    }
    let content = Bytes::from_owner(Zeroizing::new(object.expose_content().to_vec()));
    if to.backend.create(path, content).await? == Created::New {
        report.created += 1;
        return Ok(true);
    }
    let found = to.backend.read(path).await?;
    let is_same = found.is_some_and(|found| found.expose_content() == object.expose_content());
    if is_same {
        report.existed += 1;
    } else {
        report.differing.push(path.to_owned());
    }
    Ok(is_same)
}
