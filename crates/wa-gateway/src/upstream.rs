//! The backend behind an endpoint: plain JSON by HTTP, in the way that the upstream contract says.

mod answer;
mod connector;

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
pub(crate) use answer::Answer;
use connector::Client;
pub(crate) use connector::Connector;

/// The name of the exchange in the gateway's logs.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-wa-request-id");
/// The name of the endpoint that the request came to.
pub const ENDPOINT_HEADER: HeaderName = HeaderName::from_static("x-wa-endpoint");
/// The fingerprint of the key that opened the request: 64 hex digits.
pub const KEY_FINGERPRINT_HEADER: HeaderName = HeaderName::from_static("x-wa-key-fingerprint");
/// What is known of the request's `flow_token_signature`: `valid`, `absent` or `unchecked`.
pub const TOKEN_SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-wa-flow-token-signature");

/// How long to wait before the one further attempt to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// Everything that can come of a request, for metrics.
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

/// A backend, with its connections.
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

/// Why a backend gave no answer that can be sent on. No text of an answer is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("the upstream cannot be connected to")]
    Unreachable(#[source] ClientError),
    #[error("the upstream closed the connection before it had answered")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the upstream did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("the upstream answered {0}; it must answer 200, or 427 for a flow token that is no longer valid")]
    Status(u16),
    #[error("the upstream answered more than {0} bytes (limits.upstream_body)")]
    TooLarge(usize),
    #[error("the upstream answered 200 with a body that is not one JSON object")]
    NotAnObject,
}

impl UpstreamError {
    /// The error in one word, for metrics.
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

    /// Posts a payload and reads the answer. A connection that cannot be made is tried once more, which `on_retry` is told;
    /// nothing is ever sent twice.
    pub(crate) async fn post(
        &self,
        payload: Bytes,
        headers: HeaderMap,
        on_retry: impl Fn(),
    ) -> Result<Answer, UpstreamError> {
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

    async fn read(&self, response: Response<Incoming>) -> Result<Answer, UpstreamError> {
        let limit = self.inner.body_limit;
        let status = response.status();
        // The body is read whatever the status, so that the connection can be used again.
        let body = match Limited::new(response.into_body(), limit).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(UpstreamError::TooLarge(limit)),
            Err(error) => return Err(UpstreamError::Broken(error)),
        };
        Answer::read(status, &body)
    }
}

/// Without its URL, which may hold a token.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("host", &self.inner.uri.authority())
            .field("timeouts", &self.inner.timeouts)
            .finish_non_exhaustive()
    }
}
