//! Time: the time of day, a clock that never goes back, and waiting.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

/// The source of time of all operations, replaceable for tests and simulations.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time of day.
    fn now(&self) -> SystemTime;

    /// Returns the time since a fixed moment. It never decreases, and counts the time in which the machine
    /// sleeps: a laptop that is opened the next day must not upload what it checked the day before.
    fn monotonic(&self) -> Duration;

    /// Waits for this time.
    async fn sleep(&self, duration: Duration);
}

/// The system's clocks, and Tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        since_boot()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Linux's `CLOCK_MONOTONIC` stops while the machine sleeps; `CLOCK_BOOTTIME` does not.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// On Apple's systems, `CLOCK_MONOTONIC` counts sleep, and `Instant` does not.
#[cfg(all(unix, not(target_os = "linux")))]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Windows' performance counter counts sleep.
#[cfg(not(unix))]
fn since_boot() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}
