//! Reading a new key back after it was set.

use std::time::Duration;

/// The number of reads and the pauses between them, until a new key is visible.
///
/// Meta does not document how long that takes. Default: 4 reads, the first immediately, the others after
/// pauses of 1, 2 and 3 seconds.
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
    /// Sets the maximum number of reads. Default 4; 0 counts as 1.
    #[must_use]
    pub fn reads(mut self, reads: u32) -> Self {
        self.reads = reads.max(1);
        self
    }

    /// Sets the pause before the second read; every further pause is longer by the same time. Default 1 s.
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
