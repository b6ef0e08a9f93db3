//! Graph's clock, which can differ from the clock of this machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_seconds: i64,
}

impl Clock {
    pub(crate) fn set_offset(&mut self, seconds: i64) {
        self.offset_seconds = seconds;
    }

    pub(crate) fn now(&self) -> SystemTime {
        let offset = Duration::from_secs(self.offset_seconds.unsigned_abs());
        let now = SystemTime::now();
        let moved = if self.offset_seconds < 0 {
            now.checked_sub(offset).map(|moved| moved.max(UNIX_EPOCH))
        } else {
            now.checked_add(offset)
        };
        moved.unwrap_or(now)
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn unix_seconds(&self) -> u64 {
        self.unix_ms() / 1000
    }
}
