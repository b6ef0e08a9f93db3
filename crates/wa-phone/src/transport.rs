//! The HTTP client of the phone.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, HttpInfo};
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use crate::classify::classify;

/// The most bytes of a response: a payload of 1 MB as base64, with a margin.
const MAX_RESPONSE: usize = 2 * 1024 * 1024;
/// The `User-Agent`: some firewalls refuse requests without one.
const NAME: &str = concat!("wa-phone/", env!("CARGO_PKG_VERSION"));
const EXCHANGE_ID: HeaderName = HeaderName::from_static("x-exchange-id");
/// The most characters that are kept of an exchange id, which is untrusted input.
const LONGEST_ID: usize = 64;

/// A response of an endpoint. `Debug` shows only the length of the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`, if there is one.
    pub content_type: Option<String>,
    /// The id of the exchange in the endpoint's log, if the response has it in `x-exchange-id`.
    pub exchange_id: Option<String>,
    /// The received body.
    pub body: Bytes,
    /// The time from the first byte sent to the last one received.
    pub duration: Duration,
    /// The local address, which identifies the connection.
    pub(crate) connection: Option<SocketAddr>,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("exchange_id", &self.exchange_id)
            .field("body_length", &self.body.len())
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

/// The reason why no response arrived.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The request timed out; WhatsApp's timeout is ten seconds.
    #[error("no response within {} ms", limit.as_millis())]
    TimedOut {
        /// The timeout.
        limit: Duration,
    },
    /// The response is larger than a Flow's data may be.
    #[error("the response is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The certificate is not one that clients accept.
    #[error("the certificate is not trusted: {reason}")]
    Certificate {
        /// The fault.
        reason: &'static str,
        /// The remedy.
        remedy: Option<&'static str>,
        /// The TLS library's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The server was reached, but the TLS handshake failed.
    #[error("the TLS handshake failed: {reason}")]
    Tls {
        /// The cause.
        reason: &'static str,
        /// The remedy.
        remedy: &'static str,
        /// The TLS library's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The server does not speak HTTP.
    #[error("the server does not speak {spoken}")]
    NotHttp {
        /// The protocol that was used.
        spoken: &'static str,
        /// The remedy.
        remedy: &'static str,
        /// The HTTP library's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// No connection could be made.
    #[error("cannot connect")]
    Connection {
        /// The cause.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The endpoint accepted the connection and closed it before a whole response had arrived.
    #[error("the endpoint closed the connection without a response")]
    Closed {
        /// The cause.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl SendError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        self.fixed_remedy().map(Cow::Borrowed)
    }

    pub(crate) fn fixed_remedy(&self) -> Option<&'static str> {
        match self {
            Self::TimedOut { .. } => Some("respond sooner: WhatsApp waits ten seconds"),
            Self::TooLarge { .. } => Some("send less: a Flow's data has at most 1 MB"),
            Self::Certificate { remedy, .. } => *remedy,
            Self::Tls { remedy, .. } | Self::NotHttp { remedy, .. } => Some(remedy),
            Self::Connection { .. } => {
                Some("check that the address is correct and that a server listens on it")
            }
            Self::Closed { .. } => Some("check the endpoint's log for a crash"),
        }
    }
}

/// An HTTP client with a connection pool.
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

impl Http {
    pub(crate) fn new(roots: RootCertStore, timeout: Duration) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // Nagle's algorithm would add its delay to the measured latency.
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            timeout,
        })
    }

    pub(crate) async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<HttpResponse, SendError> {
        request
            .headers_mut()
            .insert(USER_AGENT, HeaderValue::from_static(NAME));
        let begun = Instant::now();
        let result = tokio::time::timeout(self.timeout, self.exchange(request, begun)).await;
        result.unwrap_or(Err(SendError::TimedOut { limit: self.timeout }))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        begun: Instant,
    ) -> Result<HttpResponse, SendError> {
        let is_https = request.uri().scheme_str() == Some("https");
        let response = self.client.request(request).await;
        let response = response.map_err(|error| classify(error.into(), is_https))?;
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, MAX_RESPONSE).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(SendError::TooLarge { limit: MAX_RESPONSE });
            }
            Err(source) => return Err(SendError::Closed { source }),
        };
        let content_type = head.headers.get(CONTENT_TYPE);
        let exchange_id = head
            .headers
            .get(EXCHANGE_ID)
            .and_then(|value| value.to_str().ok());
        Ok(HttpResponse {
            status: head.status.as_u16(),
            content_type: content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            exchange_id: exchange_id.map(|id| id.chars().take(LONGEST_ID).collect()),
            body,
            duration: begun.elapsed(),
            connection: head.extensions.get::<HttpInfo>().map(HttpInfo::local_addr),
        })
    }
}

/// Returns the system's certificate authorities and the extra ones.
pub(crate) fn roots(
    system: bool,
    extra: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    if system {
        // Certificates that cannot be parsed are ignored, as every client does.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for certificate in extra {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// Returns whether the host is this machine, so that a token may be sent unencrypted.
pub(crate) fn is_loopback(uri: &Uri) -> bool {
    let host = uri
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
