//! How often and how long a call is tried.

use std::time::Duration;

use super::Jitter;

/// How often and how long a call is tried, and how long the pauses are.
///
/// Whether a failure is worth another attempt does not depend on the policy. Defaults: 4 attempts within 60 seconds; pauses
/// random between 0 and 250 ms, doubled with every attempt, at most 10 s; after a limit was reached and the server did not
/// say for how long, between 5 and 10 s, doubled likewise.
///
/// ```
/// use std::time::Duration;
/// use wa_graph::RetryPolicy;
///
/// let patient = RetryPolicy::default().max_attempts(8).max_elapsed(Duration::from_secs(300));
/// let once = RetryPolicy::none();
/// # let _ = (patient, once);
/// ```
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) max_elapsed: Duration,
    base_pause: Duration,
    max_pause: Duration,
    limit_pause: Duration,
    pub(crate) limit_retry: LimitRetry,
    jitter: Jitter,
}

/// Whether a call is repeated after it was refused by a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum LimitRetry {
    /// After the delay that the server requests, or after the policy's own pause if it requests none.
    #[default]
    Always,
    /// Only if the server requests a delay, and after that delay: calls during a limit prolong it, so that guessing costs
    /// more than it gains where many calls share the limit.
    WhenRequested,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            max_elapsed: Duration::from_mins(1),
            base_pause: Duration::from_millis(250),
            max_pause: Duration::from_secs(10),
            limit_pause: Duration::from_secs(10),
            limit_retry: LimitRetry::default(),
            jitter: Jitter::random(),
        }
    }
}

impl RetryPolicy {
    /// Makes a policy of one attempt, bounded only by the request timeout.
    pub fn none() -> Self {
        Self::default().max_attempts(1).max_elapsed(Duration::MAX)
    }

    /// Sets how many attempts are made at most, the first included. Default 4; 0 counts as 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets how long all attempts and pauses together may take. Default 60 s.
    #[must_use]
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.max_elapsed = elapsed;
        self
    }

    /// Sets the bound of the first pause; it doubles with every attempt. Default 250 ms.
    #[must_use]
    pub fn base_pause(mut self, pause: Duration) -> Self {
        self.base_pause = pause;
        self
    }

    /// Sets the bound of any pause that the server has not asked for. Default 10 s.
    #[must_use]
    pub fn max_pause(mut self, pause: Duration) -> Self {
        self.max_pause = pause;
        self
    }

    /// Sets the bound of the first pause after a limit was reached and the server did not say for how long; at least half
    /// of it is waited. Default 10 s.
    #[must_use]
    pub fn limit_pause(mut self, pause: Duration) -> Self {
        self.limit_pause = pause;
        self
    }

    /// Sets whether a call is repeated after it was refused by a rate limit. Default [`LimitRetry::Always`].
    #[must_use]
    pub fn limit_retry(mut self, retry: LimitRetry) -> Self {
        self.limit_retry = retry;
        self
    }

    /// Sets where the pauses' randomness comes from. Default [`Jitter::random`].
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// "Full jitter": evenly between nothing and a bound that doubles.
    pub(crate) fn short_pause(&self, attempt: u32) -> Duration {
        doubled(self.base_pause, attempt)
            .min(self.max_pause)
            .mul_f64(self.jitter.next())
    }

    /// Between half and the whole of a bound that doubles: never at once, as calling on makes a limit's wait longer.
    pub(crate) fn long_pause(&self, attempt: u32) -> Duration {
        doubled(self.limit_pause, attempt).mul_f64(0.5 + self.jitter.next() / 2.0)
    }
}

/// The pause doubled for every attempt after the first; far below what `Duration` can hold for any real policy.
fn doubled(pause: Duration, attempt: u32) -> Duration {
    pause
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(Duration::from_hours(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_pauses_double_up_to_the_bound() {
        let policy = RetryPolicy::default().jitter(Jitter::seeded(1));
        for (attempt, bound) in [(1, 250), (2, 500), (3, 1000), (7, 10_000), (40, 10_000)] {
            for _ in 0..200 {
                assert!(
                    policy.short_pause(attempt) < Duration::from_millis(bound),
                    "{attempt}"
                );
            }
        }
    }

    #[test]
    fn long_pauses_are_never_short() {
        let policy = RetryPolicy::default().jitter(Jitter::seeded(1));
        for _ in 0..200 {
            let pause = policy.long_pause(2);
            assert!((10..=20).contains(&pause.as_secs()), "{pause:?}");
        }
        assert!(policy.long_pause(u32::MAX) <= Duration::from_hours(24));
    }
}
