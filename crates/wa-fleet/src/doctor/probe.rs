//! Sends requests to the endpoint.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use wa_flows::SIGNATURE_HEADER;

/// WhatsApp's time limit for an exchange.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// The encrypted response to a ping has some hundred bytes.
const MAX_RESPONSE: usize = 64 * 1024;

/// The client for the endpoint cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A root certificate is not a PEM certificate.
    #[error("a root certificate is not a PEM certificate")]
    RootCertificate,
    /// The HTTP client cannot be created.
    #[error("the HTTP client for the endpoint cannot be created")]
    HttpClient(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ProbeError {
    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::RootCertificate => Some("Give a file with certificates in PEM.".into()),
            Self::HttpClient(_) => None,
        }
    }
}

/// A response of the endpoint.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
    pub(super) elapsed: Duration,
    /// The server's certificate in DER.
    pub(super) certificate: Option<Vec<u8>>,
}

/// An HTTP client without redirects and retries, as WhatsApp calls an endpoint.
#[derive(Debug)]
pub(super) struct Probe(reqwest::Client);

impl Probe {
    pub(super) fn new(root_certificates: Option<&[u8]>) -> Result<Self, ProbeError> {
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .tls_info(true)
            .timeout(TIMEOUT);
        if let Some(pem) = root_certificates {
            let roots =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|_| ProbeError::RootCertificate)?;
            if roots.is_empty() {
                return Err(ProbeError::RootCertificate);
            }
            builder = builder.tls_certs_merge(roots);
        }
        let client = builder
            .build()
            .map_err(|error| ProbeError::HttpClient(Box::new(error.without_url())))?;
        Ok(Self(client))
    }

    pub(super) async fn post(
        &self,
        url: &str,
        body: Vec<u8>,
        signature: Option<String>,
    ) -> Result<Reply, reqwest::Error> {
        let start = Instant::now();
        let mut request = self
            .0
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        if let Some(signature) = signature {
            request = request.header(SIGNATURE_HEADER, signature);
        }
        let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
        let content_type = response.headers().get("content-type");
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let tls = response.extensions().get::<TlsInfo>();
        let certificate = tls.and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + chunk.len() > MAX_RESPONSE {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status: response.status().as_u16(),
            content_type,
            body,
            elapsed: start.elapsed(),
            certificate,
        })
    }
}
