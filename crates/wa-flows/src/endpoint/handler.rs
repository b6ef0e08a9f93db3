//! The handler: the application's part of the endpoint.

use std::error::Error;
use std::future::Future;

use http::Extensions;
use wa_keys::Fingerprint;

use crate::endpoint::{ExchangeId, TraceContext};
use crate::message::{ErrorNotification, FlowRequest, FlowResponse};
use crate::status::Refusal;
use crate::token::TokenVerdict;

/// Answers the requests of a Flow.
///
/// Every async function from [`FlowRequest`] to `Result<FlowResponse, HandlerError>` is a handler, and so is
/// every closure that returns such a future; the closure clones what each future needs. Implement the trait
/// for a type of your own to hold state, or to handle pings and error notifications, which have default
/// implementations.
///
/// At its [deadline](crate::FlowEndpointBuilder::deadline) the handler's future is dropped at the `.await`
/// where it is, and the client gets 504: use `tokio::spawn` for work that must complete once started. If the
/// client disconnects, the handler continues in a task until the deadline, so that a
/// [repeat](crate::ReplayMemory) of the request gets its response.
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
    /// Answers an `INIT`, `BACK` or `data_exchange`, or an action that this version of the crate does not
    /// know.
    fn handle(
        &self,
        request: FlowRequest,
        exchange: Exchange,
    ) -> impl Future<Output = Result<FlowResponse, HandlerError>> + Send;

    /// Answers Meta's health check; by default with [`FlowResponse::active`].
    fn ping(
        &self,
        request: FlowRequest,
        exchange: Exchange,
    ) -> impl Future<Output = Result<FlowResponse, HandlerError>> + Send {
        drop((request, exchange));
        async { Ok(FlowResponse::active()) }
    }

    /// Receives an error notification of a phone; by default it is acknowledged.
    fn error_notification(
        &self,
        notification: ErrorNotification,
        request: FlowRequest,
        exchange: Exchange,
    ) -> impl Future<Output = Result<FlowResponse, HandlerError>> + Send {
        drop((notification, request, exchange));
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

/// The context of an exchange, passed to the handler with the request; it contains no secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// Identifies the exchange in logs.
    pub id: ExchangeId,
    /// The key that decrypted the request.
    pub key: Fingerprint,
    /// The result of the check of the request's `flow_token_signature`.
    pub token: TokenVerdict,
    /// The trace that the request belongs to, if the client sent one.
    pub trace: Option<TraceContext>,
    /// The extensions of the HTTP request, as set by layers in front of the endpoint.
    pub extensions: Extensions,
}

impl Exchange {
    /// Creates an exchange to call a handler with in a test: its id is zero, its token unchecked, without
    /// trace and extensions.
    #[must_use]
    pub fn for_tests(key: Fingerprint) -> Self {
        Self {
            id: ExchangeId::ZERO,
            key,
            token: TokenVerdict::Unchecked,
            trace: None,
            extensions: Extensions::new(),
        }
    }
}

/// An error of a handler. It is logged with the id of the exchange; the phone gets only a status.
///
/// The operator `?` converts every error into one with status 500 (see [`failed`](HandlerError::failed)),
/// including boxed errors and those of anyhow. The error and its causes are logged with `Display`, so they
/// must not quote the payload. For invalid input of the user, return a response with an [error
/// message](FlowResponse::error_message) instead.
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
    /// Returns an error with status 500: the handler failed.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Failed,
            source: Some(error.into()),
        }
    }

    /// Returns an error with status 503: a service that the handler needs cannot be reached.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Unavailable,
            source: Some(error.into()),
        }
    }

    /// Returns an error with status 504: a service that the handler needs did not respond in time.
    pub fn timed_out(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::TimedOut,
            source: Some(error.into()),
        }
    }

    /// Returns the refusal that determines the status.
    pub fn refusal(&self) -> Refusal {
        match self.kind {
            Kind::Failed => Refusal::HandlerFailed,
            Kind::Unavailable => Refusal::HandlerUnavailable,
            Kind::TimedOut => Refusal::HandlerTimedOut,
        }
    }

    /// Returns the error and its causes in one line.
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
    fn the_question_mark_converts_any_error() {
        assert_eq!(chain((|| Err(missing())?)()), "no such file");
        let boxed = || Err(Box::<dyn Error + Send + Sync>::from("of any kind"))?;
        assert_eq!(chain(boxed()), "of any kind");
        assert_eq!(chain((|| Err(anyhow::anyhow!("by anyhow"))?)()), "by anyhow");
        assert_eq!(chain((|| Err("in words")?)()), "in words");
        assert_eq!(chain((|| Err(HandlerError::timed_out("late"))?)()), "late");
    }

    #[test]
    fn the_chain_lists_the_causes() {
        let error = Err::<(), _>(missing()).context("the dates cannot be read");
        assert_eq!(chain((|| Ok(error?))()), "the dates cannot be read: no such file");
    }
}
