//! The client's source of time, replaceable so that tests need not wait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The client's source of time and its timer.
///
/// [`SystemClock`] is the default. It waits with Tokio's timer, so paused Tokio time works as well. Implement
/// this trait for tests with real sockets, in which Tokio's time cannot be paused.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time of day, for `appsecret_time` and for
    /// [`GraphError::retry_at`](crate::GraphError::retry_at).
    fn now(&self) -> SystemTime;

    /// Returns the time since a fixed moment; it never decreases.
    fn monotonic(&self) -> Duration;

    /// Waits for this time.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The system clock and Tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sleeping_moves_the_clock_and_obeys_tokios_paused_time() {
        let clock = SystemClock;
        let before = clock.monotonic();
        clock.sleep(Duration::from_hours(1)).await;
        assert!(clock.monotonic() >= before + Duration::from_hours(1));
    }
}
