//! An encrypted and signed request, ready to send, with the key to read its response.

use std::fmt;

use bytes::Bytes;
use data_encoding::BASE64;

use crate::cipher::{BusinessKey, SessionKey};
use crate::client::PhoneError;
use crate::message::{Expectation, FlowMessage};
use crate::outcome::{Outcome, ResponseFault};
use crate::payload::Payload;
use crate::secret::Secret;
use crate::spelling::Spelling;
use crate::transport::HttpResponse;
use crate::{response, signature};

/// An encrypted request: its body, its signature, and the key to read the response.
///
/// For tests that modify a request: [`WhatsAppClient::encrypt`](crate::WhatsAppClient::encrypt) creates one,
/// [`WhatsAppClient::send_raw`](crate::WhatsAppClient::send_raw) sends any bytes, and
/// [`EncryptedRequest::read`] reads the response.
pub struct EncryptedRequest {
    body: Bytes,
    signature: Option<String>,
    session: SessionKey,
    expectation: Expectation,
}

/// The options for writing requests.
#[derive(Debug)]
pub(crate) struct Writing {
    pub(crate) app_secret: Option<Secret>,
    pub(crate) escape_slashes: bool,
    pub(crate) sign_flow_token: bool,
}

impl EncryptedRequest {
    pub(crate) fn new(
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

    /// Returns the body: a JSON object with the three encrypted members.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the value of `X-Hub-Signature-256`; `None` without an app secret.
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// Returns whether the message carries a Flow token; a ping does not.
    pub(crate) fn has_flow_token(&self) -> bool {
        !matches!(self.expectation, Expectation::Active)
    }

    /// Reads the body of a 200 response, even if its base64 is not in the required form; returns the
    /// deviation and the content.
    pub(crate) fn decode(&self, body: &[u8]) -> (Option<Spelling>, Result<Payload, ResponseFault>) {
        response::decode(&self.session, self.expectation, body)
    }

    /// Reads a response to this request.
    pub fn read(&self, response: &HttpResponse) -> Outcome {
        response::read(&self.session, self.expectation, response)
    }
}

impl fmt::Debug for EncryptedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedRequest")
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Writes the members in the order in which WhatsApp sends them. Base64 needs no JSON escapes; `\/` is
/// optional.
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
