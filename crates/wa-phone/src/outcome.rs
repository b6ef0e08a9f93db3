//! The outcome of an exchange from the phone's point of view.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::payload::Payload;
use crate::remedy;
use crate::spelling::Spelling;
use crate::transport::SendError;

/// One exchange: a request, its retry if there was one, and the outcome.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The outcome.
    pub outcome: Outcome,
    /// How many requests were sent: 2 if the first got a 421 and was retried.
    pub attempts: u32,
    /// The duration of the last request, from the first byte sent to the last one received.
    pub duration: Duration,
    /// The id of the last request in the endpoint's log, if the response has it in `x-exchange-id`.
    pub exchange_id: Option<String>,
}

impl Exchange {
    /// Returns the remedy for a status that indicates a failure; the fault of an unreadable response names
    /// its own.
    ///
    /// A response with an exchange id came from the endpoint itself; any other may have come from a proxy.
    pub fn remedy(&self) -> Option<&'static str> {
        let status = match &self.outcome {
            Outcome::KeyRefused => 421,
            Outcome::SignatureRefused => 432,
            Outcome::UnexpectedStatus(status) => *status,
            _ => return None,
        };
        remedy::of_status(status, self.exchange_id.is_some())
    }
}

/// The outcome of an exchange.
#[non_exhaustive]
pub enum Outcome {
    /// 200, and the response was decrypted and is valid.
    Response(Payload),
    /// 427: the Flow token is no longer valid; the client shows the message and disables the Flow's button.
    FlowTokenInvalid {
        /// The `error_msg`, if there was one.
        message: Option<String>,
        /// Whether the body was encrypted; one of Meta's samples shows plain JSON.
        encrypted: bool,
    },
    /// 421: the endpoint cannot decrypt, even after the key was fetched again.
    KeyRefused,
    /// 432: the endpoint does not accept the signature of the request.
    SignatureRefused,
    /// Any other status: a generic error on the phone.
    UnexpectedStatus(u16),
    /// 200, but the response cannot be read: a generic error on the phone.
    Unreadable(ResponseFault),
    /// No response: a generic error on the phone.
    NoResponse(SendError),
}

impl Outcome {
    /// Returns the decrypted response, if there is one.
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Response(payload) => Some(payload),
            _ => None,
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(payload) => f.debug_tuple("Response").field(payload).finish(),
            Self::FlowTokenInvalid { message, encrypted } => f
                .debug_struct("FlowTokenInvalid")
                .field("message_bytes", &message.as_ref().map(String::len))
                .field("encrypted", encrypted)
                .finish(),
            Self::KeyRefused => f.write_str("KeyRefused"),
            Self::SignatureRefused => f.write_str("SignatureRefused"),
            Self::UnexpectedStatus(status) => f.debug_tuple("UnexpectedStatus").field(status).finish(),
            Self::Unreadable(fault) => f.debug_tuple("Unreadable").field(fault).finish(),
            Self::NoResponse(failure) => f.debug_tuple("NoResponse").field(failure).finish(),
        }
    }
}

/// A fault in a response of status 200.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ResponseFault {
    /// The body is base64, but not in the required form.
    #[error(transparent)]
    Spelling(Spelling),
    /// The body is JSON.
    #[error("the body is plain JSON: encrypt it and return base64")]
    NotEncrypted,
    /// The body is not base64 of any kind.
    #[error("the body is not base64: return the encrypted response as base64 text")]
    NotBase64,
    /// The body is shorter than the GCM tag.
    #[error("the body is shorter than the 16 bytes of the tag")]
    TooShort,
    /// The body was encrypted with the unmodified initial vector of the request.
    #[error("the body is encrypted with the request's initial vector: invert every bit of it first")]
    UnflippedVector,
    /// The body was encrypted with another key, or was modified.
    #[error("the body cannot be decrypted with the AES key of the request: the key or the bytes differ")]
    NotDecrypted,
    /// The plaintext is not a JSON object.
    #[error("the decrypted body is not a JSON object")]
    NotJson,
    /// The plaintext is not a valid response to this message.
    #[error("the decrypted body is not the response to this message: {wanted}")]
    Schema {
        /// The required shape.
        wanted: &'static str,
        /// The decrypted response.
        payload: Payload,
    },
}
