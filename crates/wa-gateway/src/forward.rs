//! The handler of decrypted requests: forwards them to the backend.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use wa_flows::{
    ErrorNotification, Exchange, FlowHandler, FlowRequest, FlowResponse, HandlerError, TraceContext,
};

use crate::config::HandledBy;
use crate::metrics::EndpointMetrics;
use crate::upstream::{
    ENDPOINT_HEADER, KEY_FINGERPRINT_HEADER, REQUEST_ID_HEADER, TOKEN_SIGNATURE_HEADER, Upstream,
    UpstreamError, UpstreamResponse,
};

/// Forwards the requests of an endpoint to its backend.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    pub(crate) upstream: Upstream,
    pub(crate) metrics: EndpointMetrics,
    /// The name of the endpoint, sent to the backend.
    pub(crate) name: HeaderValue,
    pub(crate) ping: HandledBy,
    pub(crate) error_notifications: HandledBy,
}

impl FlowHandler for Forward {
    async fn handle(&self, request: FlowRequest, exchange: Exchange) -> Result<FlowResponse, HandlerError> {
        let expects_screen = request.expects_screen();
        let read = |response: UpstreamResponse| response.into_flow_response(expects_screen);
        self.post(&request, &exchange, read).await.map_err(handler_error)
    }

    async fn ping(&self, request: FlowRequest, exchange: Exchange) -> Result<FlowResponse, HandlerError> {
        if self.ping == HandledBy::Upstream {
            self.notify(&request, &exchange).await?;
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
        if self.error_notifications == HandledBy::Upstream {
            self.notify(&request, &exchange).await?;
        }
        Ok(FlowResponse::acknowledged())
    }
}

impl Forward {
    /// Posts a request for which any 2xx response is enough.
    async fn notify(&self, request: &FlowRequest, exchange: &Exchange) -> Result<(), HandlerError> {
        let read = |response: UpstreamResponse| {
            let outcome = response.label();
            Ok((response, outcome))
        };
        match self.post(request, exchange, read).await {
            // The body does not matter.
            Ok(UpstreamResponse::Object(_) | UpstreamResponse::Success(_))
            | Err(UpstreamError::NotAnObject) => Ok(()),
            Ok(UpstreamResponse::TokenInvalid(_)) => Err(handler_error(UpstreamError::Status(427))),
            Err(error) => Err(handler_error(error)),
        }
    }

    /// Posts a request and reads the response; `read` also returns the outcome for the metrics.
    async fn post<T>(
        &self,
        request: &FlowRequest,
        exchange: &Exchange,
        read: impl FnOnce(UpstreamResponse) -> Result<(T, &'static str), UpstreamError>,
    ) -> Result<T, UpstreamError> {
        let payload = Bytes::copy_from_slice(request.expose_payload());
        let mut measurement = Measurement {
            metrics: &self.metrics,
            started: Instant::now(),
            outcome: "abandoned",
        };
        let response = self
            .upstream
            .post(payload, self.headers(exchange), || self.metrics.upstream_retry())
            .await;
        let read = response.and_then(read);
        measurement.outcome = read
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
            // Both consist of hex digits, so the conversion cannot fail.
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
        headers.insert(
            TOKEN_SIGNATURE_HEADER,
            HeaderValue::from_static(exchange.token.as_str()),
        );
        headers.insert(ENDPOINT_HEADER, self.name.clone());
        headers.extend(exchange.trace.iter().flat_map(TraceContext::headers));
        headers
    }
}

/// Records a request to the backend when dropped, so that abandoned requests are counted too.
struct Measurement<'a> {
    metrics: &'a EndpointMetrics,
    started: Instant,
    outcome: &'static str,
}

impl Drop for Measurement<'_> {
    fn drop(&mut self) {
        self.metrics.upstream(self.outcome, self.started.elapsed());
    }
}

/// Returns the error for 503 if the backend was unreachable, 504 if it timed out, and 500 otherwise.
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
