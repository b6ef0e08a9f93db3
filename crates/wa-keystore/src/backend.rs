//! What a key store needs of the place where it is kept.

pub(crate) mod directory;
pub(crate) mod memory;
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
pub(crate) mod object_storage;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::warning::StoreWarning;

/// An object longer than this is not read, in bytes.
pub(crate) const OBJECT_LIMIT: usize = 1024 * 1024;

/// A place that keeps objects by path, such as `sets/bookings/events/00000001.json`.
///
/// It must be consistent: an object that was created is found by every later read and listing, and of two
/// writers that create one path at the same time exactly one succeeds. Nothing else is required: no locks, no
/// order between paths, no atomic change of several objects. Paths consist of ASCII letters, digits, `-`,
/// `_`, `.` and `/`.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Creates an object, whole and durable, or reports that there is one already.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if it is not known to have succeeded: the object may exist all the same.
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError>;

    /// Replaces an object whole, or creates it.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if it is not known to have succeeded.
    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError>;

    /// Returns an object; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if the place cannot be reached, or the object is longer than 1 MiB.
    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError>;

    /// Lists the objects and folders directly in a folder; empty if there is no such folder. In no particular
    /// order.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if the place cannot be reached.
    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError>;

    /// Deletes an object. One that does not exist is no error.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if it is not known to have succeeded.
    async fn delete(&self, path: &str) -> Result<(), BackendError>;

    /// Returns what is unsafe about the place; by default nothing.
    async fn warnings(&self) -> Vec<StoreWarning> {
        Vec::new()
    }

    /// Returns true if the store is in a file system or in memory: it accepts private keys that are not
    /// encrypted, and reads cost nothing. By default false.
    fn is_local(&self) -> bool {
        false
    }
}

#[async_trait]
impl Backend for Arc<dyn Backend> {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        (**self).create(path, content).await
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        (**self).overwrite(path, content).await
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        (**self).read(path).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        (**self).list(folder).await
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        (**self).delete(path).await
    }

    async fn warnings(&self) -> Vec<StoreWarning> {
        (**self).warnings().await
    }

    fn is_local(&self) -> bool {
        (**self).is_local()
    }
}

/// Whether an object was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was, by this call.
    New,
    /// There was one already; it is unchanged.
    Existed,
}

/// An object as it was read; wiped when dropped, for it may be a private key.
pub struct Object {
    content: Zeroizing<Vec<u8>>,
    modified: Option<SystemTime>,
}

impl Object {
    /// Creates an object from its content and the time at which the store received it.
    #[must_use]
    pub fn new(content: Zeroizing<Vec<u8>>, modified: Option<SystemTime>) -> Self {
        Self { content, modified }
    }

    /// Returns the content, which may be secret.
    #[must_use]
    pub fn expose_content(&self) -> &[u8] {
        &self.content
    }

    /// Returns when the store received it, by the store's clock.
    #[must_use]
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Object([secret])")
    }
}

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The last part of its path.
    pub name: String,
    /// True if it is a folder.
    pub is_folder: bool,
}

/// A place could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{what} of the key store failed: {path}")]
pub struct BackendError {
    what: &'static str,
    path: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl BackendError {
    /// Creates an error from what was attempted (such as `"reading"`), the path, and the cause.
    pub fn new(
        what: &'static str,
        path: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            what,
            path: path.into(),
            source: source.into(),
        }
    }
}

#[cfg(test)]
mod tests;
