//! Records of instances in a store.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{KeyStore, damaged};
use crate::backend::Backend;
use crate::error::StoreError;
use crate::instance::InstanceRecord;

const FOLDER: &str = "instances";
/// Records that are read at the same time.
const PARALLEL_READS: usize = 16;
/// More records are not read.
const MAX_RECORDS: usize = 10_000;

impl KeyStore {
    /// Reads the records of all instances, also of those that stopped.
    ///
    /// # Errors
    ///
    /// The backend's error; [`StoreError::Damaged`] if a record cannot be read, because the instance may
    /// serve.
    pub async fn records(&self) -> Result<Vec<InstanceRecord>, StoreError> {
        read_all(&*self.backend).await
    }

    /// Reads the records of the processes with one name.
    pub(crate) async fn records_of(&self, instance: &str) -> Result<Vec<InstanceRecord>, StoreError> {
        read_some(&*self.backend, |name| name.starts_with(&format!("{instance}-"))).await
    }

    /// Writes the record of an instance. Each record is written by its own process only.
    ///
    /// # Errors
    ///
    /// The backend's error.
    pub async fn write_record(&self, record: &InstanceRecord) -> Result<(), StoreError> {
        let path = record.path();
        let json = record.to_json().map_err(|error| damaged(&path, &error))?;
        Ok(self.backend.overwrite(&path, Bytes::from(json)).await?)
    }

    /// Deletes a record, for example of an instance that stopped long ago.
    ///
    /// # Errors
    ///
    /// The backend's error.
    pub async fn delete_record(&self, record: &InstanceRecord) -> Result<(), StoreError> {
        Ok(self.backend.delete(&record.path()).await?)
    }
}

/// Reads the records of all instances.
pub(crate) async fn read_all(backend: &dyn Backend) -> Result<Vec<InstanceRecord>, StoreError> {
    read_some(backend, |_| true).await
}

async fn read_some(
    backend: &dyn Backend,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<InstanceRecord>, StoreError> {
    let listed = backend.list(FOLDER).await?;
    let names: Vec<String> = listed
        .into_iter()
        .filter(|entry| !entry.is_folder && entry.name.strip_suffix(".json").is_some_and(&wanted))
        .map(|entry| entry.name)
        .collect();
    if names.len() > MAX_RECORDS {
        return Err(damaged(FOLDER, &format!("it has {} records", names.len())));
    }
    let mut records = stream::iter(names)
        .map(|name| read(backend, name))
        .buffer_unordered(PARALLEL_READS);
    let mut found = Vec::new();
    while let Some(record) = records.try_next().await? {
        found.extend(record);
    }
    found.sort_by(|a, b| (&a.instance, a.boot).cmp(&(&b.instance, b.boot)));
    Ok(found)
}

/// Reads a record; `None` if it was deleted since it was listed.
async fn read(backend: &dyn Backend, name: String) -> Result<Option<InstanceRecord>, StoreError> {
    let path = format!("{FOLDER}/{name}");
    let Some(object) = backend.read(&path).await? else {
        return Ok(None);
    };
    InstanceRecord::from_json(object.expose_content(), object.modified())
        .map(Some)
        .map_err(|error| damaged(&path, &error))
}
