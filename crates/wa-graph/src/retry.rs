//! Decides whether and after what pause a failed call is retried. No other module makes this decision.

mod after;
mod jitter;
mod notice;
mod policy;

use std::time::Duration;

use http::StatusCode;

pub(crate) use after::{date, retry_after};
pub use jitter::Jitter;
pub use notice::RetryNotice;
pub(crate) use notice::RetryObserver;
pub use policy::{LimitRetry, RetryPolicy};

use crate::code::RetryAdvice;
use crate::error::{GraphErrorKind, TransportErrorKind};

/// Whether a retry can help after a failure, regardless of the attempts and the time that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Stop,
    /// After a short pause.
    Soon,
    /// After a longer pause: during a rate limit, further calls prolong it.
    Slowly,
}

/// Decides by the kind of failure and by whether the call is safe to repeat.
///
/// The rule: retry if Graph returns `is_transient`, for HTTP 429, for HTTP 5xx unless the code is known to be
/// permanent, and for codes known to be temporary. A call that is not safe to repeat is retried only if the
/// server certainly did not execute it.
pub(crate) fn verdict(kind: &GraphErrorKind, repeatable: bool) -> Verdict {
    let if_repeatable = |verdict| if repeatable { verdict } else { Verdict::Stop };
    match kind {
        GraphErrorKind::RateLimited(_) | GraphErrorKind::Held { .. } => Verdict::Slowly,
        GraphErrorKind::Transport(error) => match error.kind() {
            TransportErrorKind::Connect => Verdict::Soon,
            TransportErrorKind::Timeout | TransportErrorKind::Interrupted | TransportErrorKind::Encoding => {
                if_repeatable(Verdict::Soon)
            }
            TransportErrorKind::Tls | TransportErrorKind::TooLarge | TransportErrorKind::Request => {
                Verdict::Stop
            }
        },
        GraphErrorKind::Api(api) => match api.code().retry() {
            RetryAdvice::Soon => if_repeatable(Verdict::Soon),
            RetryAdvice::Slowly => Verdict::Slowly,
            RetryAdvice::Never | RetryAdvice::Later => {
                let unknown = api.code().known_as().is_none();
                let server_failure = unknown && api.status().is_server_error();
                if api.transient() == Some(true) || server_failure {
                    if_repeatable(Verdict::Soon)
                } else {
                    Verdict::Stop
                }
            }
        },
        GraphErrorKind::Unexpected(response) if is_temporary(response.status()) => {
            if_repeatable(Verdict::Soon)
        }
        GraphErrorKind::Unexpected(_) | GraphErrorKind::Redirect { .. } | GraphErrorKind::PagingLoop => {
            Verdict::Stop
        }
    }
}

/// Returns whether the same call may succeed later without any change, provided that it is safe to repeat.
pub(crate) fn is_transient(kind: &GraphErrorKind) -> bool {
    verdict(kind, true) != Verdict::Stop
}

fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

/// Returns the pause before the next attempt, or `None` if the policy allows no further attempt.
///
/// A delay that the server requests is kept exactly, because an earlier call would be refused too. If the
/// delay exceeds the time that is left, there is no further attempt, and the error reports when to call
/// again.
pub(crate) fn pause(
    policy: &RetryPolicy,
    verdict: Verdict,
    attempt: u32,
    elapsed: Duration,
    requested: Option<Duration>,
) -> Option<Duration> {
    if attempt >= policy.max_attempts {
        return None;
    }
    let pause = match (verdict, requested) {
        (Verdict::Stop, _) => return None,
        (_, Some(delay)) => delay,
        (Verdict::Soon, None) => policy.short_pause(attempt),
        (Verdict::Slowly, None) if policy.limit_retry == LimitRetry::WhenRequested => return None,
        (Verdict::Slowly, None) => policy.long_pause(attempt),
    };
    (elapsed.saturating_add(pause) < policy.max_elapsed).then_some(pause)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::{ApiError, BodyKind, TransportError, UnexpectedResponse};
    use crate::redact::Redactor;
    use wa_secrets::AccessToken;

    fn api(status: u16, code: i64, transient: Option<bool>) -> GraphErrorKind {
        let token = AccessToken::new("EAAtoken").unwrap();
        let error = json!({"code": code, "is_transient": transient});
        let status = StatusCode::from_u16(status).unwrap();
        let api = ApiError::parse(status, &error, &Redactor::new(&token, None, &[])).unwrap();
        GraphErrorKind::Api(Box::new(api))
    }

    fn transport(kind: TransportErrorKind) -> GraphErrorKind {
        GraphErrorKind::Transport(TransportError::new(kind, None))
    }

    fn html(status: u16) -> GraphErrorKind {
        let status = StatusCode::from_u16(status).unwrap();
        GraphErrorKind::Unexpected(UnexpectedResponse::new(status, BodyKind::Html, 6, None))
    }

    #[test]
    fn the_kind_of_failure_and_repeatability_decide() {
        use TransportErrorKind::{Connect, Interrupted, Request, Timeout, Tls, TooLarge};
        use Verdict::{Slowly, Soon, Stop};
        let host = None;
        for (kind, if_repeatable, otherwise) in [
            (transport(Connect), Soon, Soon),
            (transport(Tls), Stop, Stop),
            (transport(Timeout), Soon, Stop),
            (transport(Interrupted), Soon, Stop),
            (transport(TooLarge), Stop, Stop),
            (transport(Request), Stop, Stop),
            (GraphErrorKind::RateLimited(None), Slowly, Slowly),
            (
                GraphErrorKind::Redirect {
                    status: StatusCode::FOUND,
                    host,
                },
                Stop,
                Stop,
            ),
            (GraphErrorKind::PagingLoop, Stop, Stop),
            (html(502), Soon, Stop),
            (html(408), Soon, Stop),
            (html(200), Stop, Stop),
            (html(404), Stop, Stop),
            (api(500, 2, None), Soon, Stop),
            (api(400, 1, Some(false)), Soon, Stop),
            (api(400, 80_007, None), Slowly, Slowly),
            (api(500, 3, None), Stop, Stop),
            (api(500, 131_045, Some(false)), Stop, Stop),
            (api(400, 100, Some(true)), Soon, Stop),
            (api(400, 987_654, None), Stop, Stop),
            (api(503, 987_654, None), Soon, Stop),
            (api(400, 133_015, None), Stop, Stop),
        ] {
            assert_eq!(verdict(&kind, true), if_repeatable, "{kind:?}");
            assert_eq!(verdict(&kind, false), otherwise, "{kind:?}");
            assert_eq!(is_transient(&kind), if_repeatable != Stop, "{kind:?}");
        }
    }

    #[test]
    fn attempts_and_time_limit_the_pauses() {
        let policy = RetryPolicy::default()
            .max_attempts(3)
            .max_elapsed(Duration::from_secs(10));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let at = |attempt, elapsed, requested| {
            pause(
                &policy,
                Verdict::Soon,
                attempt,
                Duration::from_secs(elapsed),
                requested,
            )
        };
        assert!(at(1, 0, None).is_some() && at(2, 0, None).is_some());
        assert_eq!(at(3, 0, None), None);
        assert_eq!(at(1, 4, seconds(5)), seconds(5));
        assert_eq!(at(1, 5, seconds(5)), None);
        assert_eq!(at(1, u64::MAX, None), None);
        assert_eq!(pause(&policy, Verdict::Stop, 1, Duration::ZERO, seconds(1)), None);
    }
}
