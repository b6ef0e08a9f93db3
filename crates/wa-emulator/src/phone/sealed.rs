//! An encrypted and signed request, ready to be sent, and the means to read its answer.

use std::fmt;

use bytes::Bytes;
use data_encoding::BASE64;

use super::cipher::{BusinessKey, SessionKey};
use super::client::PhoneError;
use super::message::{Expectation, FlowMessage};
use super::outcome::{Outcome, ReplyFault};
use super::payload::Payload;
use super::spelling::Spelling;
use super::transport::Delivery;
use super::{reply, signature};
use crate::secret::Secret;

/// An encrypted request: its body, its signature, and what is needed to read the answer.
///
/// For probes that change something on the way: [`WhatsAppClient::seal`](super::WhatsAppClient::seal) makes
/// one, [`WhatsAppClient::deliver`](super::WhatsAppClient::deliver) sends any bytes, [`Sealed::read`] reads
/// the answer.
pub struct Sealed {
    body: Bytes,
    signature: Option<String>,
    session: SessionKey,
    expectation: Expectation,
}

/// How requests are written.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) app_secret: Option<Secret>,
    pub(super) escape_slashes: bool,
    pub(super) sign_flow_token: bool,
}

impl Sealed {
    pub(super) fn new(
        key: &BusinessKey,
        writing: &Writing,
        message: &FlowMessage,
    ) -> Result<Self, PhoneError> {
        let session = SessionKey::generate().map_err(|_| PhoneError::Encryption)?;
        let token = message.token_to_sign().filter(|_| writing.sign_flow_token);
        let token_signature = match (token, &writing.app_secret) {
            (Some(token), Some(secret)) => Some(signature::of_flow_token(secret, token)),
            _ => None,
        };
        let plaintext = message
            .plaintext(token_signature.as_deref())
            .map_err(|_| PhoneError::Encryption)?;
        let flow_data = session
            .encrypt_request(&plaintext)
            .map_err(|_| PhoneError::Encryption)?;
        let aes_key = key.encrypt(&session).map_err(|_| PhoneError::Encryption)?;
        let body = envelope(&flow_data, &aes_key, session.iv(), writing.escape_slashes);
        let signature = writing
            .app_secret
            .as_ref()
            .map(|secret| signature::of_body(secret, body.as_bytes()));
        Ok(Self {
            body: body.into(),
            signature,
            session,
            expectation: message.expectation(),
        })
    }

    /// The body: a JSON object with the three encrypted members.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The value of `X-Hub-Signature-256`; `None` without an app secret.
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// Whether the message carries a Flow token; a ping does not.
    pub(crate) fn has_flow_token(&self) -> bool {
        !matches!(self.expectation, Expectation::Active)
    }

    /// What a body of status 200 holds, however its base64 is spelt, and what is wrong with the spelling.
    pub(crate) fn meant(&self, body: &[u8]) -> (Option<Spelling>, Result<Payload, ReplyFault>) {
        reply::meant(&self.session, self.expectation, body)
    }

    /// What an answer to this request means.
    pub fn read(&self, delivery: &Delivery) -> Outcome {
        reply::read(&self.session, self.expectation, delivery)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The members in the order in which WhatsApp sends them; base64 needs no other JSON escape than `\/`.
fn envelope(flow_data: &[u8], aes_key: &[u8], iv: &[u8], escape_slashes: bool) -> String {
    let body = format!(
        r#"{{"encrypted_flow_data":"{}","encrypted_aes_key":"{}","initial_vector":"{}"}}"#,
        BASE64.encode(flow_data),
        BASE64.encode(aes_key),
        BASE64.encode(iv),
    );
    if escape_slashes {
        body.replace('/', r"\/")
    } else {
        body
    }
}
