//! How much time has passed, if no clock is trusted alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::FleetError;
use crate::outside::Clock;
use crate::policy::MAX_CLOCK_ERROR;

/// Compares this machine's clock with the registry's.
///
/// A clock that is ahead would end grace times early, so the smaller of both times counts, and the times of
/// events and records are the later of the writer's and the store's.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    clock: Arc<dyn Clock>,
    /// The registry's time, and the monotonic time at which it was received.
    registry: Mutex<Option<(SystemTime, Duration)>>,
    both: bool,
}

impl Timekeeper {
    pub(crate) fn new(clock: Arc<dyn Clock>, both: bool) -> Self {
        Self {
            clock,
            registry: Mutex::new(None),
            both,
        }
    }

    /// Remembers the time of the registry's last response.
    pub(crate) fn note(&self, date: Option<SystemTime>) {
        if let Some(date) = date {
            let received = self.clock.monotonic();
            *self.registry.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, received));
        }
    }

    /// Returns the registry's time of day now.
    fn registry_now(&self) -> Option<SystemTime> {
        let known = *self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let (date, received) = known.filter(|_| self.both)?;
        date.checked_add(self.clock.monotonic().saturating_sub(received))
    }

    /// Returns the time since a moment, at least.
    pub(crate) fn since(&self, moment: SystemTime) -> Duration {
        let own = self.clock.now();
        let now = self.registry_now().map_or(own, |registry| registry.min(own));
        now.duration_since(moment).unwrap_or_default()
    }

    /// Fails if this machine's clock differs too much from the registry's to stamp an event.
    pub(crate) fn check(&self) -> Result<(), FleetError> {
        let Some(registry) = self.registry_now() else {
            return Ok(());
        };
        let own = self.clock.now();
        let (by, is_ahead) = match own.duration_since(registry) {
            Ok(ahead) => (ahead, true),
            Err(behind) => (behind.duration(), false),
        };
        if by <= MAX_CLOCK_ERROR {
            return Ok(());
        }
        let by = Duration::from_secs(by.as_secs());
        Err(FleetError::WrongClock { by, is_ahead })
    }
}
