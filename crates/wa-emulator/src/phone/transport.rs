//! The one place of the phone side that speaks HTTP.

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

use super::unreachable;

/// The most bytes of an answer: a payload of 1 MB, encoded, with a margin.
const MAX_ANSWER: usize = 2 * 1024 * 1024;
/// Firewalls refuse requests without a name; another's name would be a lie.
const NAME: &str = concat!("wa-emulator/", env!("CARGO_PKG_VERSION"));
const EXCHANGE_ID: HeaderName = HeaderName::from_static("x-exchange-id");
/// The most that is kept of an id of somebody else's.
const LONGEST_ID: usize = 64;

/// What an endpoint answered. `Debug` shows the length of the body only.
#[derive(Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`, if there was one.
    pub content_type: Option<String>,
    /// What the endpoint calls the exchange in its log, where it says so in `x-exchange-id`.
    pub exchange_id: Option<String>,
    /// The body as it came.
    pub body: Bytes,
    /// From the first byte sent to the last one received.
    pub duration: Duration,
    /// This end of the connection, which tells one connection from another.
    pub(crate) connection: Option<SocketAddr>,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("exchange_id", &self.exchange_id)
            .field("body_length", &self.body.len())
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

/// Why no answer came.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeliveryFailure {
    /// The time is up; WhatsApp gives up after ten seconds.
    #[error("no answer within {} ms: answer sooner, WhatsApp waits ten seconds", limit.as_millis())]
    TimedOut {
        /// How long was waited.
        limit: Duration,
    },
    /// The answer is larger than a Flow's data may be.
    #[error("the answer is larger than {limit} bytes: a Flow's data has at most 1 MB")]
    TooLarge {
        /// The bound that was passed.
        limit: usize,
    },
    /// The certificate is not one that a client accepts.
    #[error("the certificate does not hold: {reason}")]
    Certificate {
        /// What is wrong with it, and what to do.
        reason: &'static str,
        /// What the TLS library said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// There is something, but TLS could not be agreed on.
    #[error("no TLS session could be made: {reason}")]
    Tls {
        /// Why not, and what to do.
        reason: &'static str,
        /// What the TLS library said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// What answered is not HTTP.
    #[error("what answers does not speak {spoken}: {remedy}")]
    NotHttp {
        /// What was tried.
        spoken: &'static str,
        /// What to do.
        remedy: &'static str,
        /// What the HTTP library said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// No connection could be made.
    #[error("no connection could be made: check that the address is right and served")]
    Connection {
        /// What happened.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The endpoint accepted the connection and closed it before a whole response had arrived.
    #[error("the endpoint closed the connection without a response")]
    Closed {
        /// What happened.
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// A client with a pool of connections.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

impl Http {
    pub(super) fn new(roots: RootCertStore, timeout: Duration) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // What is measured is the endpoint, not the wait of the system for more to send.
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

    pub(super) async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Delivery, DeliveryFailure> {
        request
            .headers_mut()
            .insert(USER_AGENT, HeaderValue::from_static(NAME));
        let begun = Instant::now();
        let answer = tokio::time::timeout(self.timeout, self.answer(request, begun)).await;
        answer.unwrap_or(Err(DeliveryFailure::TimedOut { limit: self.timeout }))
    }

    async fn answer(
        &self,
        request: Request<Full<Bytes>>,
        begun: Instant,
    ) -> Result<Delivery, DeliveryFailure> {
        let is_https = request.uri().scheme_str() == Some("https");
        let response = self.client.request(request).await;
        let response = response.map_err(|error| unreachable::told_apart(error.into(), is_https))?;
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, MAX_ANSWER).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(DeliveryFailure::TooLarge { limit: MAX_ANSWER });
            }
            Err(source) => return Err(DeliveryFailure::Closed { source }),
        };
        let content_type = head.headers.get(CONTENT_TYPE);
        let exchange_id = head
            .headers
            .get(EXCHANGE_ID)
            .and_then(|value| value.to_str().ok());
        Ok(Delivery {
            status: head.status.as_u16(),
            content_type: content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            exchange_id: exchange_id.map(|id| id.chars().take(LONGEST_ID).collect()),
            body,
            duration: begun.elapsed(),
            connection: head.extensions.get::<HttpInfo>().map(HttpInfo::local_addr),
        })
    }
}

/// The system's certificate authorities, and those that were added.
pub(super) fn roots(
    system: bool,
    extra: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    if system {
        // Certificates that cannot be read are left out, as every client does.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for certificate in extra {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// Whether a token may be sent there in the clear.
pub(super) fn is_loopback(uri: &Uri) -> bool {
    let host = uri
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
