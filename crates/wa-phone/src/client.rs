//! The client: fetches the key, encrypts, signs, sends, reads the response, and retries once after a 421.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::builder::WhatsAppClientBuilder;
use crate::cipher::BusinessKey;
use crate::encrypted::{EncryptedRequest, Writing};
use crate::graph_key::GraphKey;
use crate::message::FlowMessage;
use crate::outcome::{Exchange, Outcome};
use crate::transport::{Http, HttpResponse, SendError};

/// The reason why a request could not be created. What the endpoint does is an [`Outcome`] instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// Graph does not respond.
    #[error("the registered key cannot be fetched: Graph does not respond")]
    KeyUnreachable {
        /// The cause.
        source: SendError,
    },
    /// Graph returned an error.
    #[error("the registered key cannot be fetched: Graph returned {status}, code {code:?}")]
    KeyRefused {
        /// The HTTP status.
        status: u16,
        /// The code of the error, if it has one.
        code: Option<i64>,
    },
    /// Graph's response does not have the shape of a key.
    #[error("the registered key cannot be read: Graph's response has an unexpected shape")]
    KeyUnreadable,
    /// The phone number has no registered key.
    #[error("no key is registered for the phone number (public-key-missing)")]
    NoKey,
    /// Meta's signature over the key is not valid.
    #[error("the signature of the registered key is not valid (public-key-signiture-verification)")]
    SignatureMismatch,
    /// The registered key is not one that a phone can use.
    #[error("the registered key cannot be used: {reason}")]
    BadKey {
        /// The fault.
        reason: &'static str,
    },
    /// The access token has characters that are not allowed in a header.
    #[error("the access token has characters that are not allowed in an HTTP header")]
    InvalidToken,
    /// The request could not be encrypted.
    #[error("the request could not be encrypted: it is too large, or the system's random generator failed")]
    Encryption,
}

impl PhoneError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::KeyUnreachable { source } => return source.remedy(),
            Self::NoKey => "upload a key",
            Self::SignatureMismatch => "upload the key again",
            Self::BadKey { .. } => "upload a 2048-bit RSA key as PEM",
            Self::InvalidToken => "check how the token was read",
            Self::KeyRefused { .. } | Self::KeyUnreadable | Self::Encryption => return None,
        };
        Some(Cow::Borrowed(text))
    }
}

/// The WhatsApp client that is emulated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientKind {
    /// Fetches the key again after a 421.
    #[default]
    Mobile,
    /// Keeps the key that it fetched when the Flow was opened, even after a 421, like WhatsApp Web.
    Web,
}

/// Where the public key comes from.
pub(crate) enum KeySource {
    Graph(GraphKey),
    Fixed(Arc<BusinessKey>),
}

/// A WhatsApp client that opens a Flow at one endpoint.
///
/// ```no_run
/// use serde_json::json;
/// use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_APP_SECRET, DEFAULT_PHONE_NUMBER_ID, Emulator};
/// use wa_phone::{FlowMessage, Outcome, WhatsAppClient};
///
/// # async fn example(emulator: &Emulator) -> Result<(), Box<dyn std::error::Error>> {
/// let phone = WhatsAppClient::builder("http://127.0.0.1:8080/flow")
///     .key_from(emulator.base_url(), DEFAULT_PHONE_NUMBER_ID, DEFAULT_ACCESS_TOKEN)
///     .app_secret(DEFAULT_APP_SECRET)
///     .build()?;
/// let exchange = phone.send(&FlowMessage::init("token-1")).await?;
/// if let Outcome::Response(payload) = exchange.outcome {
///     println!("the first screen is {:?}", payload.screen());
/// }
/// # Ok(())
/// # }
/// ```
pub struct WhatsAppClient {
    pub(crate) endpoint: Uri,
    pub(crate) http: Http,
    pub(crate) key_source: KeySource,
    pub(crate) kind: ClientKind,
    pub(crate) writing: Writing,
    pub(crate) retry_delay: Duration,
    /// How long a fetched key is used before it is fetched again; `None` for as long as the Flow is open.
    pub(crate) key_lifetime: Option<Duration>,
    /// The key in use, and when it was fetched; `None` until the Flow is opened.
    pub(crate) key: Mutex<Option<(Arc<BusinessKey>, Instant)>>,
}

impl WhatsAppClient {
    /// Returns the configuration of a client for the endpoint at `url`, http or https.
    pub fn builder(url: impl Into<String>) -> WhatsAppClientBuilder {
        WhatsAppClientBuilder::new(url.into())
    }

    /// Opens the Flow: fetches the key again. [`send`](Self::send) does so the first time.
    ///
    /// # Errors
    ///
    /// [`PhoneError`] if the key cannot be fetched or used.
    pub async fn open(&self) -> Result<(), PhoneError> {
        self.fetch_key().await.map(|_| ())
    }

    /// Sends a message and reads the response.
    ///
    /// After a 421 it waits for the retry delay, fetches the key again ([mobile clients](ClientKind) only)
    /// and sends the message once more. An error notification is sent only once.
    ///
    /// # Errors
    ///
    /// [`PhoneError`] if there is no key to encrypt with.
    pub async fn send(&self, message: &FlowMessage) -> Result<Exchange, PhoneError> {
        let mut key = self.current_key().await?;
        let mut attempts = 1;
        loop {
            let encrypted = EncryptedRequest::new(&key, &self.writing, message)?;
            let response = self
                .send_raw(encrypted.body().clone(), encrypted.signature())
                .await;
            let (outcome, duration, exchange_id) = match response {
                Ok(response) => (encrypted.read(&response), response.duration, response.exchange_id),
                Err(failure) => {
                    let waited = match failure {
                        SendError::TimedOut { limit } => limit,
                        _ => Duration::ZERO,
                    };
                    (Outcome::NoResponse(failure), waited, None)
                }
            };
            tracing::debug!(
                action = message.action(),
                screen = message.screen(),
                attempts,
                "exchange finished"
            );
            if !matches!(outcome, Outcome::KeyRefused) || attempts > 1 || message.is_notification() {
                return Ok(Exchange {
                    outcome,
                    attempts,
                    duration,
                    exchange_id,
                });
            }
            tokio::time::sleep(self.retry_delay).await;
            if self.kind == ClientKind::Mobile {
                key = self.fetch_key().await?;
            }
            attempts += 1;
        }
    }

    /// Encrypts and signs a message without sending it.
    ///
    /// # Errors
    ///
    /// [`PhoneError`] if there is no key to encrypt with.
    pub async fn encrypt(&self, message: &FlowMessage) -> Result<EncryptedRequest, PhoneError> {
        let key = self.current_key().await?;
        EncryptedRequest::new(&key, &self.writing, message)
    }

    /// Sends any bytes to the endpoint with POST, and with this value of `X-Hub-Signature-256`, if any.
    ///
    /// # Errors
    ///
    /// [`SendError`] if no response arrived.
    pub async fn send_raw(&self, body: Bytes, signature: Option<&str>) -> Result<HttpResponse, SendError> {
        self.send_with_method(Method::POST, body, signature).await
    }

    /// Sends any bytes with any method.
    pub(crate) async fn send_with_method(
        &self,
        method: Method,
        body: Bytes,
        signature: Option<&str>,
    ) -> Result<HttpResponse, SendError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(signature) = signature {
            let signature = HeaderValue::try_from(signature);
            let signature = signature.map_err(|error| SendError::Connection { source: error.into() })?;
            headers.insert(HeaderName::from_static("x-hub-signature-256"), signature);
        }
        self.http.send(request).await
    }

    async fn current_key(&self) -> Result<Arc<BusinessKey>, PhoneError> {
        let known = self.key.lock().await.clone();
        let is_fresh = |fetched: Instant| {
            let lifetime = self.key_lifetime;
            lifetime.is_none_or(|lifetime| fetched.elapsed() < lifetime)
        };
        match known {
            Some((key, fetched)) if is_fresh(fetched) => Ok(key),
            _ => self.fetch_key().await,
        }
    }

    async fn fetch_key(&self) -> Result<Arc<BusinessKey>, PhoneError> {
        let key = match &self.key_source {
            KeySource::Fixed(key) => Arc::clone(key),
            KeySource::Graph(graph) => Arc::new(graph.fetch(&self.http).await?),
        };
        *self.key.lock().await = Some((Arc::clone(&key), Instant::now()));
        Ok(key)
    }
}

impl fmt::Debug for WhatsAppClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsAppClient")
            .field("endpoint", &self.endpoint)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
