//! What the application says to a request.

use std::error::Error;
use std::fmt;
use std::future::Future;

use http::Extensions;
use wa_keys::Fingerprint;

use crate::message::{ErrorNotice, FlowRequest, FlowResponse};
use crate::status::Refusal;
use crate::token::TokenVerdict;

/// Answers the requests of a Flow.
///
/// Every async function from [`FlowRequest`] to `Result<FlowResponse, HandlerError>` is a handler, and every closure that
/// gives a future of it. What a closure holds, it clones for each future. A type of one's own holds what it needs, and can
/// also say what happens on pings and error notifications, which are answered by default.
///
/// The future of a handler is dropped, wherever it waits, when its [deadline](crate::FlowEndpointBuilder::deadline) has
/// passed (504): `tokio::spawn` what must complete once it has begun. If the client leaves, the handler goes on in a task of
/// its own, until the deadline, so that a [repeat](crate::ReplayMemory) of the request gets its response.
///
/// ```
/// use serde_json::json;
/// use wa_flows::{Action, Exchange, FlowHandler, FlowRequest, FlowResponse, HandlerError};
///
/// struct Booking;
///
/// impl FlowHandler for Booking {
///     async fn handle(&self, request: FlowRequest, _: Exchange) -> Result<FlowResponse, HandlerError> {
///         match request.action() {
///             Action::Init => Ok(FlowResponse::screen("DATES", json!({"dates": ["2026-10-01"]}))),
///             _ => Ok(FlowResponse::token_invalid(Some("This offer is over.".to_owned()))),
///         }
///     }
/// }
///
/// let dates = std::sync::Arc::new(vec!["2026-10-01"]);
/// let closure = move |_: FlowRequest| {
///     let dates = dates.clone();
///     async move { Ok(FlowResponse::screen("DATES", json!({"dates": *dates}))) }
/// };
/// # fn handler(_: impl FlowHandler) {}
/// # handler(closure);
/// ```
pub trait FlowHandler: Send + Sync + 'static {
    /// Answers an `INIT`, `BACK` or `data_exchange`, or an action that this version does not know.
    fn handle(
        &self,
        request: FlowRequest,
        exchange: Exchange,
    ) -> impl Future<Output = Result<FlowResponse, HandlerError>> + Send;

    /// Answers Meta's health check; by default that the endpoint is active.
    fn ping(
        &self,
        request: FlowRequest,
        exchange: Exchange,
    ) -> impl Future<Output = Result<FlowResponse, HandlerError>> + Send {
        drop((request, exchange));
        async { Ok(FlowResponse::active()) }
    }

    /// Takes note of an error of the phone's; by default it is acknowledged.
    fn error_notification(
        &self,
        notice: ErrorNotice,
        request: FlowRequest,
        exchange: Exchange,
    ) -> impl Future<Output = Result<FlowResponse, HandlerError>> + Send {
        drop((notice, request, exchange));
        async { Ok(FlowResponse::acknowledged()) }
    }
}

impl<F, Fut> FlowHandler for F
where
    F: Fn(FlowRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<FlowResponse, HandlerError>> + Send,
{
    fn handle(
        &self,
        request: FlowRequest,
        _: Exchange,
    ) -> impl Future<Output = Result<FlowResponse, HandlerError>> + Send {
        self(request)
    }
}

/// The circumstances of an exchange; it holds no secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// The name of the exchange in logs.
    pub id: ExchangeId,
    /// The key that opened the request.
    pub key: Fingerprint,
    /// What is known of the request's `flow_token_signature`.
    pub token: TokenVerdict,
    /// What layers in front of the endpoint attached to the HTTP request.
    pub extensions: Extensions,
}

impl Exchange {
    /// An exchange that never was, to call a handler with in a test: its id is zero, its token unchecked, and nothing is
    /// attached to it.
    #[must_use]
    pub fn for_tests(key: Fingerprint) -> Self {
        Self {
            id: ExchangeId(0),
            key,
            token: TokenVerdict::Unchecked,
            extensions: Extensions::new(),
        }
    }
}

/// The name of an exchange in logs: 64 random bits, displayed as 16 lowercase hex digits.
///
/// Every client sees the id of its own exchange (`x-exchange-id`). It reveals neither other ids nor how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExchangeId(u64);

impl ExchangeId {
    pub(crate) fn random() -> Self {
        let mut id = [0; 8];
        // An id is a name, not a secret: if the system had no random numbers, exchanges would still be served.
        let _ = aws_lc_rs::rand::fill(&mut id);
        Self(u64::from_ne_bytes(id))
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A handler's failure: it is logged with the exchange's id, and the phone sees a status only.
///
/// Every error turns into one by `?`, boxed ones and anyhow's too: status 500, see [`failed`](HandlerError::failed). It is
/// logged as it prints itself, with its causes: let it quote nothing of the payload.
#[derive(Debug)]
pub struct HandlerError {
    kind: Kind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Failed,
    Unavailable,
    TimedOut,
}

impl HandlerError {
    /// The handler failed: status 500.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Failed,
            source: Some(error.into()),
        }
    }

    /// Something that the handler needs cannot be reached now: status 503.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Unavailable,
            source: Some(error.into()),
        }
    }

    /// Something that the handler needs did not answer in time: status 504.
    pub fn timed_out(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::TimedOut,
            source: Some(error.into()),
        }
    }

    /// The refusal that the phone gets.
    pub fn refusal(&self) -> Refusal {
        match self.kind {
            Kind::Failed => Refusal::HandlerFailed,
            Kind::Unavailable => Refusal::HandlerUnavailable,
            Kind::TimedOut => Refusal::HandlerTimedOut,
        }
    }

    /// The error and its causes in one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = String::new();
        let mut next = self.source.as_deref().map(|error| error as &dyn Error);
        while let Some(error) = next {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&error.to_string());
            next = error.source();
        }
        text
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn chain(answer: Result<(), HandlerError>) -> String {
        answer.unwrap_err().chain()
    }

    fn missing() -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::NotFound, "no such file")
    }

    #[test]
    fn any_error_becomes_the_handlers_by_a_question_mark() {
        assert_eq!(chain((|| Err(missing())?)()), "no such file");
        let boxed = || Err(Box::<dyn Error + Send + Sync>::from("of any kind"))?;
        assert_eq!(chain(boxed()), "of any kind");
        assert_eq!(chain((|| Err(anyhow::anyhow!("by anyhow"))?)()), "by anyhow");
        assert_eq!(chain((|| Err("in words")?)()), "in words");
        assert_eq!(chain((|| Err(HandlerError::timed_out("late"))?)()), "late");
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = Err::<(), _>(missing()).context("the dates cannot be read");
        assert_eq!(chain((|| Ok(error?))()), "the dates cannot be read: no such file");
    }
}
