//! The time of a call, apart from the waits for rate limits that do not count towards the retry policy.

use std::time::Duration;

use crate::clock::Clock;

pub(super) struct CallTime<'a> {
    clock: &'a dyn Clock,
    start: Duration,
    /// Waits that do not count.
    waits: Duration,
}

impl<'a> CallTime<'a> {
    pub(super) fn start(clock: &'a dyn Clock) -> Self {
        Self {
            clock,
            start: clock.monotonic(),
            waits: Duration::ZERO,
        }
    }

    /// Adds a wait for a rate limit, which does not count if the pacer has its own limit for waits.
    pub(super) fn waited(&mut self, wait: Duration, own_limit: Option<Duration>) {
        if own_limit.is_some() {
            self.waits = self.waits.saturating_add(wait);
        }
    }

    pub(super) fn waits(&self) -> Duration {
        self.waits
    }

    /// Returns the time since the call began.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.start)
    }

    /// Returns the time that counts towards the retry policy.
    pub(super) fn counted(&self) -> Duration {
        self.elapsed().saturating_sub(self.waits)
    }
}
