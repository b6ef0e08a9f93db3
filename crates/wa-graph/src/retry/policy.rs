//! The limits for attempts and pauses.

use std::time::Duration;

use super::Jitter;

/// The limits for attempts and for the pauses between them.
///
/// The policy does not decide which failures are retried. Defaults: 4 attempts within 60 seconds. Pauses are
/// random between 0 and 250 ms, doubled with every attempt, at most 10 s. After a rate limit without a
/// requested delay, they are between 5 and 10 s, doubled with every attempt.
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

/// Whether a call is retried after a rate limit refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum LimitRetry {
    /// After the delay that the server requests, or after the policy's own pause if it requests none.
    #[default]
    Always,
    /// Only if the server requests a delay, and after that delay. Calls during a limit prolong it, so
    /// guessing is expensive if many calls share the limit.
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
    /// Returns a policy of one attempt, limited only by the request timeout.
    pub fn none() -> Self {
        Self::default().max_attempts(1).max_elapsed(Duration::MAX)
    }

    /// Sets the maximum number of attempts, including the first. Default 4; 0 counts as 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets the time limit for all attempts and pauses together. Default 60 s.
    #[must_use]
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.max_elapsed = elapsed;
        self
    }

    /// Sets the upper bound of the first pause, which doubles with every attempt. Default 250 ms.
    #[must_use]
    pub fn base_pause(mut self, pause: Duration) -> Self {
        self.base_pause = pause;
        self
    }

    /// Sets the upper bound of every pause that the server does not request. Default 10 s.
    #[must_use]
    pub fn max_pause(mut self, pause: Duration) -> Self {
        self.max_pause = pause;
        self
    }

    /// Sets the upper bound of the first pause after a rate limit without a requested delay; the lower bound
    /// is half of it. Default 10 s.
    #[must_use]
    pub fn limit_pause(mut self, pause: Duration) -> Self {
        self.limit_pause = pause;
        self
    }

    /// Sets whether a call is retried after a rate limit refused it. Default [`LimitRetry::Always`].
    #[must_use]
    pub fn limit_retry(mut self, retry: LimitRetry) -> Self {
        self.limit_retry = retry;
        self
    }

    /// Sets the source of randomness for pauses. Default [`Jitter::random`].
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// "Full jitter": uniform between zero and a bound that doubles.
    pub(crate) fn short_pause(&self, attempt: u32) -> Duration {
        doubled(self.base_pause, attempt)
            .min(self.max_pause)
            .mul_f64(self.jitter.next())
    }

    /// Between half of a bound that doubles and the bound: never zero, because calls during a limit prolong
    /// it.
    pub(crate) fn long_pause(&self, attempt: u32) -> Duration {
        doubled(self.limit_pause, attempt).mul_f64(0.5 + self.jitter.next() / 2.0)
    }
}

/// Returns the pause, doubled for every attempt after the first, at most 24 hours.
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
