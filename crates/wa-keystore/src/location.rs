//! The location of a key store: a path, or the URL of a bucket.

use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::directory::Directory;
use crate::error::StoreError;

/// Opens the backend of a location: a path or `file://` URL of a directory, or a bucket with a prefix as
/// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Nothing is read or written.
///
/// Buckets need the features `s3`, `gcs` and `azure`. Their credentials and endpoints come from the
/// environment: `AWS_*`, `GOOGLE_*` and `AZURE_*`, as the crate `object_store` documents them.
///
/// ```
/// use wa_keystore::{KeyStore, open_url};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let location = folder.path().display().to_string();
/// let store = KeyStore::open_or_create(open_url(&location)?).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`StoreError::Location`] if the location is invalid, its kind of storage is not compiled in, or the
/// settings in the environment are invalid.
pub fn open_url(location: &str) -> Result<Arc<dyn Backend>, StoreError> {
    open_url_with(location, [])
}

/// Opens the backend of a location as [`open_url`] does, with variables that take precedence over those of
/// the environment.
///
/// # Errors
///
/// As [`open_url`].
pub fn open_url_with(
    location: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<dyn Backend>, StoreError> {
    let fault = |reason: &str| StoreError::Location {
        location: without_credentials(location),
        reason: reason.to_owned(),
    };
    let Some((scheme, rest)) = location.split_once("://") else {
        if location.is_empty() {
            return Err(fault("it is empty"));
        }
        return Ok(Arc::new(Directory::new(location)));
    };
    match scheme {
        "file" if rest.starts_with('/') => Ok(Arc::new(Directory::new(rest))),
        "file" => Err(fault(
            "a file URL needs an absolute path, such as file:///srv/keys",
        )),
        "s3" | "gs" | "az" => {
            let variables: Vec<_> = variables.into_iter().collect();
            bucket(location, &variables).map_err(|reason| fault(&reason))
        }
        _ => Err(fault("expected a directory, s3://, gs:// or az://")),
    }
}

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
fn bucket(location: &str, variables: &[(String, String)]) -> Result<Arc<dyn Backend>, String> {
    use crate::backend::object_storage::ObjectStorage;

    let url = url::Url::parse(location).map_err(|error| error.to_string())?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("credentials and options are set in the environment, not in the address".to_owned());
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it names no bucket".to_owned());
    }
    match ObjectStorage::open(&url, variables) {
        Ok(Some(storage)) => Ok(Arc::new(storage)),
        Ok(None) => Err(not_compiled()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(not(any(feature = "s3", feature = "gcs", feature = "azure")))]
fn bucket(_: &str, _: &[(String, String)]) -> Result<Arc<dyn Backend>, String> {
    Err(not_compiled())
}

fn not_compiled() -> String {
    "this program is built without support for this kind of storage".to_owned()
}

/// Returns a location for errors: without user and password, and without a query.
fn without_credentials(location: &str) -> String {
    let location = location.split(['?', '#']).next().unwrap_or_default();
    match location.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            let visible = host
                .rfind('@')
                .map_or(rest, |at| rest.get(at + 1..).unwrap_or_default());
            format!("{scheme}://{visible}")
        }
        None => location.to_owned(),
    }
}
