//! The client: builds a call, sends it, and retries it if that can help.

mod builder;
mod span;
mod time;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::Instrument;
use url::Url;

pub use builder::GraphClientBuilder;

use crate::clock::Clock;
use crate::error::{ErrorContext, GraphError, GraphErrorKind};
use crate::pacer::{Pacer, PacerHold};
use crate::proof::{self, AppSecretProof};
use crate::redact::Redactor;
use crate::request::GraphRequest;
use crate::response::{GraphResponse, ResponseMeta};
use crate::response_body;
use crate::retry::{self, RetryNotice, RetryObserver, RetryPolicy, Verdict};
use crate::transport::{Incoming, Outgoing, Transport};
use crate::usage::Usage;
use crate::version::ApiVersion;
use time::CallTime;
use wa_secrets::{AccessToken, AppSecret};

/// A client of the Graph API with one access token. Cloning is cheap; clones share connections.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use wa_graph::{AccessToken, GraphClient, GraphRequest};
///
/// let client = GraphClient::builder(AccessToken::new("EAA…")?).build()?;
/// let response = client.execute::<serde_json::Value>(GraphRequest::get("106540352242922")).await?;
/// println!("{} after {} attempts", response.body, response.meta.attempts);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct GraphClient(Arc<Shared>);

#[derive(Clone)]
struct Shared {
    base: Url,
    version: ApiVersion,
    token: Arc<AccessToken>,
    authorization: HeaderValue,
    app_secret: Option<Arc<AppSecret>>,
    proof: AppSecretProof,
    user_agent: HeaderValue,
    transport: Transport,
    timeout: Duration,
    max_body: usize,
    retry: RetryPolicy,
    observer: RetryObserver,
    pacer: Pacer,
    clock: Arc<dyn Clock>,
}

/// The result of one attempt, with the metadata of its response.
struct Attempt {
    outcome: Result<Value, GraphErrorKind>,
    status: Option<http::StatusCode>,
    fbtrace_id: Option<String>,
    date: Option<SystemTime>,
    usage: Usage,
    /// The delay that the server requests before the next attempt.
    requested: Option<Duration>,
    /// How long the rate limit lasts that refused the call, if one did.
    limit: Option<Duration>,
}

impl GraphClient {
    /// Returns a builder for a client with this access token; every other setting has a default.
    pub fn builder(token: AccessToken) -> GraphClientBuilder {
        GraphClientBuilder::new(token)
    }

    /// Returns a client with another access token that shares connections and settings with this one.
    ///
    /// Use it to act for several businesses that each have their own token.
    #[must_use]
    pub fn with_access_token(&self, token: AccessToken) -> Self {
        let authorization = builder::authorization(&token);
        Self(Arc::new(Shared {
            token: Arc::new(token),
            authorization,
            // Rate limits belong to a token.
            pacer: self.0.pacer.fresh(),
            ..Shared::clone(&self.0)
        }))
    }

    /// Returns a client with another retry policy that shares connections and settings with this one.
    ///
    /// Use [`RetryPolicy::none`] for calls that may be repeated only after something was checked again.
    #[must_use]
    pub fn with_retry(&self, retry: RetryPolicy) -> Self {
        Self(Arc::new(Shared {
            retry,
            ..Shared::clone(&self.0)
        }))
    }

    /// Returns a client that waits at most this long for the ends of rate limits ([`Pacer::max_wait`]), and
    /// shares connections, settings and known rate limits with this one.
    #[must_use]
    pub fn with_max_wait(&self, wait: Duration) -> Self {
        Self(Arc::new(Shared {
            pacer: self.0.pacer.clone().max_wait(wait),
            ..Shared::clone(&self.0)
        }))
    }

    /// Returns a client with another time limit for each attempt that shares connections and settings with
    /// this one.
    #[must_use]
    pub fn with_request_timeout(&self, timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            timeout,
            ..Shared::clone(&self.0)
        }))
    }

    /// Returns the base URL, without the version.
    pub fn base_url(&self) -> &Url {
        &self.0.base
    }

    /// Returns the API version.
    pub fn api_version(&self) -> ApiVersion {
        self.0.version
    }

    /// Returns the clock, so that higher layers measure and wait with the same one.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Returns the pacer, which keeps calls back while a rate limit lasts.
    pub fn pacer(&self) -> &Pacer {
        &self.0.pacer
    }

    pub(crate) fn access_token(&self) -> &AccessToken {
        &self.0.token
    }

    /// Makes a call and deserializes the JSON of its response.
    ///
    /// Temporary failures are retried as the client's [`RetryPolicy`] allows; no other layer retries.
    ///
    /// # Errors
    ///
    /// [`GraphError`] if the last attempt fails, or if its response cannot be deserialized.
    pub async fn execute<T: DeserializeOwned>(
        &self,
        request: GraphRequest,
    ) -> Result<GraphResponse<T>, GraphError> {
        let url = self.url(&request);
        let span = span::of_call(&request, &url);
        let (json, meta) = self.call(&request, &url).instrument(span).await?;
        match response_body::decode(meta.status, json) {
            Ok(body) => Ok(GraphResponse { body, meta }),
            Err(kind) => Err(Self::failure(kind, &request, &url, meta)),
        }
    }

    /// Returns the error for a successful response whose content cannot be used.
    pub(crate) fn failure(
        kind: GraphErrorKind,
        request: &GraphRequest,
        url: &Url,
        meta: ResponseMeta,
    ) -> GraphError {
        let context = ErrorContext {
            method: request.method().clone(),
            path: url.path().to_owned(),
            attempts: meta.attempts,
            elapsed: meta.elapsed,
            retry_in: None,
            retry_at: None,
            fbtrace_id: meta.fbtrace_id,
            date: meta.date,
            usage: meta.usage,
        };
        GraphError::new(kind, context)
    }

    /// Returns the URL of a request, without its query.
    pub(crate) fn url(&self, request: &GraphRequest) -> Url {
        let mut url = self.0.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(&self.0.version.to_string());
            segments.extend(request.path().split('/').filter(|segment| !segment.is_empty()));
        }
        url
    }

    async fn call(&self, request: &GraphRequest, url: &Url) -> Result<(Value, ResponseMeta), GraphError> {
        let Shared {
            clock, retry: policy, ..
        } = &*self.0;
        let ids: Vec<&str> = request.limited_ids().collect();
        let mut time = CallTime::start(clock.as_ref());
        let mut number = 1;
        loop {
            let limit = self.wait_limit(&time);
            match self.0.pacer.wait(clock.as_ref(), &ids, limit).await {
                Ok(wait) => time.waited(wait, self.0.pacer.own_limit()),
                Err(hold) => return Err(held(hold, number - 1, request, url, &time)),
            }
            let left = policy.max_elapsed.saturating_sub(time.counted());
            let attempt = self.attempt(request, url, left, &ids).await;
            span::responded(number, &attempt);
            let kind = match attempt.outcome {
                Ok(json) => {
                    span::finished(number, attempt.status, attempt.fbtrace_id.as_deref());
                    let meta = ResponseMeta {
                        status: attempt.status.unwrap_or_default(),
                        fbtrace_id: attempt.fbtrace_id,
                        date: attempt.date,
                        usage: attempt.usage,
                        attempts: number,
                        elapsed: time.elapsed(),
                    };
                    return Ok((json, meta));
                }
                Err(kind) => kind,
            };
            let verdict = retry::verdict(&kind, request.is_repeatable());
            let own_limit = self.0.pacer.own_limit().filter(|_| verdict == Verdict::Slowly);
            let pause = match own_limit.zip(attempt.limit) {
                Some((limit, delay)) => (number < policy.max_attempts
                    && time.waits().saturating_add(delay) <= limit)
                    .then_some(delay),
                None => retry::pause(policy, verdict, number, time.counted(), attempt.requested),
            };
            let Some(pause) = pause else {
                span::finished(number, attempt.status, attempt.fbtrace_id.as_deref());
                let context = ErrorContext {
                    method: request.method().clone(),
                    path: url.path().to_owned(),
                    attempts: number,
                    elapsed: time.elapsed(),
                    retry_in: attempt.requested,
                    retry_at: attempt.requested.and_then(|delay| clock.now().checked_add(delay)),
                    fbtrace_id: attempt.fbtrace_id,
                    date: attempt.date,
                    usage: attempt.usage,
                };
                let error = GraphError::new(kind, context);
                return Err(span::report(error, verdict != Verdict::Stop));
            };
            span::retrying(&kind, number, pause);
            self.0.observer.notify(&RetryNotice {
                path: url.path(),
                attempt: number,
                pause,
                is_requested: attempt.requested.is_some(),
                cause: &kind,
            });
            clock.sleep(pause).await;
            if verdict == Verdict::Slowly {
                time.waited(pause, self.0.pacer.own_limit());
            }
            number += 1;
        }
    }

    /// Returns how long a call may still wait for the ends of rate limits.
    fn wait_limit(&self, time: &CallTime<'_>) -> Duration {
        let policy = &self.0.retry;
        match self.0.pacer.own_limit() {
            Some(limit) => limit.saturating_sub(time.waits()),
            None if policy.max_elapsed == Duration::MAX => self.0.timeout,
            None => policy.max_elapsed.saturating_sub(time.counted()),
        }
    }

    async fn attempt(&self, request: &GraphRequest, url: &Url, left: Duration, ids: &[&str]) -> Attempt {
        let proof = self.proof();
        let sent = self
            .0
            .transport
            .send(self.outgoing(request, url.clone(), &proof, left))
            .await;
        let incoming = match sent {
            Ok(incoming) => incoming,
            Err(error) => {
                let (usage, outcome) = (Usage::default(), Err(GraphErrorKind::Transport(error)));
                return Attempt {
                    outcome,
                    status: None,
                    fbtrace_id: None,
                    date: None,
                    usage,
                    requested: None,
                    limit: None,
                };
            }
        };
        let mut secrets = request.secret_values();
        secrets.extend(proof.first().map(|(_, value)| value.as_str()));
        let redactor = Redactor::new(&self.0.token, self.0.app_secret.as_deref(), &secrets);
        let outcome = response_body::read(&incoming, &redactor);
        let usage = Usage::from_headers(&incoming.headers);
        let requested = outcome
            .as_ref()
            .err()
            .and_then(|kind| self.requested_delay(kind, &incoming, &usage));
        let limited = outcome.as_ref().err().and_then(GraphErrorKind::limit_scope);
        let now = self.0.clock.monotonic();
        let limit = self.0.pacer.length(limited, requested);
        let limited = limited.map(|scope| (scope, limit));
        self.0.pacer.observe(now, ids, limited, &usage);
        let of_error = outcome
            .as_ref()
            .err()
            .and_then(GraphErrorKind::api)
            .and_then(|api| api.fbtrace_id());
        let fbtrace_id = of_error
            .map(ToOwned::to_owned)
            .or_else(|| header_text(&incoming.headers, "x-fb-trace-id"));
        Attempt {
            outcome,
            status: Some(incoming.status),
            fbtrace_id,
            date: retry::date(&incoming.headers),
            usage,
            requested,
            limit,
        }
    }

    /// Returns the delay that the server requests: from `Retry-After`, or from the usage header if the call
    /// was rate-limited. `None` if it requests none or zero; the retry policy's own pause then applies.
    fn requested_delay(&self, kind: &GraphErrorKind, incoming: &Incoming, usage: &Usage) -> Option<Duration> {
        let limited = matches!(kind, GraphErrorKind::RateLimited(_));
        let regain = if limited { usage.regain_access_in() } else { None };
        retry::retry_after(&incoming.headers, self.0.clock.now())
            .max(regain)
            .filter(|delay| !delay.is_zero())
    }

    fn proof(&self) -> Vec<(&'static str, String)> {
        let Shared {
            app_secret,
            proof: form,
            token,
            clock,
            ..
        } = &*self.0;
        app_secret
            .as_ref()
            .map(|secret| proof::parameters(*form, secret, token, clock.now()))
            .unwrap_or_default()
    }

    fn outgoing(
        &self,
        request: &GraphRequest,
        mut url: Url,
        proof: &[(&str, String)],
        left: Duration,
    ) -> Outgoing {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.0.authorization.clone());
        headers.insert(header::USER_AGENT, self.0.user_agent.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let has_body = request.method() == http::Method::POST;
        let (in_form, in_query) = if has_body {
            (proof, &[][..])
        } else {
            (&[][..], proof)
        };
        if !request.query_pairs().is_empty() || !in_query.is_empty() {
            url.query_pairs_mut()
                .extend_pairs(request.query_pairs())
                .extend_pairs(in_query);
        }
        let body = has_body.then(|| {
            let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(header::CONTENT_TYPE, content_type);
            let mut form = form_urlencoded::Serializer::new(String::new());
            Bytes::from(
                form.extend_pairs(request.form_pairs())
                    .extend_pairs(in_form)
                    .finish(),
            )
        });
        Outgoing {
            method: request.method().clone(),
            url,
            headers,
            body,
            timeout: self.0.timeout.min(left),
            max_body: self.0.max_body,
        }
    }
}

impl fmt::Debug for GraphClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphClient")
            .field("base_url", &self.0.base.as_str())
            .field("api_version", &self.0.version)
            .field("access_token", &self.0.token)
            .field("app_secret", &self.0.app_secret)
            .field("retry", &self.0.retry)
            .finish_non_exhaustive()
    }
}

/// Returns the error of a call that was not sent, because a rate limit lasts longer than the call may wait.
fn held(
    hold: PacerHold,
    attempts: u32,
    request: &GraphRequest,
    url: &Url,
    time: &CallTime<'_>,
) -> GraphError {
    let context = ErrorContext {
        method: request.method().clone(),
        path: url.path().to_owned(),
        attempts,
        elapsed: time.elapsed(),
        retry_in: Some(hold.wait),
        retry_at: Some(hold.until),
        fbtrace_id: None,
        date: None,
        usage: Usage::default(),
    };
    span::report(
        GraphError::new(GraphErrorKind::Held { calls: hold.calls }, context),
        true,
    )
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}
