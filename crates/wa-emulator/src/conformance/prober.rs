//! What probes are made and sent with.

use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use bytes::Bytes;
use data_encoding::BASE64;
use http::Method;

use super::envelope::Envelope;
use crate::phone::{
    Delivery, DeliveryFailure, FlowMessage, PhoneBuildError, PhoneError, Sealed, WhatsAppClient,
    signature_of_body,
};
use crate::secret::Secret;

/// What came back.
pub(super) type Answer = Result<Delivery, DeliveryFailure>;

/// How often a message is sealed anew to find a text with a slash in it: once is nearly always enough.
const SEALINGS: usize = 16;

const ERROR: &str = "payload-schema-error";
const ERROR_TEXT: &str = "conformance check: nothing is wrong";

/// A request as it is sent, and what reads the answer where one is to be read.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) body: Bytes,
    pub(super) signature: Option<String>,
    pub(super) sealed: Option<Sealed>,
}

pub(super) struct Prober {
    pub(super) phone: WhatsAppClient,
    pub(super) secret: Secret,
    pub(super) message: Messages,
    /// How long is waited before an endpoint that broke is asked again.
    pub(super) pause: Duration,
    /// For how long it is asked.
    pub(super) patience: Duration,
}

/// What is asked.
pub(super) struct Messages {
    pub(super) flow_token: String,
    pub(super) exchange: Option<(String, serde_json::Value)>,
    /// Whether the Flow is one that is opened with `INIT`.
    pub(super) has_init: bool,
    /// Whether the Flow has a screen that is refreshed on going back.
    pub(super) has_back: bool,
    pub(super) version: Option<&'static str>,
}

impl Messages {
    pub(super) fn init(&self) -> Option<FlowMessage> {
        self.has_init
            .then(|| self.versioned(FlowMessage::init(&*self.flow_token)))
    }

    /// The way back from the screen that was named; Meta's page allows an empty one.
    pub(super) fn back(&self) -> Option<FlowMessage> {
        let screen = self.exchange.as_ref().map_or("", |(screen, _)| screen);
        self.has_back
            .then(|| self.versioned(FlowMessage::back(&*self.flow_token, screen)))
    }

    /// The exchange that was asked for, if one was.
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

    /// The other action that a notice may come with.
    pub(super) fn notification_by_init(&self) -> Option<FlowMessage> {
        let notice = FlowMessage::opening_error_notification(&*self.flow_token, ERROR, ERROR_TEXT);
        self.has_init.then(|| self.versioned(notice))
    }

    /// The other way to name the error; Meta's page has both.
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
        signature_of_body(&self.secret, body)
    }

    /// As a phone sends it.
    pub(super) async fn request(&self, message: &FlowMessage) -> Result<Request, PhoneError> {
        let sealed = self.phone.seal(message).await?;
        let body = sealed.body().clone();
        Ok(Request {
            sealed: Some(sealed),
            ..self.signed(body)
        })
    }

    /// Any bytes, signed well.
    pub(super) fn signed(&self, body: Bytes) -> Request {
        let signature = Some(self.sign(&body));
        Request {
            method: Method::POST,
            body,
            signature,
            sealed: None,
        }
    }

    /// A message sealed anew, its envelope written otherwise and signed well.
    pub(super) async fn rewritten(
        &self,
        message: &FlowMessage,
        write: impl Fn(&Envelope) -> Option<Bytes> + Send,
    ) -> Result<Request, PhoneError> {
        for _ in 0..SEALINGS {
            let sealed = self.phone.seal(message).await?;
            if let Some(body) = Envelope::read(sealed.body()).as_ref().and_then(&write) {
                return Ok(Request {
                    sealed: Some(sealed),
                    ..self.signed(body)
                });
            }
        }
        Err(PhoneError::Encryption)
    }

    /// A message sealed anew, and its envelope to be changed.
    pub(super) async fn envelope(&self, message: &FlowMessage) -> Result<Envelope, PhoneError> {
        let sealed = self.phone.seal(message).await?;
        Envelope::read(sealed.body()).ok_or(PhoneError::Encryption)
    }

    /// After how long what was answered before is answered again: at once, or when something has started the endpoint
    /// anew; `None` if not at all.
    pub(super) async fn back_after(&self, message: &FlowMessage) -> Result<Option<Duration>, PhoneError> {
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        loop {
            let request = self.request(message).await?;
            let answer = self.send(&request).await;
            if is_200(&answer) {
                return Ok(Some(waited));
            }
            if begun.elapsed() + self.pause > self.patience {
                return Ok(None);
            }
            tokio::time::sleep(self.pause).await;
            waited = begun.elapsed();
        }
    }

    /// Sends a request, and once more if the connection broke: an endpoint may close a kept connection at any time, and a
    /// request that meets the closing says nothing about the endpoint (RFC 9112, section 9.3.1).
    pub(super) async fn send(&self, request: &Request) -> Answer {
        match self.send_once(request).await {
            Err(DeliveryFailure::Closed { .. }) => self.send_once(request).await,
            answer => answer,
        }
    }

    async fn send_once(&self, request: &Request) -> Answer {
        self.phone
            .deliver_by(
                request.method.clone(),
                request.body.clone(),
                request.signature.as_deref(),
            )
            .await
    }
}

/// Whether a response came from the endpoint itself: a proxy in front of it responds for one that has crashed.
pub(super) fn is_whole(answer: &Answer) -> bool {
    answer
        .as_ref()
        .is_ok_and(|delivery| delivery.exchange_id.is_some() || !matches!(delivery.status, 502..=504))
}

pub(super) fn is_200(answer: &Answer) -> bool {
    answer.as_ref().is_ok_and(|delivery| delivery.status == 200)
}

/// Whether there is something, but nothing that may be talked to.
pub(super) fn has_no_tls(failure: &DeliveryFailure) -> bool {
    matches!(
        failure,
        DeliveryFailure::Certificate { .. } | DeliveryFailure::Tls { .. }
    )
}

/// Whether there was not even a connection to something that speaks HTTP: then there is nothing to check.
pub(super) fn never_connected(failure: &DeliveryFailure) -> bool {
    matches!(
        failure,
        DeliveryFailure::NotHttp { .. } | DeliveryFailure::Connection { .. }
    )
}

/// A client that encrypts for a key that nobody else has.
pub(super) fn stranger(endpoint: &str) -> Result<WhatsAppClient, PhoneBuildError> {
    let pem = foreign_key().map_err(|_| PhoneBuildError::Key {
        reason: "no other key could be made",
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
