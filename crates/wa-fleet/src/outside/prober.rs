//! Proof that an endpoint serves a key: signed pings, encrypted with it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use wa_flows::SIGNATURE_HEADER;
use wa_flows::client::{PhoneKey, sign};
use wa_keys::PublicKey;
use wa_secrets::AppSecret;

/// What WhatsApp's health check sends.
const PING: &[u8] = br#"{"version":"3.0","action":"ping"}"#;
/// WhatsApp's time limit for an exchange.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The encrypted response to a ping has some hundred bytes.
const MAX_RESPONSE: usize = 64 * 1024;

/// Sends pings to an endpoint, as WhatsApp's health check does.
#[async_trait]
pub trait Prober: fmt::Debug + Send + Sync {
    /// Sends one signed ping, encrypted with a key, and judges the response.
    async fn ping(&self, endpoint: &str, key: &PublicKey) -> Pong;
}

/// The result of a ping.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pong {
    /// The endpoint has the private key: it decrypted the ping and encrypted a correct response.
    Opened,
    /// The endpoint does not have the private key: status 421.
    NotOpened,
    /// Nothing is known of the key.
    Failed {
        /// What happened.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
    },
}

impl Pong {
    fn failed(problem: impl Into<String>, remedy: Option<&str>) -> Self {
        Self::Failed {
            problem: problem.into(),
            remedy: remedy.map(str::to_owned),
        }
    }
}

/// Sends pings over HTTPS. Redirects are not followed, because WhatsApp does not follow them.
#[derive(Debug)]
pub struct HttpProber {
    client: Client,
    app_secret: AppSecret,
}

/// The prober cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProberError {
    /// A root certificate is not a PEM certificate.
    #[error("a root certificate is not a PEM certificate")]
    RootCertificate,
    /// The HTTP client cannot be created.
    #[error("the HTTP client for the endpoint cannot be created")]
    HttpClient(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ProberError {
    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        match self {
            Self::RootCertificate => Some("Give a file with certificates in PEM.".into()),
            Self::HttpClient(_) => None,
        }
    }
}

impl HttpProber {
    /// Creates a prober that signs with an app secret, and also trusts these root certificates (PEM).
    ///
    /// # Errors
    ///
    /// [`ProberError`] if a certificate is not readable, or the HTTP client cannot be created.
    pub fn new(app_secret: AppSecret, root_certificates: Option<&[u8]>) -> Result<Self, ProberError> {
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            // Each ping shall reach another process behind a balancer.
            .pool_max_idle_per_host(0)
            .timeout(TIMEOUT);
        if let Some(pem) = root_certificates {
            let roots =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|_| ProberError::RootCertificate)?;
            if roots.is_empty() {
                return Err(ProberError::RootCertificate);
            }
            builder = builder.tls_certs_merge(roots);
        }
        let client = builder
            .build()
            .map_err(|error| ProberError::HttpClient(Box::new(error.without_url())))?;
        Ok(Self { client, app_secret })
    }

    async fn send(&self, endpoint: &str, body: &[u8]) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
        let mut response = self
            .client
            .post(endpoint)
            .header("content-type", "application/json")
            .header(SIGNATURE_HEADER, sign(&self.app_secret, body))
            .body(body.to_vec())
            .send()
            .await?;
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if content.len() + chunk.len() > MAX_RESPONSE {
                break;
            }
            content.extend_from_slice(&chunk);
        }
        Ok((response.status(), content))
    }
}

#[async_trait]
impl Prober for HttpProber {
    async fn ping(&self, endpoint: &str, key: &PublicKey) -> Pong {
        let request = match PhoneKey::new(key).and_then(|key| key.encrypt(PING)) {
            Ok(request) => request,
            Err(error) => return Pong::failed(error.to_string(), error.remedy().as_deref()),
        };
        let (status, content) = match self.send(endpoint, request.body()).await {
            Ok(response) => response,
            Err(error) => return unanswered(&error.without_url()),
        };
        match status.as_u16() {
            200 => match request.open_response(&content) {
                Ok(payload) if is_active(&payload) => Pong::Opened,
                Ok(_) => Pong::failed(
                    "status 200, but the content is not the response to a ping",
                    Some("Respond to action \"ping\" with {\"data\":{\"status\":\"active\"}}."),
                ),
                Err(error) => Pong::failed(format!("status 200, but {error}"), error.remedy().as_deref()),
            },
            421 => Pong::NotOpened,
            432 => Pong::failed(
                "status 432: the endpoint refused the signature",
                Some("Give the app secret of the Meta app that is connected to the Flow."),
            ),
            other => Pong::failed(format!("status {other}"), Some("Check the endpoint's log.")),
        }
    }
}

/// Judges a request without a complete response.
fn unanswered(error: &reqwest::Error) -> Pong {
    let mut problem = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        problem = format!("{problem}: {error}");
        cause = error.source();
    }
    Pong::failed(problem, Some("Check the URL, and that the endpoint runs."))
}

fn is_active(payload: &[u8]) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(payload) else {
        return false;
    };
    members.get("data").and_then(|data| data.get("status")) == Some(&Value::from("active"))
}
