//! Failures of a call, classified in one place.

mod api;
mod remedy;
mod report;
mod transport;
mod unexpected;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};

pub use api::ApiError;
pub use report::ErrorReport;
pub use transport::{TransportError, TransportErrorKind};
pub use unexpected::{BodyKind, UnexpectedResponse};

use crate::code::{CodeKind, ErrorCode, LimitScope};
use crate::pacer::HeldCalls;
use crate::usage::Usage;

/// A call that failed after its last attempt: the failure, the call, and the number of attempts.
///
/// `Display` names the failure on one line, [`GraphError::remedy`] returns what to do about it. Match
/// [`GraphError::kind`] to act on the exact failure; the predicates are sufficient for most callers.
///
/// ```
/// use wa_graph::{ErrorCode, GraphError};
///
/// fn explain(error: &GraphError) -> &'static str {
///     match error.code() {
///         Some(ErrorCode::INVALID_PARAMETER) => "the key or the id is not valid",
///         _ if error.is_permission() => "the token lacks a permission",
///         _ if error.is_rate_limited() => "too many calls",
///         _ if error.is_transient() => "try again later",
///         _ => "something else",
///     }
/// }
/// ```
pub struct GraphError(Box<Inner>);

struct Inner {
    kind: GraphErrorKind,
    context: ErrorContext,
}

/// The call that failed.
#[derive(Debug, Clone)]
pub(crate) struct ErrorContext {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
    pub(crate) retry_in: Option<Duration>,
    pub(crate) retry_at: Option<SystemTime>,
    pub(crate) fbtrace_id: Option<String>,
    pub(crate) date: Option<SystemTime>,
    pub(crate) usage: Usage,
}

/// The kinds of failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphErrorKind {
    /// Graph returned an error.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// Too many calls: HTTP 429, or the code of a rate limit. [`GraphError::retry_in`] returns how long to
    /// wait.
    #[error("rate limited: {}", .0.as_ref().map_or_else(|| "HTTP 429".to_owned(), ToString::to_string))]
    RateLimited(Option<Box<ApiError>>),
    /// The call was not sent, because an earlier response named a rate limit that lasts longer than the call
    /// may wait ([`Pacer::max_wait`](crate::Pacer::max_wait)). [`GraphError::retry_at`] returns its end.
    #[error("not sent: {calls} lasts")]
    Held {
        /// The calls that the limit refuses.
        calls: HeldCalls,
    },
    /// No complete response arrived.
    #[error("{0}")]
    Transport(TransportError),
    /// The response was a redirect. Redirects are never followed, so that the token is sent to no other host.
    #[error(
        "the server returned a redirect (HTTP {}) to {}, which is not followed",
        .status.as_u16(),
        .host.as_deref().unwrap_or("no host")
    )]
    Redirect {
        /// The HTTP status.
        status: StatusCode,
        /// The host to which the response redirects, if it names one.
        host: Option<String>,
    },
    /// The response is neither the expected JSON nor a Graph error.
    #[error("{0}")]
    Unexpected(UnexpectedResponse),
    /// A listing returned the same cursor twice, so it would never end.
    #[error("the listing returned the same cursor twice")]
    PagingLoop,
}

impl GraphError {
    pub(crate) fn new(kind: GraphErrorKind, context: ErrorContext) -> Self {
        Self(Box::new(Inner { kind, context }))
    }

    /// Returns the kind of failure.
    pub fn kind(&self) -> &GraphErrorKind {
        &self.0.kind
    }

    /// Returns Graph's error, if Graph returned one.
    pub fn api(&self) -> Option<&ApiError> {
        self.0.kind.api()
    }

    /// Returns the Graph error code.
    pub fn code(&self) -> Option<ErrorCode> {
        self.api().map(ApiError::code)
    }

    /// Returns the Graph error subcode.
    pub fn subcode(&self) -> Option<i64> {
        self.api().and_then(ApiError::subcode)
    }

    /// Returns the HTTP status, if there was a response.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.kind.status()
    }

    /// Returns Graph's trace id, which Meta's support asks for.
    pub fn fbtrace_id(&self) -> Option<&str> {
        self.api()
            .and_then(ApiError::fbtrace_id)
            .or(self.0.context.fbtrace_id.as_deref())
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        self.0.kind.remedy()
    }

    /// Returns the error, its causes and its remedy as text, ready to be printed.
    pub fn report(&self) -> String {
        ErrorReport::new(self)
            .fbtrace_id(self.fbtrace_id())
            .remedy(self.remedy())
            .to_string()
    }

    /// Returns how long to wait before the next call, as the server requested with the last response.
    pub fn retry_in(&self) -> Option<Duration> {
        self.0.context.retry_in
    }

    /// Returns when to make the next call: [`GraphError::retry_in`] after the last response.
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.0.context.retry_at
    }

    /// Returns the time of Graph's clock in the last response (its `Date` header), in whole seconds.
    pub fn date(&self) -> Option<SystemTime> {
        self.0.context.date
    }

    /// Returns how close the app and the account are to their rate limits, from the last response.
    pub fn usage(&self) -> &Usage {
        &self.0.context.usage
    }

    /// Returns the number of attempts.
    pub fn attempts(&self) -> u32 {
        self.0.context.attempts
    }

    /// Returns the total time, including pauses.
    pub fn elapsed(&self) -> Duration {
        self.0.context.elapsed
    }

    /// Returns the method and the path, without the query.
    pub fn call(&self) -> (&Method, &str) {
        (&self.0.context.method, &self.0.context.path)
    }

    /// Returns whether the token lacks a permission.
    pub fn is_permission(&self) -> bool {
        self.code_kind() == Some(CodeKind::Permission)
    }

    /// Returns whether the token itself is refused: missing, expired, revoked or malformed.
    pub fn is_token(&self) -> bool {
        self.code_kind() == Some(CodeKind::Token)
    }

    /// Returns whether a parameter is missing or not valid.
    pub fn is_parameter(&self) -> bool {
        self.code_kind() == Some(CodeKind::Parameter)
    }

    /// Returns whether no object with this id exists or is visible to the token.
    pub fn is_not_found(&self) -> bool {
        self.api().is_some_and(|api| {
            api.code().kind() == CodeKind::NotFound
                || (api.code() == ErrorCode::INVALID_PARAMETER && api.subcode() == Some(33))
        })
    }

    /// Returns whether the phone number is not correctly registered with Cloud API, or is not eligible for
    /// encryption.
    pub fn is_registration(&self) -> bool {
        self.api()
            .is_some_and(|api| api.code().kind() == CodeKind::Registration || api.is_not_eligible())
    }

    /// Returns whether a rate limit refused the call, or kept it from being sent.
    pub fn is_rate_limited(&self) -> bool {
        self.limit_scope().is_some()
    }

    /// Returns which calls a rate limit refuses, if it refused this one.
    ///
    /// HTTP 429 without a code that names a narrower limit counts as a limit of the caller.
    pub fn limit_scope(&self) -> Option<LimitScope> {
        self.0.kind.limit_scope()
    }

    /// Returns whether every other call of the same client would fail in the same way: the token or the app's
    /// proof is refused, the app or the user has reached a rate limit, or Graph cannot be reached.
    ///
    /// Stop a run over many objects at such an error.
    pub fn affects_every_call(&self) -> bool {
        match &self.0.kind {
            GraphErrorKind::Api(api) => api.code().kind() == CodeKind::Token || api.needs_app_secret_proof(),
            GraphErrorKind::RateLimited(_) | GraphErrorKind::Held { .. } => {
                self.limit_scope() == Some(LimitScope::Caller)
            }
            GraphErrorKind::Transport(error) => error.kind().is_unsent(),
            GraphErrorKind::Redirect { .. } => true,
            GraphErrorKind::Unexpected(_) | GraphErrorKind::PagingLoop => false,
        }
    }

    /// Returns whether the same call may succeed later without any change: temporary failures, rate limits,
    /// broken connections.
    pub fn is_transient(&self) -> bool {
        crate::retry::is_transient(&self.0.kind)
    }

    fn code_kind(&self) -> Option<CodeKind> {
        self.code().map(ErrorCode::kind)
    }
}

impl GraphErrorKind {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        remedy::of(self).map(Cow::Borrowed)
    }

    /// Returns Graph's error, if Graph returned one.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(api) | Self::RateLimited(Some(api)) => Some(api),
            _ => None,
        }
    }

    /// Returns which calls a rate limit refuses, if it refused this one; see [`GraphError::limit_scope`].
    pub fn limit_scope(&self) -> Option<LimitScope> {
        match self {
            Self::RateLimited(api) => Some(
                api.as_ref()
                    .and_then(|api| api.code().limit_scope())
                    .unwrap_or(LimitScope::Caller),
            ),
            Self::Held { calls } => Some(match calls {
                HeldCalls::All => LimitScope::Caller,
                HeldCalls::Object(_) => LimitScope::Account,
            }),
            _ => None,
        }
    }

    /// Returns the HTTP status, if there was a response.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api(api) | Self::RateLimited(Some(api)) => Some(api.status()),
            Self::RateLimited(None) => Some(StatusCode::TOO_MANY_REQUESTS),
            Self::Redirect { status, .. } => Some(*status),
            Self::Unexpected(response) => Some(response.status()),
            Self::Transport(_) | Self::PagingLoop | Self::Held { .. } => None,
        }
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorContext {
            method,
            path,
            attempts,
            elapsed,
            retry_in,
            ..
        } = &self.0.context;
        write!(f, "{method} {path}: {}", self.0.kind)?;
        if *attempts > 1 {
            write!(
                f,
                " (after {attempts} attempts in {:.1} s)",
                elapsed.as_secs_f64()
            )?;
        }
        if let Some(wait) = retry_in {
            write!(f, "; call again in {}", Span(*wait))?;
        }
        Ok(())
    }
}

impl fmt::Debug for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphError")
            .field("kind", &self.0.kind)
            .field("context", &self.0.context)
            .finish()
    }
}

impl StdError for GraphError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.kind {
            // `Display` includes the transport error's text, so the chain continues with the cause of that.
            GraphErrorKind::Transport(error) => error.source(),
            _ => None,
        }
    }
}

/// Displays a duration, rounded up: in seconds below two minutes, in minutes above.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0);
        if seconds < 120 {
            write!(f, "{seconds} s")
        } else {
            write!(f, "{} min", seconds.div_ceil(60))
        }
    }
}
