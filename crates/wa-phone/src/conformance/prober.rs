//! Creates and sends the requests of the check.

use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use bytes::Bytes;
use data_encoding::BASE64;
use http::Method;

use super::envelope::Envelope;
use crate::secret::Secret;
use crate::{
    EncryptedRequest, FlowMessage, HttpResponse, PhoneBuildError, PhoneError, SendError, WhatsAppClient,
    signature,
};

/// The result of one request.
pub(super) type SendResult = Result<HttpResponse, SendError>;

/// How often a message is re-encrypted to get base64 with a slash: once is nearly always enough.
const ENCRYPTIONS: usize = 16;

const ERROR: &str = "payload-schema-error";
const ERROR_TEXT: &str = "conformance check: no real error";

/// A request, and the means to decrypt its response if it has one.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) body: Bytes,
    pub(super) signature: Option<String>,
    pub(super) encrypted: Option<EncryptedRequest>,
}

pub(super) struct Prober {
    pub(super) phone: WhatsAppClient,
    pub(super) secret: Secret,
    pub(super) message: Messages,
    /// The pause before the next request to an endpoint that crashed.
    pub(super) pause: Duration,
    /// How long to wait for an endpoint that crashed.
    pub(super) restart_timeout: Duration,
}

/// The messages of the check.
pub(super) struct Messages {
    pub(super) flow_token: String,
    pub(super) exchange: Option<(String, serde_json::Value)>,
    /// Whether the Flow is opened with `INIT`.
    pub(super) has_init: bool,
    /// Whether the Flow has a screen with `refresh_on_back`.
    pub(super) has_back: bool,
    pub(super) version: Option<&'static str>,
}

impl Messages {
    pub(super) fn init(&self) -> Option<FlowMessage> {
        self.has_init
            .then(|| self.versioned(FlowMessage::init(&*self.flow_token)))
    }

    /// Returns a `BACK` from the configured screen; Meta's page allows an empty one.
    pub(super) fn back(&self) -> Option<FlowMessage> {
        let screen = self.exchange.as_ref().map_or("", |(screen, _)| screen);
        self.has_back
            .then(|| self.versioned(FlowMessage::back(&*self.flow_token, screen)))
    }

    /// Returns the `data_exchange` that was configured, if any.
    pub(super) fn data_exchange(&self) -> Option<FlowMessage> {
        let (screen, data) = self.exchange.as_ref()?;
        Some(self.versioned(FlowMessage::data_exchange(
            &*self.flow_token,
            &**screen,
            data.clone(),
        )))
    }

    pub(super) fn notification(&self) -> FlowMessage {
        self.versioned(FlowMessage::error_notification(
            &*self.flow_token,
            self.screen(),
            ERROR,
            ERROR_TEXT,
        ))
    }

    /// Returns the error notification with the other action that Meta's page names.
    pub(super) fn notification_by_init(&self) -> Option<FlowMessage> {
        let notification = FlowMessage::opening_error_notification(&*self.flow_token, ERROR, ERROR_TEXT);
        self.has_init.then(|| self.versioned(notification))
    }

    /// Returns the error notification with `error_key` instead of `error`; Meta's page has both.
    pub(super) fn notification_by_key(&self) -> FlowMessage {
        let data = serde_json::json!({"error_key": ERROR, "error_message": ERROR_TEXT});
        self.notification().data(data)
    }

    fn screen(&self) -> &str {
        self.exchange.as_ref().map_or("CONFORMANCE", |(screen, _)| screen)
    }

    fn versioned(&self, message: FlowMessage) -> FlowMessage {
        match self.version {
            Some(version) => message.version(version),
            None => message,
        }
    }
}

impl Prober {
    pub(super) fn sign(&self, body: &[u8]) -> String {
        signature::of_body(&self.secret, body)
    }

    /// Creates a request as a phone does.
    pub(super) async fn request(&self, message: &FlowMessage) -> Result<Request, PhoneError> {
        let encrypted = self.phone.encrypt(message).await?;
        let body = encrypted.body().clone();
        Ok(Request {
            encrypted: Some(encrypted),
            ..self.signed(body)
        })
    }

    /// Creates a request of any bytes with a correct signature.
    pub(super) fn signed(&self, body: Bytes) -> Request {
        let signature = Some(self.sign(&body));
        Request {
            method: Method::POST,
            body,
            signature,
            encrypted: None,
        }
    }

    /// Re-encrypts a message, writes its envelope differently, and signs it correctly.
    pub(super) async fn rewritten(
        &self,
        message: &FlowMessage,
        write: impl Fn(&Envelope) -> Option<Bytes> + Send,
    ) -> Result<Request, PhoneError> {
        for _ in 0..ENCRYPTIONS {
            let encrypted = self.phone.encrypt(message).await?;
            if let Some(body) = Envelope::read(encrypted.body()).as_ref().and_then(&write) {
                return Ok(Request {
                    encrypted: Some(encrypted),
                    ..self.signed(body)
                });
            }
        }
        Err(PhoneError::Encryption)
    }

    /// Re-encrypts a message, and returns its envelope to be modified.
    pub(super) async fn envelope(&self, message: &FlowMessage) -> Result<Envelope, PhoneError> {
        let encrypted = self.phone.encrypt(message).await?;
        Envelope::read(encrypted.body()).ok_or(PhoneError::Encryption)
    }

    /// Returns how long it takes until a message that got a 200 response before gets one again: zero if at
    /// once, more if the endpoint had to be restarted; `None` if it did not come back within the restart
    /// timeout.
    pub(super) async fn back_after(&self, message: &FlowMessage) -> Result<Option<Duration>, PhoneError> {
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        loop {
            let request = self.request(message).await?;
            let result = self.send(&request).await;
            if is_200(&result) {
                return Ok(Some(waited));
            }
            if begun.elapsed() + self.pause > self.restart_timeout {
                return Ok(None);
            }
            tokio::time::sleep(self.pause).await;
            waited = begun.elapsed();
        }
    }

    /// Sends a request, and repeats it once if the connection closed: an endpoint may close an idle
    /// connection at any time, so a request that is lost that way shows no fault (RFC 9112, section 9.3.1).
    pub(super) async fn send(&self, request: &Request) -> SendResult {
        match self.send_once(request).await {
            Err(SendError::Closed { .. }) => self.send_once(request).await,
            result => result,
        }
    }

    async fn send_once(&self, request: &Request) -> SendResult {
        self.phone
            .send_with_method(
                request.method.clone(),
                request.body.clone(),
                request.signature.as_deref(),
            )
            .await
    }
}

/// Returns whether a response came from the endpoint itself: if it has crashed, a proxy in front of it
/// responds instead.
pub(super) fn is_from_endpoint(result: &SendResult) -> bool {
    result
        .as_ref()
        .is_ok_and(|response| response.exchange_id.is_some() || !matches!(response.status, 502..=504))
}

pub(super) fn is_200(result: &SendResult) -> bool {
    result.as_ref().is_ok_and(|response| response.status == 200)
}

/// Returns whether the server was reached, but TLS failed.
pub(super) fn has_no_tls(failure: &SendError) -> bool {
    matches!(failure, SendError::Certificate { .. } | SendError::Tls { .. })
}

/// Returns whether there was no connection to an HTTP server: then there is nothing to check.
pub(super) fn never_connected(failure: &SendError) -> bool {
    matches!(failure, SendError::NotHttp { .. } | SendError::Connection { .. })
}

/// Returns a client that encrypts for a new key, which the endpoint does not have.
pub(super) fn foreign_client(endpoint: &str) -> Result<WhatsAppClient, PhoneBuildError> {
    let pem = foreign_key().map_err(|_| PhoneBuildError::Key {
        reason: "a second key could not be generated",
    })?;
    WhatsAppClient::builder(endpoint).public_key_pem(pem).build()
}

fn foreign_key() -> Result<String, Unspecified> {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048)?;
    let der: PublicKeyX509Der<'_> = key.public_key().as_der()?;
    let base64 = BASE64.encode(der.as_ref());
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----");
    for (at, character) in base64.chars().enumerate() {
        if at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PUBLIC KEY-----\n");
    Ok(pem)
}
