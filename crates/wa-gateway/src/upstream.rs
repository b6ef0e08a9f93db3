//! The HTTP client of an endpoint's backend, which follows the upstream contract.

mod connector;
mod response;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;

use crate::config::Timeouts;
use connector::Client;
pub(crate) use connector::Connector;
pub(crate) use response::UpstreamResponse;

/// The header with the id of the exchange, as in the gateway's log.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-wa-request-id");
/// The header with the name of the endpoint that received the request.
pub const ENDPOINT_HEADER: HeaderName = HeaderName::from_static("x-wa-endpoint");
/// The header with the fingerprint of the key that decrypted the request: 64 hex digits.
pub const KEY_FINGERPRINT_HEADER: HeaderName = HeaderName::from_static("x-wa-key-fingerprint");
/// The header with the verdict on the request's `flow_token_signature`: `valid`, `absent` or `unchecked`.
pub const TOKEN_SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-wa-flow-token-signature");

/// Pause before the second and last attempt to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// All values of the metrics' label `outcome`.
pub(crate) const OUTCOMES: [&str; 10] = [
    "answered",
    "bad_schema",
    "token_invalid",
    "bad_status",
    "bad_json",
    "too_large",
    "broken",
    "unreachable",
    "timed_out",
    "abandoned",
];

/// A backend with its connection pool; clones share it.
#[derive(Clone)]
pub(crate) struct Upstream {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    uri: Uri,
    timeouts: Timeouts,
    body_limit: usize,
}

/// Why there is no response for the phone. It contains no text of the backend's response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("cannot connect to upstream")]
    Unreachable(#[source] ClientError),
    #[error("upstream closed the connection before its response was complete")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("upstream timed out after {} ms (upstream_timeout)", .0.as_millis())]
    TimedOut(Duration),
    #[error("upstream returned {0} (expected 200 or 427)")]
    Status(u16),
    #[error("the body of the upstream response has more than {0} bytes (limits.upstream_body)")]
    TooLarge(usize),
    #[error("upstream returned 200 with a body that is not a JSON object")]
    NotAnObject,
}

impl UpstreamError {
    /// Returns the outcome label for the metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Broken(_) => "broken",
            Self::TimedOut(_) => "timed_out",
            Self::Status(_) => "bad_status",
            Self::TooLarge(_) => "too_large",
            Self::NotAnObject => "bad_json",
        }
    }
}

impl Upstream {
    pub(crate) fn new(connector: Connector, timeouts: Timeouts, body_limit: usize) -> Self {
        let (client, uri) = connector.into_client(timeouts);
        Self {
            inner: Arc::new(Inner {
                client,
                uri,
                timeouts,
                body_limit,
            }),
        }
    }

    /// Posts a payload and reads the response. A failed attempt to connect is retried once, after a call of
    /// `on_retry`; a request is never sent twice.
    pub(crate) async fn post(
        &self,
        payload: Bytes,
        headers: HeaderMap,
        on_retry: impl Fn(),
    ) -> Result<UpstreamResponse, UpstreamError> {
        let total = self.inner.timeouts.total;
        let exchange = async {
            let response = self.send(payload, headers, on_retry).await?;
            self.read(response).await
        };
        tokio::time::timeout(total, exchange)
            .await
            .map_err(|_| UpstreamError::TimedOut(total))?
    }

    async fn send(
        &self,
        payload: Bytes,
        headers: HeaderMap,
        on_retry: impl Fn(),
    ) -> Result<Response<Incoming>, UpstreamError> {
        let first = self
            .inner
            .client
            .request(self.request(payload.clone(), headers.clone()))
            .await;
        let response = match first {
            Err(error) if error.is_connect() => {
                on_retry();
                tokio::time::sleep(RECONNECT_PAUSE).await;
                self.inner.client.request(self.request(payload, headers)).await
            }
            first => first,
        };
        response.map_err(|error| {
            if error.is_connect() {
                UpstreamError::Unreachable(error)
            } else {
                UpstreamError::Broken(error.into())
            }
        })
    }

    fn request(&self, payload: Bytes, mut headers: HeaderMap) -> Request<Full<Bytes>> {
        const AGENT: &str = concat!("wa-gateway/", env!("CARGO_PKG_VERSION"));
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json.clone());
        headers.insert(ACCEPT, json);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let mut request = Request::new(Full::new(payload));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.inner.uri.clone();
        *request.headers_mut() = headers;
        request
    }

    async fn read(&self, response: Response<Incoming>) -> Result<UpstreamResponse, UpstreamError> {
        let limit = self.inner.body_limit;
        let status = response.status();
        // The body is read for every status, so that the connection can be reused.
        let body = match Limited::new(response.into_body(), limit).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(UpstreamError::TooLarge(limit)),
            Err(error) => return Err(UpstreamError::Broken(error)),
        };
        UpstreamResponse::read(status, &body)
    }
}

/// Omits the URL, which may contain a token.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("host", &self.inner.uri.authority())
            .field("timeouts", &self.inner.timeouts)
            .finish_non_exhaustive()
    }
}
