//! Rate limits of log lines that any client can cause.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::Instrument as _;

/// The number of lines written without a delay.
const BURST: u32 = 50;
/// The time between two lines once the burst is used up.
const INTERVAL: Duration = Duration::from_secs(1);
/// After this time the number of suppressed lines is reported, if no later line has reported it.
const REPORT_AFTER: Duration = Duration::from_secs(10);

/// Limits how often one kind of log line is written, and counts the suppressed lines.
///
/// It is a token bucket: 50 lines at once, then one per second. The next line that is written carries the
/// number of lines suppressed before it. If none follows within 10 seconds, or the last clone is dropped, an
/// `INFO` line with the fields `kind` and `suppressed` reports the number; for the timer,
/// [`log`](LogThrottle::log) must be called within a Tokio runtime. Clones share the limit.
///
/// ```
/// # let method = "PUT";
/// let throttle = wa_flows::LogThrottle::new("unknown path");
/// throttle.log(|suppressed| tracing::warn!(method, suppressed, "no endpoint has this path"));
/// ```
#[derive(Debug, Clone)]
pub struct LogThrottle {
    limit: Arc<Limit>,
}

#[derive(Debug)]
struct Limit {
    kind: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The time at which the bucket is full again; `None` before the first line.
    full_at: Option<Instant>,
    suppressed: u64,
    report_pending: bool,
}

impl LogThrottle {
    /// Creates the limit of one kind of line; `kind` names it in the report of suppressed lines.
    pub fn new(kind: &'static str) -> Self {
        let state = Mutex::default();
        Self {
            limit: Arc::new(Limit { kind, state }),
        }
    }

    /// Calls `write` if a line may be written now, with the number of lines suppressed since the last one, or
    /// `None` if there are none.
    pub fn log(&self, write: impl FnOnce(Option<u64>)) {
        if let Some(suppressed) = self.limit.admit(Instant::now()) {
            write((suppressed > 0).then_some(suppressed));
        } else {
            self.report_later();
        }
    }

    /// Schedules a report of the suppressed lines, so that the number is logged even if no more lines follow.
    fn report_later(&self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if std::mem::replace(&mut self.limit.state().report_pending, true) {
            return;
        }
        let limit = Arc::downgrade(&self.limit);
        let report = async move {
            tokio::time::sleep(REPORT_AFTER).await;
            if let Some(limit) = limit.upgrade() {
                limit.report();
            }
        };
        runtime.spawn(report.in_current_span());
    }
}

impl Limit {
    /// Takes a token, and returns the number of lines suppressed before; `None` if the bucket is empty.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.state();
        let full_at = state.full_at.map_or(now, |full_at| full_at.max(now));
        if full_at - now > INTERVAL * (BURST - 1) {
            state.suppressed += 1;
            return None;
        }
        state.full_at = Some(full_at + INTERVAL);
        Some(std::mem::take(&mut state.suppressed))
    }

    fn report(&self) {
        let suppressed = {
            let mut state = self.state();
            state.report_pending = false;
            std::mem::take(&mut state.suppressed)
        };
        if suppressed > 0 {
            tracing::info!(kind = self.kind, suppressed, "log lines were suppressed");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.report();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_written_in_full_and_then_a_line_per_second_with_the_count() {
        let throttle = LogThrottle::new("test");
        let start = Instant::now();
        let admitted = |at: Duration| throttle.limit.admit(start + at);
        for _ in 0..BURST {
            assert_eq!(admitted(Duration::ZERO), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(admitted(Duration::ZERO), None);
        }
        assert_eq!(admitted(INTERVAL / 2), None);
        assert_eq!(admitted(INTERVAL), Some(8));
        assert_eq!(admitted(INTERVAL), None);
        assert_eq!(admitted(INTERVAL * 2), Some(1));
        let rested = INTERVAL * 1000;
        let again = (0..2 * BURST).filter(|_| admitted(rested).is_some()).count();
        assert_eq!(again, BURST as usize);
    }
}
