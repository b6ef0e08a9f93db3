//! The reasons for which requests are refused, and their HTTP statuses.

use std::borrow::Cow;

use http::StatusCode;

use crate::envelope::NoEnvelope;
use crate::message::NotAFlowRequest;
use crate::ring::OpenError;
use crate::signature::BadSignature;
use crate::token::BadTokenSignature;

/// The status if the Flow token is no longer valid.
pub(crate) const TOKEN_INVALID: StatusCode = unregistered(427);
/// The status if the signature is not valid.
const BAD_SIGNATURE: StatusCode = unregistered(432);

/// The status in logs if the client disconnected, as in nginx; it is never sent.
const CLIENT_LEFT: StatusCode = unregistered(499);

/// Returns a status that is not in the registry of HTTP.
const fn unregistered(code: u16) -> StatusCode {
    match StatusCode::from_u16(code) {
        Ok(status) => status,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// The reason why an endpoint refuses a request. The client gets only the [`status`](Refusal::status), with
/// an empty body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The method is not POST.
    #[error("the method is not POST")]
    MethodNotAllowed,
    /// The content type is not JSON.
    #[error("the content type is not application/json")]
    UnsupportedMediaType,
    /// The body is longer than the limit.
    #[error("the body is longer than the limit")]
    BodyTooLarge,
    /// The body ended before it was complete.
    #[error("the body ended before it was complete")]
    BodyBroken,
    /// The body did not arrive in time, or was evicted by newer ones.
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    /// `X-Hub-Signature-256` is missing or wrong.
    #[error("the request is not signed with one of the app secrets")]
    BadSignature,
    /// `flow_token_signature` is missing or wrong.
    #[error("the flow_token_signature is missing or wrong")]
    BadTokenSignature,
    /// A request with the same key and IV was answered before.
    #[error("a request with the same key and IV was answered before")]
    Replayed,
    /// The body is not an envelope.
    #[error("the body is not a Flows envelope")]
    NoEnvelope,
    /// No key of the ring decrypts the envelope.
    #[error("the request cannot be decrypted with any key of the ring")]
    Undecryptable,
    /// The decrypted payload is not a Flow request.
    #[error("the decrypted payload is not a Flow request")]
    NotAFlowRequest,
    /// More requests are in flight than can be answered in time.
    #[error("the endpoint is overloaded")]
    Overloaded,
    /// The handler returned [`HandlerError::unavailable`](crate::HandlerError::unavailable).
    #[error("the handler is unavailable")]
    HandlerUnavailable,
    /// The handler failed, or its response cannot be sent.
    #[error("the handler failed")]
    HandlerFailed,
    /// The handler did not respond before the deadline.
    #[error("the handler did not respond in time")]
    HandlerTimedOut,
    /// The client disconnected before the response: only for logs and metrics.
    #[error("the client disconnected before the response")]
    ClientLeft,
}

impl Refusal {
    /// All refusals, in the order of the steps of an exchange.
    pub const ALL: [Self; 16] = [
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::BodyTooLarge,
        Self::BodyBroken,
        Self::BodyTooSlow,
        Self::BadSignature,
        Self::BadTokenSignature,
        Self::Replayed,
        Self::NoEnvelope,
        Self::Undecryptable,
        Self::NotAFlowRequest,
        Self::Overloaded,
        Self::HandlerUnavailable,
        Self::HandlerFailed,
        Self::HandlerTimedOut,
        Self::ClientLeft,
    ];

    /// Returns the HTTP status (Meta, *Implementing endpoints for Flows*, "Endpoint response HTTP codes"; RFC
    /// 9110 §15 for those that Meta does not name).
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoEnvelope | Self::NotAFlowRequest | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Undecryptable => StatusCode::MISDIRECTED_REQUEST,
            Self::BadSignature | Self::BadTokenSignature | Self::Replayed => BAD_SIGNATURE,
            Self::HandlerFailed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded | Self::HandlerUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::HandlerTimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::ClientLeft => CLIENT_LEFT,
        }
    }

    /// Returns what the operator of the endpoint can do about it; `None` if the client caused it and nothing
    /// is wrong with the endpoint.
    #[must_use]
    pub fn remedy(self) -> Option<Cow<'static, str>> {
        let remedy = match self {
            Self::MethodNotAllowed | Self::UnsupportedMediaType | Self::BodyBroken | Self::ClientLeft => {
                return None;
            }
            Self::BodyTooLarge => "raise body_limit if WhatsApp sends bodies of this size",
            Self::BodyTooSlow => {
                "check the network and the proxy: WhatsApp sends the body together with the head"
            }
            Self::BadSignature => return BadSignature.remedy(),
            Self::BadTokenSignature => return BadTokenSignature.remedy(),
            Self::Replayed => "check whether a proxy retries requests too late, or at another process",
            Self::NoEnvelope => "check whether another webhook of the Meta app uses this URL",
            Self::Undecryptable => return OpenError::Undecryptable.remedy(),
            Self::NotAFlowRequest => {
                "check which client sends it: it is encrypted with your key, but not by WhatsApp"
            }
            Self::Overloaded => "add cores, make the handler faster, or raise max_in_flight",
            Self::HandlerUnavailable => "check the service that the handler needs",
            Self::HandlerFailed => "see the log line of the handler with the same id",
            Self::HandlerTimedOut => "make the handler faster: WhatsApp gives up after 10 seconds",
        };
        Some(Cow::Borrowed(remedy))
    }

    /// Returns the refusal as a word from a closed set, for logs and metric labels.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyBroken => "body_broken",
            Self::BodyTooSlow => "body_too_slow",
            Self::BadSignature => "bad_signature",
            Self::BadTokenSignature => "bad_token_signature",
            Self::Replayed => "replayed",
            Self::NoEnvelope => "no_envelope",
            Self::Undecryptable => "undecryptable",
            Self::NotAFlowRequest => "not_a_flow_request",
            Self::Overloaded => "overloaded",
            Self::HandlerUnavailable => "handler_unavailable",
            Self::HandlerFailed => "handler_failed",
            Self::HandlerTimedOut => "handler_timed_out",
            Self::ClientLeft => "client_left",
        }
    }
}

impl From<BadSignature> for Refusal {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

impl From<BadTokenSignature> for Refusal {
    fn from(_: BadTokenSignature) -> Self {
        Self::BadTokenSignature
    }
}

impl From<NoEnvelope> for Refusal {
    fn from(_: NoEnvelope) -> Self {
        Self::NoEnvelope
    }
}

impl From<NotAFlowRequest> for Refusal {
    fn from(_: NotAFlowRequest) -> Self {
        Self::NotAFlowRequest
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NoEnvelope => Self::NoEnvelope,
            OpenError::Undecryptable => Self::Undecryptable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_the_documented_status() {
        let expected = [
            (Refusal::MethodNotAllowed, 405),
            (Refusal::UnsupportedMediaType, 415),
            (Refusal::BodyTooLarge, 413),
            (Refusal::BodyBroken, 400),
            (Refusal::BodyTooSlow, 408),
            (Refusal::BadSignature, 432),
            (Refusal::BadTokenSignature, 432),
            (Refusal::Replayed, 432),
            (Refusal::NoEnvelope, 400),
            (Refusal::Undecryptable, 421),
            (Refusal::NotAFlowRequest, 400),
            (Refusal::Overloaded, 503),
            (Refusal::HandlerUnavailable, 503),
            (Refusal::HandlerFailed, 500),
            (Refusal::HandlerTimedOut, 504),
            (Refusal::ClientLeft, 499),
        ];
        for (refusal, status) in expected {
            assert_eq!(refusal.status().as_u16(), status, "{refusal:?}");
        }
        assert_eq!(TOKEN_INVALID.as_u16(), 427);
    }
}
