//! The client itself: fetch the key, encrypt, sign, send, read, and once more after a 421.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;
use thiserror::Error;
use tokio::sync::Mutex;

use super::builder::WhatsAppClientBuilder;
use super::cipher::BusinessKey;
use super::graph_key::GraphKey;
use super::message::FlowMessage;
use super::outcome::{Exchange, Outcome};
use super::sealed::{Sealed, Writing};
use super::transport::{Delivery, DeliveryFailure, Http};

/// Why a request could not be made at all; what the endpoint does is an [`Outcome`] instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// Graph does not answer.
    #[error("the registered key cannot be fetched: Graph does not answer")]
    KeyUnreachable {
        /// Why not.
        source: DeliveryFailure,
    },
    /// Graph answers with an error.
    #[error("the registered key cannot be fetched: Graph answers {status}, code {code:?}")]
    KeyRefused {
        /// The HTTP status.
        status: u16,
        /// The error's code, if there was one.
        code: Option<i64>,
    },
    /// Graph's answer is not the one for a key.
    #[error("the registered key cannot be read: Graph's answer has another shape")]
    KeyUnreadable,
    /// The number has no key.
    #[error("no key is registered for the phone number: upload one (public-key-missing)")]
    NoKey,
    /// Meta's signature over the key does not hold.
    #[error(
        "the signature of the registered key does not hold: upload the key again (public-key-signiture-verification)"
    )]
    SignatureMismatch,
    /// What is registered is not a key that a phone can use.
    #[error("the registered key cannot be used: {reason}")]
    BadKey {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The access token has characters that no header may have.
    #[error("the access token has characters that no HTTP header may have: check how it was read")]
    InvalidToken,
    /// The request could not be encrypted.
    #[error("the request could not be encrypted: it is too large, or the system gives no randomness")]
    Encryption,
}

/// Which of WhatsApp's clients is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientKind {
    /// Fetches the key again after a 421.
    #[default]
    Mobile,
    /// Keeps the key that it fetched when the Flow was opened, also after a 421 (as WhatsApp Web does).
    Web,
}

/// Where the public key comes from.
pub(super) enum KeySource {
    Graph(GraphKey),
    Fixed(Arc<BusinessKey>),
}

/// A WhatsApp client that opens a Flow at one endpoint.
///
/// ```no_run
/// use serde_json::json;
/// use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_APP_SECRET, DEFAULT_PHONE_NUMBER_ID};
/// use wa_emulator::{Emulator, FlowMessage, Outcome, WhatsAppClient};
///
/// # async fn example(emulator: &Emulator) -> Result<(), Box<dyn std::error::Error>> {
/// let phone = WhatsAppClient::builder("http://127.0.0.1:8080/flow")
///     .key_from(emulator.base_url(), DEFAULT_PHONE_NUMBER_ID, DEFAULT_ACCESS_TOKEN)
///     .app_secret(DEFAULT_APP_SECRET)
///     .build()?;
/// let exchange = phone.send(&FlowMessage::init("token-1")).await?;
/// if let Outcome::Answered(payload) = exchange.outcome {
///     println!("the first screen is {:?}", payload.screen());
/// }
/// # Ok(())
/// # }
/// ```
pub struct WhatsAppClient {
    pub(super) endpoint: Uri,
    pub(super) http: Http,
    pub(super) key_source: KeySource,
    pub(super) kind: ClientKind,
    pub(super) writing: Writing,
    pub(super) retry_delay: Duration,
    /// The key that is used now; `None` until the Flow is opened.
    pub(super) key: Mutex<Option<Arc<BusinessKey>>>,
}

impl WhatsAppClient {
    /// A client for the endpoint at `url`, http or https.
    pub fn builder(url: impl Into<String>) -> WhatsAppClientBuilder {
        WhatsAppClientBuilder::new(url.into())
    }

    /// Opens the Flow: fetches the key anew. Sending does it by itself the first time.
    ///
    /// # Errors
    ///
    /// [`PhoneError`] when the key cannot be fetched or used.
    pub async fn open(&self) -> Result<(), PhoneError> {
        self.fetch_key().await.map(|_| ())
    }

    /// Sends a message and reads the answer. After a 421 it waits 500 ms, fetches the key again ([mobile
    /// clients](ClientKind)) and sends once more; an error notification is sent once only.
    ///
    /// # Errors
    ///
    /// [`PhoneError`] when there is no key to encrypt with.
    pub async fn send(&self, message: &FlowMessage) -> Result<Exchange, PhoneError> {
        let mut key = self.current_key().await?;
        let mut attempts = 1;
        loop {
            let sealed = Sealed::new(&key, &self.writing, message)?;
            let delivery = self.deliver(sealed.body().clone(), sealed.signature()).await;
            let (outcome, duration, exchange_id) = match delivery {
                Ok(delivery) => (sealed.read(&delivery), delivery.duration, delivery.exchange_id),
                Err(failure) => {
                    let waited = match failure {
                        DeliveryFailure::TimedOut { limit } => limit,
                        _ => Duration::ZERO,
                    };
                    (Outcome::NoAnswer(failure), waited, None)
                }
            };
            tracing::debug!(
                action = message.action(),
                screen = message.screen(),
                attempts,
                "exchanged"
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
    /// [`PhoneError`] when there is no key to encrypt with.
    pub async fn seal(&self, message: &FlowMessage) -> Result<Sealed, PhoneError> {
        let key = self.current_key().await?;
        Sealed::new(&key, &self.writing, message)
    }

    /// Posts any bytes to the endpoint, with this value of `X-Hub-Signature-256` or without one.
    ///
    /// # Errors
    ///
    /// [`DeliveryFailure`] when no answer came.
    pub async fn deliver(&self, body: Bytes, signature: Option<&str>) -> Result<Delivery, DeliveryFailure> {
        self.deliver_by(Method::POST, body, signature).await
    }

    /// Sends any bytes by any method.
    pub(crate) async fn deliver_by(
        &self,
        method: Method,
        body: Bytes,
        signature: Option<&str>,
    ) -> Result<Delivery, DeliveryFailure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(signature) = signature {
            let signature = HeaderValue::try_from(signature);
            let signature =
                signature.map_err(|error| DeliveryFailure::Connection { source: error.into() })?;
            headers.insert(HeaderName::from_static("x-hub-signature-256"), signature);
        }
        self.http.send(request).await
    }

    async fn current_key(&self) -> Result<Arc<BusinessKey>, PhoneError> {
        let known = self.key.lock().await.clone();
        match known {
            Some(key) => Ok(key),
            None => self.fetch_key().await,
        }
    }

    async fn fetch_key(&self) -> Result<Arc<BusinessKey>, PhoneError> {
        let key = match &self.key_source {
            KeySource::Fixed(key) => Arc::clone(key),
            KeySource::Graph(graph) => Arc::new(graph.fetch(&self.http).await?),
        };
        *self.key.lock().await = Some(Arc::clone(&key));
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
