//! Configures a conformance check.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::Uri;
use serde_json::Value;
use thiserror::Error;

use super::prober::{Messages, Prober, foreign_client};
use super::report::Report;
use super::run::{CheckRun, ConformanceError, Progress};
use crate::secret::Secret;
use crate::{PhoneBuildError, WhatsAppClient};

/// WhatsApp's clients time out after this long (Meta, *Implementing endpoints for Flows*).
const TIMEOUT: Duration = Duration::from_secs(10);
const TOTAL_TIME: Duration = Duration::from_mins(2);
const PINGS: usize = 20;
const MAX_PINGS: usize = 10_000;
const FLOW_TOKEN: &str = "conformance-check";
/// The pause between two requests to an endpoint that crashed.
const PAUSE: Duration = Duration::from_millis(500);
/// How long to wait for an endpoint that crashed: process managers pause a few seconds before a restart.
const RESTART_TIMEOUT: Duration = Duration::from_secs(5);

/// The reason why a check could not be configured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConformanceBuildError {
    /// The URL, the key or a certificate cannot be used.
    #[error("the client of the check cannot be configured")]
    Phone {
        /// The client's error.
        #[from]
        source: PhoneBuildError,
    },
    /// No app secret was given, so no request can be signed.
    #[error("the app secret is not given")]
    NoAppSecret,
}

impl ConformanceBuildError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Phone { source } => source.remedy(),
            Self::NoAppSecret => Some("use the secret of the app that is connected to the Flow".into()),
        }
    }
}

/// A check of a Flow endpoint, written in any language, against Meta's documentation of the data channel.
///
/// It needs what WhatsApp has: the URL, the business public key and the app secret. It sends about fifty
/// requests: pings, `INIT`s, a `BACK`, error notifications, and requests that the endpoint must refuse. The
/// endpoint's application receives the `INIT`s, the `BACK`, the error notifications, and the `data_exchange`s
/// if a screen is set.
///
/// ```no_run
/// use wa_phone::ConformanceCheck;
///
/// # async fn example(pem: &str, secret: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let check = ConformanceCheck::builder("https://example.com/flow")
///     .public_key_pem(pem)
///     .app_secret(secret)
///     .build()?;
/// let report = check.run(|progress| println!("{}", progress.finding)).await?;
/// assert!(report.is_conformant());
/// # Ok(())
/// # }
/// ```
pub struct ConformanceCheck {
    pub(super) url: Uri,
    pub(super) public_key_pem: String,
    pub(super) prober: Prober,
    pub(super) foreign_client: WhatsAppClient,
    pub(super) pings: usize,
    pub(super) total_time: Duration,
    /// Whether certificate authorities other than the system's are trusted.
    pub(super) has_own_roots: bool,
}

/// Configures a [`ConformanceCheck`]; created by [`ConformanceCheck::builder`].
pub struct ConformanceCheckBuilder {
    url: String,
    public_key_pem: String,
    app_secret: Option<Secret>,
    flow_token: String,
    exchange: Option<(String, Value)>,
    init: bool,
    back: bool,
    sign_flow_token: bool,
    pings: usize,
    timeout: Duration,
    total_time: Duration,
    root_certificates: Vec<String>,
}

impl ConformanceCheck {
    /// Returns the configuration of a check of the endpoint at `url`, http or https.
    pub fn builder(url: impl Into<String>) -> ConformanceCheckBuilder {
        ConformanceCheckBuilder {
            url: url.into(),
            public_key_pem: String::new(),
            app_secret: None,
            flow_token: FLOW_TOKEN.to_owned(),
            exchange: None,
            init: true,
            back: true,
            sign_flow_token: false,
            pings: PINGS,
            timeout: TIMEOUT,
            total_time: TOTAL_TIME,
            root_certificates: Vec::new(),
        }
    }

    /// Checks the endpoint and calls `progress` with each finding.
    ///
    /// Everything that the endpoint does becomes a finding. The report has a finding for every rule.
    ///
    /// # Errors
    ///
    /// [`ConformanceError`] if no connection to the endpoint can be made, or a request cannot be encrypted.
    pub async fn run(&self, progress: impl FnMut(Progress<'_>) + Send) -> Result<Report, ConformanceError> {
        CheckRun::new(self, progress).run().await
    }
}

impl ConformanceCheckBuilder {
    /// Sets the business public key to encrypt requests for, as SPKI PEM.
    #[must_use]
    pub fn public_key_pem(mut self, pem: impl Into<String>) -> Self {
        self.public_key_pem = pem.into();
        self
    }

    /// Sets the app secret to sign requests with.
    #[must_use]
    pub fn app_secret(mut self, secret: impl Into<String>) -> Self {
        self.app_secret = Some(Secret::new(secret)).filter(|secret| !secret.expose_secret().is_empty());
        self
    }

    /// Sets the Flow token of the requests; `conformance-check` by default.
    #[must_use]
    pub fn flow_token(mut self, token: impl Into<String>) -> Self {
        self.flow_token = token.into();
        self
    }

    /// Also sends a `data_exchange` from this screen with this data.
    #[must_use]
    pub fn data_exchange(mut self, screen: impl Into<String>, data: Value) -> Self {
        self.exchange = Some((screen.into(), data));
        self
    }

    /// Sets whether `INIT` is sent; true by default. A Flow whose first screen is static never gets it.
    #[must_use]
    pub fn init(mut self, init: bool) -> Self {
        self.init = init;
        self
    }

    /// Sets whether `BACK` is sent; true by default. A Flow without `refresh_on_back` never gets it.
    #[must_use]
    pub fn back(mut self, back: bool) -> Self {
        self.back = back;
        self
    }

    /// Sends all requests as data API 4.0 with `flow_token_signature`, for endpoints that require it.
    #[must_use]
    pub fn sign_flow_token(mut self, sign: bool) -> Self {
        self.sign_flow_token = sign;
        self
    }

    /// Sets how many pings are sent to measure the latency; 20 by default, at most 10,000.
    #[must_use]
    pub fn pings(mut self, pings: usize) -> Self {
        self.pings = pings.min(MAX_PINGS);
        self
    }

    /// Sets the timeout of one request; ten seconds by default, like WhatsApp's.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the time after which no further request is sent; two minutes by default.
    #[must_use]
    pub fn total_time(mut self, time: Duration) -> Self {
        self.total_time = time;
        self
    }

    /// Trusts these certificate authorities (PEM, one or several) in addition to the system's.
    #[must_use]
    pub fn root_certificate_pem(mut self, pem: impl Into<String>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Returns the check. Nothing is sent yet. Generates a key pair for the requests that the endpoint must
    /// not be able to decrypt.
    ///
    /// # Errors
    ///
    /// [`ConformanceBuildError`] if the URL, the key or a certificate cannot be used, or no app secret is
    /// set.
    pub fn build(self) -> Result<ConformanceCheck, ConformanceBuildError> {
        let secret = self.app_secret.ok_or(ConformanceBuildError::NoAppSecret)?;
        let has_own_roots = !self.root_certificates.is_empty();
        let mut phone = WhatsAppClient::builder(&*self.url)
            .public_key_pem(&*self.public_key_pem)
            .app_secret(secret.expose_secret())
            // Like WhatsApp: only messages of version 4.0 carry the signature.
            .sign_flow_token(true)
            .timeout(self.timeout);
        for pem in self.root_certificates {
            phone = phone.root_certificate_pem(pem);
        }
        let phone = phone.build()?;
        let url = self
            .url
            .parse()
            .map_err(|_| PhoneBuildError::Url { what: "endpoint" })?;
        let version = self.sign_flow_token.then_some("4.0");
        Ok(ConformanceCheck {
            url,
            public_key_pem: self.public_key_pem,
            foreign_client: foreign_client(&self.url)?,
            prober: Prober {
                phone,
                secret,
                message: Messages {
                    flow_token: self.flow_token,
                    exchange: self.exchange,
                    has_init: self.init,
                    has_back: self.back,
                    version,
                },
                pause: PAUSE,
                restart_timeout: RESTART_TIMEOUT,
            },
            pings: self.pings,
            total_time: self.total_time,
            has_own_roots,
        })
    }
}

impl fmt::Debug for ConformanceCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConformanceCheck")
            .field("pings", &self.pings)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ConformanceCheckBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConformanceCheckBuilder")
            .field("pings", &self.pings)
            .finish_non_exhaustive()
    }
}
