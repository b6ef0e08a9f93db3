//! What can go wrong with a call, classified once.

mod api;
mod remedy;
mod transport;
mod unexpected;

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};

pub use api::ApiError;
pub use transport::{TransportError, TransportErrorKind};
pub use unexpected::{BodyKind, UnexpectedAnswer};

use crate::code::{CodeKind, ErrorCode, LimitScope};
use crate::usage::Usage;

/// A call that failed for good: what happened, in which call, after how many attempts.
///
/// `Display` tells all of it on one line; [`GraphError::remedy`] tells what to do. [`GraphError::kind`] is for callers that
/// act on the variant, the predicates are for those that need less.
///
/// ```
/// use wa_graph::{ErrorCode, GraphError};
///
/// fn explain(error: &GraphError) -> &'static str {
///     match error.code().map(ErrorCode::number) {
///         Some(100) => "the key or the id is not valid",
///         Some(10) => "the token may not do this",
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

/// What is known of the call that failed.
#[derive(Debug, Clone)]
pub(crate) struct ErrorContext {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
    pub(crate) retry_in: Option<Duration>,
    pub(crate) retry_at: Option<SystemTime>,
    pub(crate) fbtrace_id: Option<String>,
    pub(crate) usage: Usage,
}

/// The kinds of failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphErrorKind {
    /// Graph answered with an error.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// Too many calls: HTTP 429 or a code that stands for a limit. [`GraphError::retry_in`] says when to come back.
    #[error("rate limited: {}", .0.as_ref().map_or_else(|| "HTTP 429".to_owned(), ToString::to_string))]
    RateLimited(Option<Box<ApiError>>),
    /// No whole answer arrived.
    #[error("{0}")]
    Transport(TransportError),
    /// The answer was a redirect, which is never followed, so that the token stays with the host that it was meant for.
    #[error("the server answered with a redirect (HTTP {}) to {}, which is not followed", .status.as_u16(), .host.as_deref().unwrap_or("no host"))]
    Redirect {
        /// The HTTP status.
        status: StatusCode,
        /// The host that the answer points to, if it names one.
        host: Option<String>,
    },
    /// The answer is neither the JSON that was asked for nor a Graph error.
    #[error("{0}")]
    Unexpected(UnexpectedAnswer),
    /// A listing gave the same cursor twice, so it would never end.
    #[error("the listing came back to a cursor that it had given before")]
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

    /// Returns the error that Graph answered with, if it did.
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

    /// Returns the HTTP status, if an answer came at all.
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
    pub fn remedy(&self) -> Option<&'static str> {
        remedy::of(&self.0.kind)
    }

    /// Returns how long to wait before the next call, as the server told it with the last answer.
    pub fn retry_in(&self) -> Option<Duration> {
        self.0.context.retry_in
    }

    /// Returns the moment before which another call makes no sense: [`GraphError::retry_in`] from when the answer came.
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.0.context.retry_at
    }

    /// Returns how near its limits the app and the account are, as the last answer told it.
    pub fn usage(&self) -> &Usage {
        &self.0.context.usage
    }

    /// Returns how often the call was made.
    pub fn attempts(&self) -> u32 {
        self.0.context.attempts
    }

    /// Returns how long it took in all, pauses included.
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

    /// Returns whether the token itself is refused: missing, expired, revoked, malformed.
    pub fn is_token(&self) -> bool {
        self.code_kind() == Some(CodeKind::Token)
    }

    /// Returns whether a parameter is missing or wrong.
    pub fn is_parameter(&self) -> bool {
        self.code_kind() == Some(CodeKind::Parameter)
    }

    /// Returns whether no object of that id exists, as far as this token can see.
    pub fn is_not_found(&self) -> bool {
        self.api().is_some_and(|api| {
            api.code().kind() == CodeKind::NotFound
                || (api.code().number() == 100 && api.subcode() == Some(33))
        })
    }

    /// Returns whether the phone number is not registered with Cloud API as it should be, or may not have a key.
    pub fn is_registration(&self) -> bool {
        self.api()
            .is_some_and(|api| api.code().kind() == CodeKind::Registration || api.is_not_eligible())
    }

    /// Returns whether too many calls were made.
    pub fn is_rate_limited(&self) -> bool {
        matches!(self.0.kind, GraphErrorKind::RateLimited(_))
    }

    /// Returns which calls are refused, if this one was refused by a rate limit.
    ///
    /// HTTP 429 without a code that names a narrower limit counts as a limit of the caller.
    pub fn limit_scope(&self) -> Option<LimitScope> {
        match &self.0.kind {
            GraphErrorKind::RateLimited(api) => Some(
                api.as_ref()
                    .and_then(|api| api.code().limit_scope())
                    .unwrap_or(LimitScope::Caller),
            ),
            _ => None,
        }
    }

    /// Returns whether any other call of the same client would fail in the same way, whatever it is about: the token or the
    /// app's proof is refused, the app or the user has reached a limit, or Graph cannot be reached.
    ///
    /// A run over many objects stops at such an error.
    pub fn affects_every_call(&self) -> bool {
        match &self.0.kind {
            GraphErrorKind::Api(api) => api.code().kind() == CodeKind::Token || api.needs_app_secret_proof(),
            GraphErrorKind::RateLimited(_) => self.limit_scope() == Some(LimitScope::Caller),
            GraphErrorKind::Transport(error) => error.kind().is_unsent(),
            GraphErrorKind::Redirect { .. } => true,
            GraphErrorKind::Unexpected(_) | GraphErrorKind::PagingLoop => false,
        }
    }

    /// Returns whether the same call may succeed later with nothing changed: passing trouble, limits, broken connections.
    pub fn is_transient(&self) -> bool {
        crate::retry::is_transient(&self.0.kind)
    }

    fn code_kind(&self) -> Option<CodeKind> {
        self.code().map(ErrorCode::kind)
    }
}

impl GraphErrorKind {
    /// Returns the error that Graph answered with, if it did.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(api) | Self::RateLimited(Some(api)) => Some(api),
            _ => None,
        }
    }

    /// Returns the HTTP status, if an answer came at all.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api(api) | Self::RateLimited(Some(api)) => Some(api.status()),
            Self::RateLimited(None) => Some(StatusCode::TOO_MANY_REQUESTS),
            Self::Redirect { status, .. } => Some(*status),
            Self::Unexpected(answer) => Some(answer.status()),
            Self::Transport(_) | Self::PagingLoop => None,
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
            write!(f, "; come back in {}", Span(*wait))?;
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
            // The transport error's own text is part of this one's, so the chain goes on below it.
            GraphErrorKind::Transport(error) => error.source(),
            _ => None,
        }
    }
}

/// A duration for people: seconds below two minutes, minutes above.
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
