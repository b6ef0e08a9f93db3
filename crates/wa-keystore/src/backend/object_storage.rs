//! A key store in a bucket: S3, Google Cloud Storage or Azure Blob Storage.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, RetryConfig};
use tokio::time::timeout;
use url::Url;
use zeroize::Zeroizing;

use crate::backend::{Backend, BackendError, Created, Listed, OBJECT_LIMIT, Object};

/// The longest time that one request takes, unless the environment sets another.
const REQUEST_TIMEOUT: &str = "10s";
/// The longest time to connect, unless the environment sets another.
const CONNECT_TIMEOUT: &str = "3s";
/// The longest time that one call takes, with all its requests.
const DEADLINE: Duration = Duration::from_secs(30);

/// A prefix of a bucket that contains a key store. It stores encrypted private keys only.
///
/// Credentials, endpoints and other settings are read from the environment: `AWS_*`, `GOOGLE_*` and
/// `AZURE_*`, as the crate `object_store` documents them, with custom endpoints. A request takes 10 seconds
/// at most, or `AWS_TIMEOUT`, `GOOGLE_TIMEOUT` or `AZURE_TIMEOUT`; it is repeated three times at most within
/// 15 seconds.
#[derive(Clone)]
pub(crate) struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The address in errors.
    shown: Arc<str>,
}

/// Applies settings and bounds to a builder, whose type differs between the kinds of storage.
macro_rules! build {
    ($builder:ty, $key:ident, $prefix:literal, $url:expr, $variables:expr) => {{
        use object_store::ClientConfigKey::{ConnectTimeout, Timeout};
        let mut builder = <$builder>::from_env().with_url($url.as_str()).with_retry(retry());
        for (key, name, value) in [
            (Timeout, concat!($prefix, "TIMEOUT"), REQUEST_TIMEOUT),
            (
                ConnectTimeout,
                concat!($prefix, "CONNECT_TIMEOUT"),
                CONNECT_TIMEOUT,
            ),
        ] {
            if std::env::var_os(name).is_none() {
                builder = builder.with_config($key::Client(key), value);
            }
        }
        for (name, value) in $variables {
            // Variables of other programs, and of other kinds of storage, are not settings of this one.
            if name.starts_with($prefix)
                && let Ok(key) = name.to_ascii_lowercase().parse::<$key>()
            {
                builder = builder.with_config(key, value.as_str());
            }
        }
        Arc::new(builder.build()?) as Arc<dyn ObjectStore>
    }};
}

impl ObjectStorage {
    /// Opens the bucket of a URL with settings that take precedence over those of the environment; `None` if
    /// its scheme is unknown, or its kind of storage is not compiled in.
    pub(crate) fn open(url: &Url, variables: &[(String, String)]) -> Result<Option<Self>, Error> {
        let store = match url.scheme() {
            #[cfg(feature = "s3")]
            "s3" => {
                use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
                build!(AmazonS3Builder, AmazonS3ConfigKey, "AWS_", url, variables)
            }
            #[cfg(feature = "gcs")]
            "gs" => {
                use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
                build!(
                    GoogleCloudStorageBuilder,
                    GoogleConfigKey,
                    "GOOGLE_",
                    url,
                    variables
                )
            }
            #[cfg(feature = "azure")]
            "az" => {
                use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
                build!(MicrosoftAzureBuilder, AzureConfigKey, "AZURE_", url, variables)
            }
            _ => return Ok(None),
        };
        Ok(Some(Self {
            store,
            prefix: Path::from_url_path(url.path())?,
            shown: url.as_str().trim_end_matches('/').into(),
        }))
    }

    fn path(&self, path: &str) -> Path {
        self.prefix.parts().chain(Path::from(path).parts()).collect()
    }

    /// Bounds a call, and adds what was attempted to its error.
    async fn bounded<T>(
        &self,
        what: &'static str,
        path: &str,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, BackendError> {
        let shown = || format!("{}/{path}", self.shown);
        match timeout(DEADLINE, call).await {
            Ok(result) => result.map_err(|error| BackendError::new(what, shown(), error)),
            Err(elapsed) => Err(BackendError::new(what, shown(), elapsed)),
        }
    }
}

fn retry() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: Duration::from_secs(15),
        ..RetryConfig::default()
    }
}

#[async_trait]
impl Backend for ObjectStorage {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        let (location, options) = (self.path(path), PutOptions::from(PutMode::Create));
        let call = async {
            match self
                .store
                .put_opts(&location, PutPayload::from(content), options)
                .await
            {
                Ok(_) => Ok(Created::New),
                Err(Error::AlreadyExists { .. }) => Ok(Created::Existed),
                Err(error) => Err(error),
            }
        };
        self.bounded("writing", path, call).await
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        let location = self.path(path);
        let call = self.store.put(&location, PutPayload::from(content));
        self.bounded("writing", path, call).await.map(drop)
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        let location = self.path(path);
        let call = async {
            let found = match self.store.get(&location).await {
                Ok(found) => found,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            let modified = found.meta.last_modified.into();
            let mut content = Zeroizing::new(Vec::new());
            let mut chunks = found.into_stream();
            while let Some(chunk) = chunks.next().await {
                content.extend_from_slice(&chunk?);
                if content.len() > OBJECT_LIMIT {
                    return Err(too_long());
                }
            }
            Ok(Some(Object::new(content, Some(modified))))
        };
        self.bounded("reading", path, call).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        let location = self.path(folder);
        let call = self.store.list_with_delimiter(Some(&location));
        let found = self.bounded("listing", folder, call).await?;
        let listed = |path: &Path, is_folder| {
            let name = path.filename()?.to_owned();
            Some(Listed { name, is_folder })
        };
        let folders = found.common_prefixes.iter().filter_map(|path| listed(path, true));
        let objects = found
            .objects
            .iter()
            .filter_map(|object| listed(&object.location, false));
        Ok(folders.chain(objects).collect())
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        let location = self.path(path);
        let call = async {
            match self.store.delete(&location).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.bounded("deleting", path, call).await
    }
}

fn too_long() -> Error {
    Error::Generic {
        store: "key store",
        source: "it is longer than 1 MiB".into(),
    }
}

impl fmt::Debug for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectStorage({})", self.shown)
    }
}
