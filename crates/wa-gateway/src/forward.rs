//! What the gateway does with a decrypted request: hands it to the backend.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use wa_flows::{ErrorNotification, Exchange, FlowHandler, FlowRequest, FlowResponse, HandlerError};

use crate::config::AnsweredBy;
use crate::metrics::EndpointMetrics;
use crate::upstream::{
    Answer, ENDPOINT_HEADER, KEY_FINGERPRINT_HEADER, REQUEST_ID_HEADER, TOKEN_SIGNATURE_HEADER, Upstream,
    UpstreamError,
};

/// Answers an endpoint's requests by asking its backend.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    pub(crate) upstream: Upstream,
    pub(crate) metrics: EndpointMetrics,
    /// The endpoint's name, for the backend.
    pub(crate) name: HeaderValue,
    pub(crate) ping: AnsweredBy,
    pub(crate) error_notices: AnsweredBy,
}

impl FlowHandler for Forward {
    async fn handle(&self, request: FlowRequest, exchange: Exchange) -> Result<FlowResponse, HandlerError> {
        let expects_screen = request.expects_screen();
        self.ask(&request, &exchange, |answer| answer.into_response(expects_screen))
            .await
            .map_err(handler_error)
    }

    async fn ping(&self, request: FlowRequest, exchange: Exchange) -> Result<FlowResponse, HandlerError> {
        if self.ping == AnsweredBy::Upstream {
            self.tell(&request, &exchange).await?;
        }
        Ok(FlowResponse::active())
    }

    async fn error_notification(
        &self,
        notification: ErrorNotification,
        request: FlowRequest,
        exchange: Exchange,
    ) -> Result<FlowResponse, HandlerError> {
        self.metrics.error_notification(notification.label());
        if self.error_notices == AnsweredBy::Upstream {
            self.tell(&request, &exchange).await?;
        }
        Ok(FlowResponse::acknowledged())
    }
}

impl Forward {
    /// Posts what needs no answer but a 2xx.
    async fn tell(&self, request: &FlowRequest, exchange: &Exchange) -> Result<(), HandlerError> {
        let read = |answer: Answer| {
            let outcome = answer.label();
            Ok((answer, outcome))
        };
        match self.ask(request, exchange, read).await {
            // Any body will do.
            Ok(Answer::Reply(_) | Answer::Accepted(_)) | Err(UpstreamError::NotAnObject) => Ok(()),
            Ok(Answer::TokenInvalid(_)) => Err(handler_error(UpstreamError::Status(427))),
            Err(error) => Err(handler_error(error)),
        }
    }

    /// Posts a request and reads the response; `read` returns its outcome too, for the metrics.
    async fn ask<T>(
        &self,
        request: &FlowRequest,
        exchange: &Exchange,
        read: impl FnOnce(Answer) -> Result<(T, &'static str), UpstreamError>,
    ) -> Result<T, UpstreamError> {
        let payload = Bytes::copy_from_slice(request.expose_payload());
        let mut measured = Measured {
            metrics: &self.metrics,
            started: Instant::now(),
            outcome: "abandoned",
        };
        let answer = self
            .upstream
            .post(payload, self.headers(exchange), || self.metrics.upstream_retry())
            .await;
        let read = answer.and_then(read);
        measured.outcome = read
            .as_ref()
            .map_or_else(UpstreamError::label, |(_, outcome)| outcome);
        read.map(|(value, _)| value)
    }

    fn headers(&self, exchange: &Exchange) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        let texts = [
            (REQUEST_ID_HEADER, exchange.id.to_string()),
            (KEY_FINGERPRINT_HEADER, exchange.key.to_string()),
        ];
        for (name, text) in texts {
            // Both are hex digits.
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
        headers.insert(
            TOKEN_SIGNATURE_HEADER,
            HeaderValue::from_static(exchange.token.as_str()),
        );
        headers.insert(ENDPOINT_HEADER, self.name.clone());
        headers
    }
}

/// Counts a request to the backend when it is over, also when the client leaves before.
struct Measured<'a> {
    metrics: &'a EndpointMetrics,
    started: Instant,
    outcome: &'static str,
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        self.metrics.upstream(self.outcome, self.started.elapsed());
    }
}

/// 503 if the backend was not reached, 504 if it was late, else 500.
fn handler_error(error: UpstreamError) -> HandlerError {
    match error {
        UpstreamError::Unreachable(_) => HandlerError::unavailable(error),
        UpstreamError::TimedOut(_) => HandlerError::timed_out(error),
        UpstreamError::Broken(_)
        | UpstreamError::Status(_)
        | UpstreamError::TooLarge(_)
        | UpstreamError::NotAnObject => HandlerError::failed(error),
    }
}
