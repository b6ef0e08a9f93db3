//! Time as the client sees it, so that tests need not wait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Where the client takes the time from and how it waits.
///
/// [`SystemClock`] is the default. Waiting goes through Tokio, so paused Tokio time works as well; a clock of one's own is
/// for tests with real sockets, which must not wait really.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time of day, for `appsecret_time` and for saying when to come back.
    fn now(&self) -> SystemTime;

    /// Returns the time since some fixed moment; it never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock and Tokio's timer.
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
