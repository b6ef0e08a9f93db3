//! How long things take and are waited for.

use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The times of key life. The defaults are safe; shorter ones are for tests.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// How long a step waits for instances and for the endpoint before it fails. Default 10 min.
    pub wait: Duration,
    /// The pause between two checks of a step that waits. Default 2 s.
    pub poll: Duration,
    /// A key that stopped being the primary is served at least this long. Default 7 days.
    pub grace: Duration,
    /// A key is retired only if no request used it for this long. Default 3 days.
    pub quiet: Duration,
    /// `gc` schedules the destruction of a key this long after it was disabled. Default 30 days.
    pub hold: Duration,
    /// `gc` destroys a key this long after it was scheduled. Default 7 days.
    pub scheduled: Duration,
    /// An instance that did not stop cleanly is waited for until its record has this age. Default 24 h.
    pub instance_age: Duration,
    /// The registered keys are read back this long after a promotion. Default 60 s.
    pub settle: Duration,
    /// No new key is made while the primary is younger. Default 24 h.
    pub min_age: Duration,
    /// An enabled key that is found registered this long after its grace time began gets a new one. Default 1
    /// h.
    pub late: Duration,
    /// Uploads of one number in 15 minutes, after which its signature status is reported as persistent.
    /// Default 3.
    pub uploads: u32,
    /// Pings that prove a key, per instance and at least. Default 3 and 10.
    pub pings: (usize, usize),
    /// Numbers that are read or uploaded at the same time. Default 4.
    pub concurrency: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            wait: Duration::from_mins(10),
            poll: Duration::from_secs(2),
            grace: 7 * DAY,
            quiet: 3 * DAY,
            hold: 30 * DAY,
            scheduled: 7 * DAY,
            instance_age: DAY,
            settle: Duration::from_mins(1),
            min_age: DAY,
            late: HOUR,
            uploads: 3,
            pings: (3, 10),
            concurrency: 4,
        }
    }
}

/// An upload follows its checks within this time, by a clock that counts sleep.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);
/// A clock that differs more from the registry's writes no event.
pub(crate) const MAX_CLOCK_ERROR: Duration = Duration::from_mins(5);
/// A step decides again this many times if other writers are faster.
pub(crate) const ROUNDS: usize = 20;
