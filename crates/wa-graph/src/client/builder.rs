//! The client's settings and their checks.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use url::{Host, Url};

use super::{GraphClient, Shared};
use crate::clock::{Clock, SystemClock};
use crate::proof::AppSecretProof;
use crate::retry::{RetryNotice, RetryObserver, RetryPolicy};
use crate::transport::{HttpClient, Settings, Transport};
use crate::version::ApiVersion;
use wa_secrets::{AccessToken, AppSecret};

const DEFAULT_BASE_URL: &str = "https://graph.facebook.com";
const DEFAULT_USER_AGENT: &str = concat!("wa-graph/", env!("CARGO_PKG_VERSION"));

/// Gathers the settings of a [`GraphClient`]; only [`build`](Self::build) can fail.
///
/// ```
/// use std::time::Duration;
/// use wa_graph::{AccessToken, AppSecret, GraphClient, RetryPolicy};
///
/// let client = GraphClient::builder(AccessToken::new("EAAexample")?)
///     .app_secret(AppSecret::new("0123456789abcdef")?)
///     .request_timeout(Duration::from_secs(10))
///     .retry(RetryPolicy::default().max_attempts(3))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct GraphClientBuilder {
    token: AccessToken,
    base_url: String,
    version: ApiVersion,
    app_secret: Option<AppSecret>,
    proof: AppSecretProof,
    connect_timeout: Duration,
    timeout: Duration,
    max_body: usize,
    retry: RetryPolicy,
    observer: RetryObserver,
    user_agent: String,
    root_certificates: Vec<Vec<u8>>,
    http_client: Option<HttpClient>,
    plain_http: bool,
    clock: Arc<dyn Clock>,
}

impl GraphClientBuilder {
    pub(super) fn new(token: AccessToken) -> Self {
        Self {
            token,
            base_url: DEFAULT_BASE_URL.to_owned(),
            version: ApiVersion::default(),
            app_secret: None,
            proof: AppSecretProof::default(),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            max_body: 1024 * 1024,
            retry: RetryPolicy::default(),
            observer: RetryObserver::default(),
            user_agent: DEFAULT_USER_AGENT.to_owned(),
            root_certificates: Vec::new(),
            http_client: None,
            plain_http: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets where Graph is, without the version. Default `https://graph.facebook.com`.
    ///
    /// `https`, or `http` to this machine (`localhost`, `127.0.0.0/8`, `::1`); a path is kept. Calls to this machine do not
    /// go through the system's proxy.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets the API version. Default `v25.0`.
    pub fn api_version(mut self, version: ApiVersion) -> Self {
        self.version = version;
        self
    }

    /// Sets the app secret; every call then carries `appsecret_proof`. Default: none.
    pub fn app_secret(mut self, secret: AppSecret) -> Self {
        self.app_secret = Some(secret);
        self
    }

    /// Sets the form of `appsecret_proof`. Default [`AppSecretProof::Classic`].
    pub fn app_secret_proof(mut self, form: AppSecretProof) -> Self {
        self.proof = form;
        self
    }

    /// Sets how long connecting may take, TLS included. Default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long one attempt may take from connecting to the last byte. Default 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long a response's body may be, in bytes after decompression. Default 1 MiB.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets how often and how long a call is tried. Default [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Calls a function before every pause between two attempts, to show what a call is waiting for. Default: none.
    ///
    /// It is called on the task that makes the call and must not block.
    pub fn on_retry(mut self, observer: impl Fn(&RetryNotice<'_>) + Send + Sync + 'static) -> Self {
        self.observer = RetryObserver::new(observer);
        self
    }

    /// Sets the `User-Agent` header. Default `wa-graph/` and the version of this crate.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Trusts the root certificates of a PEM text in addition to the system's, for a proxy that opens TLS.
    pub fn add_root_certificate_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.root_certificates.push(pem.as_ref().to_vec());
        self
    }

    /// Uses an HTTP client of the caller's instead of one of our own.
    ///
    /// Connect timeout, root certificates and proxies are then that client's; set it up with
    /// `redirect::Policy::none()` and `retry::never()`. An answer that it fetched by following a redirect is refused.
    pub fn http_client(mut self, client: HttpClient) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Allows `http` to other machines too: the token then crosses the network for all to read.
    pub fn danger_allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Sets where the time comes from and how pauses are waited. Default [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks the settings and builds the client.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when the base URL is not one, is plain `http` to another machine, or holds what does not belong into
    /// it; when a root certificate or the user agent cannot be used; when TLS cannot be set up.
    pub fn build(self) -> Result<GraphClient, BuildError> {
        let base = check_base_url(&self.base_url, self.plain_http)?;
        let user_agent = HeaderValue::from_str(&self.user_agent).map_err(|_| BuildError::UserAgent)?;
        let transport = match self.http_client {
            Some(client) => Transport::injected(client),
            None => Transport::new(&Settings {
                connect_timeout: self.connect_timeout,
                root_certificates: &self.root_certificates,
                use_proxy: !is_loopback(&base),
            })?,
        };
        Ok(GraphClient(Arc::new(Shared {
            base,
            version: self.version,
            authorization: authorization(&self.token),
            token: Arc::new(self.token),
            app_secret: self.app_secret.map(Arc::new),
            proof: self.proof,
            user_agent,
            transport,
            timeout: self.timeout,
            max_body: self.max_body,
            retry: self.retry,
            observer: self.observer,
            clock: self.clock,
        })))
    }
}

impl fmt::Debug for GraphClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphClientBuilder")
            .field("api_version", &self.version)
            .field("access_token", &self.token)
            .field("app_secret", &self.app_secret)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Makes the header's value, marked so that HTTP libraries neither log nor compress it.
pub(super) fn authorization(token: &AccessToken) -> HeaderValue {
    let text = zeroize::Zeroizing::new(format!("Bearer {}", token.expose_secret()));
    // A token consists of printable ASCII, so that the error cannot happen; Graph would answer 190 to the empty header.
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

fn check_base_url(text: &str, plain_http: bool) -> Result<Url, BuildError> {
    let url = Url::parse(text.trim()).map_err(|_| BuildError::BaseUrl {
        problem: "it is not a URL",
    })?;
    let problem = if !matches!(url.scheme(), "https" | "http") {
        "its scheme is neither https nor http"
    } else if !url.username().is_empty() || url.password().is_some() {
        "it holds a user name or a password"
    } else if url.query().is_some() || url.fragment().is_some() {
        "it holds a query or a fragment"
    } else if url.scheme() == "http" && !plain_http && !is_loopback(&url) {
        let host = url.host_str().unwrap_or_default().to_owned();
        return Err(BuildError::PlainHttp { host });
    } else {
        return Ok(url);
    };
    Err(BuildError::BaseUrl { problem })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // Names below `localhost` are left to the resolver, which may ask the network: they are not trusted.
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The base URL cannot be used.
    #[error("the base URL cannot be used: {problem}; write it as https://graph.facebook.com")]
    BaseUrl {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The base URL is plain `http` to another machine.
    #[error(
        "the base URL is plain http to {host}: the token would cross the network for all to read; use https"
    )]
    PlainHttp {
        /// The host that it names.
        host: String,
    },
    /// A root certificate is not a PEM certificate.
    #[error("an extra root certificate cannot be read: it must be PEM with BEGIN CERTIFICATE")]
    RootCertificate,
    /// The user agent cannot stand in a header.
    #[error("the user agent holds a character that cannot stand in a header")]
    UserAgent,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    HttpClient(#[source] Box<dyn std::error::Error + Send + Sync>),
}
