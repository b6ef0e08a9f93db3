//! How a new key is looked for after it was set.

use std::time::Duration;

/// How often and at what distance the registered key is read after it was set, until it shows.
///
/// How long a new key takes to show is not documented. Default: 4 reads, the first at once, then after 1, 2 and 3 seconds.
///
/// ```
/// use std::time::Duration;
/// use wa_encryption::ReadBack;
///
/// let patient = ReadBack::default().reads(6).pause(Duration::from_secs(2));
/// # let _ = patient;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBack {
    pub(crate) reads: u32,
    pause: Duration,
}

impl Default for ReadBack {
    fn default() -> Self {
        Self {
            reads: 4,
            pause: Duration::from_secs(1),
        }
    }
}

impl ReadBack {
    /// Sets how often the key is read at most. Default 4; 0 counts as 1.
    #[must_use]
    pub fn reads(mut self, reads: u32) -> Self {
        self.reads = reads.max(1);
        self
    }

    /// Sets the pause before the second read; each further one is longer by as much. Default 1 s.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Returns the pause after a read, counted from 1; `None` after the last.
    pub(crate) fn pause_after(&self, read: u32) -> Option<Duration> {
        (read < self.reads).then(|| self.pause.saturating_mul(read))
    }
}
