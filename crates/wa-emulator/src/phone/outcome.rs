//! How an exchange ended, seen from the phone.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::payload::Payload;
use super::remedy;
use super::spelling::Spelling;
use super::transport::DeliveryFailure;

/// One exchange: how it ended, and what it took.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// How it ended.
    pub outcome: Outcome,
    /// How often the endpoint was called: 2 after a 421 that was tried again.
    pub attempts: u32,
    /// How long the last call took, from the first byte sent to the last one received.
    pub duration: Duration,
    /// What the endpoint calls the last exchange in its log, where it says so in `x-exchange-id`.
    pub exchange_id: Option<String>,
}

impl Exchange {
    /// Returns the remedy for a status that shows a failure; a reply that cannot be read names its own.
    ///
    /// A response that names its exchange came from the endpoint itself, any other may have come from a proxy.
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

/// How an exchange ended.
#[non_exhaustive]
pub enum Outcome {
    /// 200, and the answer could be read.
    Answered(Payload),
    /// 427: the Flow token is no longer valid; the client shows the message and disables the Flow's button.
    FlowTokenInvalid {
        /// The `error_msg`, if there was one.
        message: Option<String>,
        /// Whether the body was encrypted; plain JSON is what one of Meta's samples shows.
        encrypted: bool,
    },
    /// 421: the endpoint cannot decrypt, also not with the key fetched again.
    KeyRefused,
    /// 432: the endpoint does not accept the signature of the request.
    SignatureRefused,
    /// Any other status: a generic error on the phone.
    UnexpectedStatus(u16),
    /// 200, but the answer could not be read: a generic error on the phone.
    Unreadable(ReplyFault),
    /// No answer: a generic error on the phone.
    NoAnswer(DeliveryFailure),
}

impl Outcome {
    /// The answer, if there is one that could be read.
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Answered(payload) => Some(payload),
            _ => None,
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(payload) => f.debug_tuple("Answered").field(payload).finish(),
            Self::FlowTokenInvalid { message, encrypted } => f
                .debug_struct("FlowTokenInvalid")
                .field("message_bytes", &message.as_ref().map(String::len))
                .field("encrypted", encrypted)
                .finish(),
            Self::KeyRefused => f.write_str("KeyRefused"),
            Self::SignatureRefused => f.write_str("SignatureRefused"),
            Self::UnexpectedStatus(status) => f.debug_tuple("UnexpectedStatus").field(status).finish(),
            Self::Unreadable(fault) => f.debug_tuple("Unreadable").field(fault).finish(),
            Self::NoAnswer(failure) => f.debug_tuple("NoAnswer").field(failure).finish(),
        }
    }
}

/// What is wrong with an answer of status 200.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ReplyFault {
    /// The body is base64, but written otherwise than it has to be.
    #[error(transparent)]
    Spelling(Spelling),
    /// The body is JSON.
    #[error("the body is plain JSON: encrypt it and answer with base64")]
    NotEncrypted,
    /// The body is no base64 of any kind.
    #[error("the body is not base64: answer with the encrypted reply as base64 text")]
    NotBase64,
    /// The body is shorter than the tag alone.
    #[error("the body is shorter than the 16 bytes of the tag")]
    TooShort,
    /// The body was encrypted with the initial vector of the request as it is.
    #[error("the body is encrypted with the request's initial vector: invert every bit of it first")]
    UnflippedVector,
    /// The body was encrypted with another key or was changed.
    #[error("the body cannot be decrypted with the AES key of the request: the key or the bytes are others")]
    NotDecrypted,
    /// The plaintext is no JSON object.
    #[error("the decrypted body is not a JSON object")]
    NotJson,
    /// The plaintext is not what this message has to be answered with.
    #[error("the decrypted body is not the answer to this message: {wanted}")]
    Schema {
        /// What it has to have.
        wanted: &'static str,
        /// What came.
        payload: Payload,
    },
}
