//! When a failed call is made again, and after what pause. All of it is decided here, and nowhere else.

mod after;
mod jitter;
mod policy;

use std::time::Duration;

use http::StatusCode;

pub(crate) use after::retry_after;
pub use jitter::Jitter;
pub use policy::RetryPolicy;

use crate::code::RetryAdvice;
use crate::error::{GraphErrorKind, TransportErrorKind};

/// What may be done after a failure, before attempts and time are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Stop,
    /// After a short pause.
    Soon,
    /// After a longer pause: limits, where further calls make it worse.
    Slowly,
}

/// Decides by the kind of failure and by whether the call may be repeated without harm.
///
/// The rule: retry when Graph says `is_transient`, at HTTP 429, at HTTP 5xx unless the code is known as final, and for codes
/// known as passing. A call that may not be repeated is made again only where it is sure that nothing was done.
pub(crate) fn verdict(kind: &GraphErrorKind, repeatable: bool) -> Verdict {
    let if_repeatable = |verdict| if repeatable { verdict } else { Verdict::Stop };
    match kind {
        GraphErrorKind::RateLimited(_) => Verdict::Slowly,
        GraphErrorKind::Transport(error) => match error.kind() {
            TransportErrorKind::Connect => Verdict::Soon,
            TransportErrorKind::Timeout | TransportErrorKind::Interrupted => if_repeatable(Verdict::Soon),
            TransportErrorKind::Tls | TransportErrorKind::TooLarge | TransportErrorKind::Request => {
                Verdict::Stop
            }
        },
        GraphErrorKind::Api(api) => match api.code().retry() {
            RetryAdvice::Soon => if_repeatable(Verdict::Soon),
            RetryAdvice::Slowly => Verdict::Slowly,
            RetryAdvice::Never | RetryAdvice::Later => {
                let unknown = api.code().known_as().is_none();
                let server_trouble = unknown && api.status().is_server_error();
                if api.transient() == Some(true) || server_trouble {
                    if_repeatable(Verdict::Soon)
                } else {
                    Verdict::Stop
                }
            }
        },
        GraphErrorKind::Unexpected(answer) if passing(answer.status()) => if_repeatable(Verdict::Soon),
        GraphErrorKind::Unexpected(_) | GraphErrorKind::Redirect { .. } | GraphErrorKind::PagingLoop => {
            Verdict::Stop
        }
    }
}

/// Whether the same call may succeed later with nothing changed, whoever makes it.
pub(crate) fn is_transient(kind: &GraphErrorKind) -> bool {
    verdict(kind, true) != Verdict::Stop
}

fn passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

/// Returns the pause before the next attempt, or `None` when the policy allows no further one.
///
/// A delay told by the server is kept to exactly: coming earlier is useless. When it is longer than the time that is left,
/// there is no further attempt, and the caller is told when to come back.
pub(crate) fn pause(
    policy: &RetryPolicy,
    verdict: Verdict,
    attempt: u32,
    elapsed: Duration,
    told: Option<Duration>,
) -> Option<Duration> {
    if attempt >= policy.max_attempts {
        return None;
    }
    let pause = match (verdict, told) {
        (Verdict::Stop, _) => return None,
        (_, Some(told)) => told,
        (Verdict::Soon, None) => policy.short_pause(attempt),
        (Verdict::Slowly, None) => policy.long_pause(attempt),
    };
    (elapsed.saturating_add(pause) < policy.max_elapsed).then_some(pause)
}
