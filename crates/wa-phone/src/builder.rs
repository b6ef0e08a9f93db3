//! Configures a client.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::cipher::BusinessKey;
use crate::client::{ClientKind, KeySource, WhatsAppClient};
use crate::encrypted::Writing;
use crate::graph_key::GraphKey;
use crate::secret::Secret;
use crate::transport::{self, Http};

/// WhatsApp's clients time out after this long (Meta, *Implementing endpoints for Flows*).
const TIMEOUT: Duration = Duration::from_secs(10);
/// WhatsApp Web's pause before its retry.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The reason why a client could not be configured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PhoneBuildError {
    /// An address is not an absolute http or https URL.
    #[error("the {what} is not an absolute http or https URL")]
    Url {
        /// Which address.
        what: &'static str,
    },
    /// The access token would be sent unencrypted to another machine.
    #[error("the access token would be sent over plain http to another machine")]
    PlainHttp,
    /// Neither a key nor a Graph API to fetch it from was given.
    #[error("there is no public key")]
    NoKeySource,
    /// The public key cannot be used.
    #[error("the public key cannot be used: {reason}")]
    Key {
        /// The fault.
        reason: &'static str,
    },
    /// An extra root certificate cannot be read.
    #[error("an extra root certificate cannot be read")]
    RootCertificate,
    /// TLS cannot be configured.
    #[error("TLS cannot be configured")]
    Tls {
        /// The TLS library's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl PhoneBuildError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::Url { .. } => "write it like https://example.com/flow",
            Self::PlainHttp => "use https",
            Self::NoKeySource => "set a key with public_key_pem, or use key_from to fetch it",
            Self::RootCertificate => "use PEM with BEGIN CERTIFICATE blocks",
            Self::Key { .. } => "use a 2048-bit RSA key as PEM",
            Self::Tls { .. } => return None,
        };
        Some(Cow::Borrowed(text))
    }
}

enum KeyInput {
    Graph {
        base_url: String,
        phone_number_id: String,
        token: Secret,
    },
    Pem(String),
}

/// Configures a [`WhatsAppClient`]; created by [`WhatsAppClient::builder`].
pub struct WhatsAppClientBuilder {
    endpoint: String,
    key: Option<KeyInput>,
    api_version: String,
    kind: ClientKind,
    writing: Writing,
    timeout: Duration,
    retry_delay: Duration,
    key_lifetime: Option<Duration>,
    root_certificates: Vec<String>,
    plain_http: bool,
}

impl WhatsAppClientBuilder {
    pub(crate) fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            key: None,
            api_version: "v25.0".to_owned(),
            kind: ClientKind::default(),
            writing: Writing {
                app_secret: None,
                escape_slashes: false,
                sign_flow_token: false,
            },
            timeout: TIMEOUT,
            retry_delay: RETRY_DELAY,
            key_lifetime: None,
            root_certificates: Vec::new(),
            plain_http: false,
        }
    }

    /// Fetches the registered key of a number from the Graph API at `base_url`, with an access token.
    #[must_use]
    pub fn key_from(
        mut self,
        base_url: impl Into<String>,
        phone_number_id: impl Into<String>,
        access_token: impl Into<String>,
    ) -> Self {
        self.key = Some(KeyInput::Graph {
            base_url: base_url.into(),
            phone_number_id: phone_number_id.into(),
            token: Secret::new(access_token),
        });
        self
    }

    /// Encrypts with this key, regardless of the registered one.
    #[must_use]
    pub fn public_key_pem(mut self, pem: impl Into<String>) -> Self {
        self.key = Some(KeyInput::Pem(pem.into()));
        self
    }

    /// Signs requests with this app secret; by default they are not signed.
    #[must_use]
    pub fn app_secret(mut self, secret: impl Into<String>) -> Self {
        self.writing.app_secret = Some(Secret::new(secret));
        self
    }

    /// Sets which of WhatsApp's clients is emulated; a phone by default.
    #[must_use]
    pub fn kind(mut self, kind: ClientKind) -> Self {
        self.kind = kind;
        self
    }

    /// Writes every `/` of a body as `\/`, as some of WhatsApp's clients do.
    #[must_use]
    pub fn escape_slashes(mut self, escape: bool) -> Self {
        self.writing.escape_slashes = escape;
        self
    }

    /// Adds `flow_token_signature` to messages of version 4.0; requires an app secret. Off by default.
    #[must_use]
    pub fn sign_flow_token(mut self, sign: bool) -> Self {
        self.writing.sign_flow_token = sign;
        self
    }

    /// Sets the timeout of one call; ten seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the pause before the retry after a 421; 500 ms by default.
    #[must_use]
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry_delay = delay;
        self
    }

    /// Sets how long a fetched key is used; by default until the client is dropped or fetches it after a 421.
    ///
    /// With [`ClientKind::Web`] this is a session on WhatsApp Web that is opened again after this time: until
    /// then it keeps the key that was registered when it was opened, whatever the endpoint responds.
    #[must_use]
    pub fn key_lifetime(mut self, lifetime: Duration) -> Self {
        self.key_lifetime = Some(lifetime);
        self
    }

    /// Sets the Graph API version to fetch the key with; `v25.0` by default.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = version.into();
        self
    }

    /// Trusts these certificate authorities (PEM, one or several) in addition to the system's.
    #[must_use]
    pub fn root_certificate_pem(mut self, pem: impl Into<String>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Allows the access token to be sent over plain http to another machine; off by default.
    #[must_use]
    pub fn danger_allow_plain_http(mut self, allow: bool) -> Self {
        self.plain_http = allow;
        self
    }

    /// Returns the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`PhoneBuildError`] if an address, the key or a certificate cannot be used.
    pub fn build(self) -> Result<WhatsAppClient, PhoneBuildError> {
        let endpoint = absolute("endpoint", &self.endpoint)?;
        let mut is_https = endpoint.scheme_str() == Some("https");
        let key_source = match self.key.ok_or(PhoneBuildError::NoKeySource)? {
            KeyInput::Pem(pem) => {
                let key = BusinessKey::from_pem(&pem).map_err(|reason| PhoneBuildError::Key { reason })?;
                KeySource::Fixed(Arc::new(key))
            }
            KeyInput::Graph {
                base_url,
                phone_number_id,
                token,
            } => {
                let base_url = base_url.trim_end_matches('/');
                let url = format!(
                    "{base_url}/{}/{phone_number_id}/whatsapp_business_encryption",
                    self.api_version
                );
                let uri = absolute("Graph URL", &url)?;
                if uri.scheme_str() == Some("https") {
                    is_https = true;
                } else if !transport::is_loopback(&uri) && !self.plain_http {
                    return Err(PhoneBuildError::PlainHttp);
                }
                KeySource::Graph(GraphKey { uri, token })
            }
        };
        let extra = certificates(&self.root_certificates)?;
        let tls = |error: rustls::Error| PhoneBuildError::Tls { source: error.into() };
        // Reading the system's certificates is slow, so they are read only if needed.
        let roots = transport::roots(is_https, extra).map_err(tls)?;
        Ok(WhatsAppClient {
            endpoint,
            http: Http::new(roots, self.timeout).map_err(tls)?,
            key_source,
            kind: self.kind,
            writing: self.writing,
            retry_delay: self.retry_delay,
            key_lifetime: self.key_lifetime,
            key: Mutex::new(None),
        })
    }
}

impl std::fmt::Debug for WhatsAppClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WhatsAppClientBuilder")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn absolute(what: &'static str, url: &str) -> Result<Uri, PhoneBuildError> {
    let uri: Uri = url.parse().map_err(|_| PhoneBuildError::Url { what })?;
    let known =
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if known {
        Ok(uri)
    } else {
        Err(PhoneBuildError::Url { what })
    }
}

fn certificates(pems: &[String]) -> Result<Vec<CertificateDer<'static>>, PhoneBuildError> {
    let mut all = Vec::new();
    for pem in pems {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            // The parser's own error may show its input.
            all.push(certificate.map_err(|_| PhoneBuildError::RootCertificate)?);
        }
        if all.len() == before {
            return Err(PhoneBuildError::RootCertificate);
        }
    }
    Ok(all)
}
