//! The settings of the client and their validation.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use url::{Host, Url};

use super::{GraphClient, Shared};
use crate::build_error::BuildError;
use crate::clock::{Clock, SystemClock};
use crate::pacer::Pacer;
use crate::proof::AppSecretProof;
use crate::retry::{RetryNotice, RetryObserver, RetryPolicy};
use crate::transport::{HttpClient, Settings, Transport};
use crate::version::ApiVersion;
use wa_secrets::{AccessToken, AppSecret};

const DEFAULT_BASE_URL: &str = "https://graph.facebook.com";
const DEFAULT_USER_AGENT: &str = concat!("wa-graph/", env!("CARGO_PKG_VERSION"));

/// Builds a [`GraphClient`]; only [`build`](Self::build) can fail.
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
    pacer: Pacer,
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
            pacer: Pacer::default(),
            user_agent: DEFAULT_USER_AGENT.to_owned(),
            root_certificates: Vec::new(),
            http_client: None,
            plain_http: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the base URL of the Graph API, without the version. Default `https://graph.facebook.com`.
    ///
    /// It must be `https`, or `http` to this machine (`localhost`, `127.0.0.0/8`, `::1`). A path is kept.
    /// Calls to this machine bypass the system's proxy.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets the API version. Default `v25.0`.
    pub fn api_version(mut self, version: ApiVersion) -> Self {
        self.version = version;
        self
    }

    /// Sets the app secret, with which every call sends `appsecret_proof`. Default: none.
    pub fn app_secret(mut self, secret: AppSecret) -> Self {
        self.app_secret = Some(secret);
        self
    }

    /// Sets the form of `appsecret_proof`. Default [`AppSecretProof::Classic`].
    pub fn app_secret_proof(mut self, form: AppSecretProof) -> Self {
        self.proof = form;
        self
    }

    /// Sets the time limit for connecting, including TLS. Default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the time limit of one attempt, from connecting to the last byte. Default 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum size of a response body, in bytes after decompression. Default 1 MiB.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the limits for attempts and pauses. Default [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets a function that is called before every pause between two attempts, for example to show why a call
    /// takes time. Default: none.
    ///
    /// The function runs on the task that makes the call and must not block.
    pub fn on_retry(mut self, observer: impl Fn(&RetryNotice<'_>) + Send + Sync + 'static) -> Self {
        self.observer = RetryObserver::new(observer);
        self
    }

    /// Sets what keeps calls back while a rate limit lasts. Default [`Pacer::default`].
    ///
    /// Clients with the same token should share a pacer: pass clones of one.
    pub fn pacer(mut self, pacer: Pacer) -> Self {
        self.pacer = pacer;
        self
    }

    /// Sets the `User-Agent` header. Default `wa-graph/` and the version of this crate.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Trusts the root certificates in a PEM text in addition to the system's, for proxies that intercept
    /// TLS.
    pub fn add_root_certificate_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.root_certificates.push(pem.as_ref().to_vec());
        self
    }

    /// Uses the caller's HTTP client instead of creating one.
    ///
    /// Connect timeout, root certificates and proxies are then those of that client. Configure it with
    /// `redirect::Policy::none()` and `retry::never()`; a response that it fetched by following a redirect is
    /// refused.
    pub fn http_client(mut self, client: HttpClient) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Allows `http` to other machines too; the token then crosses the network unencrypted.
    pub fn danger_allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Sets the source of time and the timer for pauses. Default [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Validates the settings and builds the client.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the base URL is not a URL, is plain `http` to another machine, or contains a user
    /// name, a password, a query or a fragment; if a root certificate or the user agent is not valid; if TLS
    /// cannot be set up.
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
            pacer: self.pacer,
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

/// Returns the header value, marked as sensitive, so that HTTP libraries neither log nor compress it.
pub(super) fn authorization(token: &AccessToken) -> HeaderValue {
    let text = zeroize::Zeroizing::new(format!("Bearer {}", token.expose_secret()));
    // A token consists of printable ASCII, so this cannot fail; Graph would return 190 for an empty header.
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
        "it contains a user name or a password"
    } else if url.query().is_some() || url.fragment().is_some() {
        "it contains a query or a fragment"
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
        // Subdomains of `localhost` are not trusted: the resolver may ask the network for them.
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
