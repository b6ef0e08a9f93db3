//! HTTP with reqwest, used in this module only: sends a request, reads the response, classifies failures.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqwest::redirect::Policy;
use url::Url;

use crate::build_error::BuildError;
use crate::error::{TransportError, TransportErrorKind};

/// The type of HTTP client that [`GraphClientBuilder::http_client`](crate::GraphClientBuilder::http_client)
/// takes.
pub type HttpClient = reqwest::Client;

/// The settings of an HTTP client that is created here.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) connect_timeout: Duration,
    pub(crate) root_certificates: &'a [Vec<u8>],
    pub(crate) use_proxy: bool,
}

/// A request that is ready to be sent.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) timeout: Duration,
    pub(crate) max_body: usize,
}

/// A complete response, not yet interpreted.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The host that sent the response, if an injected client followed a redirect.
    pub(crate) followed_to: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Transport(HttpClient);

impl Transport {
    pub(crate) fn new(settings: &Settings<'_>) -> Result<Self, BuildError> {
        let mut builder = HttpClient::builder()
            .redirect(Policy::none())
            .referer(false)
            // Retries are decided in the `retry` module only.
            .retry(reqwest::retry::never())
            .connect_timeout(settings.connect_timeout);
        for pem in settings.root_certificates {
            // The parser's error is dropped: it may repeat its input.
            let roots =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|_| BuildError::RootCertificate)?;
            if roots.is_empty() {
                return Err(BuildError::RootCertificate);
            }
            builder = builder.tls_certs_merge(roots);
        }
        if !settings.use_proxy {
            builder = builder.no_proxy();
        }
        builder
            .build()
            .map(Self)
            .map_err(|error| BuildError::HttpClient(Box::new(error.without_url())))
    }

    pub(crate) fn injected(client: HttpClient) -> Self {
        Self(client)
    }

    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Incoming, TransportError> {
        let Outgoing {
            method,
            url,
            headers,
            body,
            timeout,
            max_body,
        } = outgoing;
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = headers;
        *request.timeout_mut() = Some(timeout);
        *request.body_mut() = body.map(Into::into);
        let mut response = self.0.execute(request).await.map_err(classify)?;

        let followed_to =
            (*response.url() != url).then(|| response.url().host_str().unwrap_or_default().to_owned());
        let too_large = || TransportError::new(TransportErrorKind::TooLarge, None);
        let announced = response.content_length().unwrap_or(0);
        if announced > max_body as u64 {
            return Err(too_large());
        }
        // Memory is allocated as the body arrives, regardless of the announced length. Chunks are counted
        // after decompression, so that a small compressed body cannot become a large one.
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(classify)? {
            if body.len() + chunk.len() > max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Incoming {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.into(),
            followed_to,
        })
    }
}

fn classify(error: reqwest::Error) -> TransportError {
    let kind = if error.is_builder() {
        TransportErrorKind::Request
    } else if error.is_connect() {
        if is_tls(&error) {
            TransportErrorKind::Tls
        } else {
            TransportErrorKind::Connect
        }
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if has_io_kind(&error, &[io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput]) {
        TransportErrorKind::Encoding
    } else {
        TransportErrorKind::Interrupted
    };
    TransportError::new(kind, Some(Box::new(error.without_url())))
}

/// Returns whether a connection failed in TLS: rustls reports "invalid data", TCP and proxies never do.
fn is_tls(error: &reqwest::Error) -> bool {
    has_io_kind(error, &[io::ErrorKind::InvalidData])
}

/// Returns whether an I/O error of one of these kinds is among the causes.
fn has_io_kind(error: &reqwest::Error, kinds: &[io::ErrorKind]) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| kinds.contains(&io.kind())) {
            return true;
        }
        // `io::Error::source` skips the wrapped error, so it is read with `get_ref`.
        cause = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
