//! The memory of envelopes that were answered.

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::Instant;

/// How long and how many envelopes are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayWindow {
    /// How long an envelope is remembered.
    pub lasts: Duration,
    /// How many envelopes are remembered at most, at some 100 bytes each; beyond, the oldest is forgotten.
    pub entries: NonZeroUsize,
}

impl ReplayWindow {
    /// Remembers at most `entries` envelopes for `lasts`.
    #[must_use]
    pub fn new(lasts: Duration, entries: NonZeroUsize) -> Self {
        Self { lasts, entries }
    }
}

/// Ten minutes and 100,000 envelopes.
impl Default for ReplayWindow {
    fn default() -> Self {
        Self::new(
            Duration::from_mins(10),
            NonZeroUsize::new(100_000).unwrap_or(NonZeroUsize::MIN),
        )
    }
}

/// Refuses envelopes that came before.
pub(crate) struct ReplayGuard {
    window: ReplayWindow,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    marks: HashSet<Mark>,
    /// In the order in which they came.
    order: VecDeque<(Instant, Mark)>,
}

/// What stands for an envelope: half of a SHA-256.
pub(crate) type Mark = [u8; 16];

impl ReplayGuard {
    pub(crate) fn new(window: ReplayWindow) -> Self {
        Self {
            window,
            seen: Mutex::new(Seen::default()),
        }
    }

    /// Remembers an envelope; false if it is remembered already.
    pub(crate) fn admit(&self, mark: Mark) -> bool {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while seen
            .order
            .front()
            .is_some_and(|(came, _)| now.duration_since(*came) >= self.window.lasts)
        {
            seen.forget_oldest();
        }
        if seen.marks.contains(&mark) {
            return false;
        }
        // Only what is new may take the place of the oldest.
        if seen.order.len() >= self.window.entries.get() {
            seen.forget_oldest();
        }
        seen.marks.insert(mark);
        seen.order.push_back((now, mark));
        true
    }
}

impl Seen {
    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.order.pop_front() {
            self.marks.remove(&oldest);
        }
    }
}

/// The mark of an envelope: phones make a new key and IV for each request, so that both together name it.
pub(crate) fn mark(encrypted_key: &[u8], iv: &[u8]) -> Mark {
    let hash = digest(&SHA256, &[encrypted_key, iv].concat());
    let mut mark = Mark::default();
    for (byte, of_hash) in mark.iter_mut().zip(hash.as_ref()) {
        *byte = *of_hash;
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(seconds: u64, entries: usize) -> ReplayGuard {
        let entries = NonZeroUsize::new(entries).unwrap();
        ReplayGuard::new(ReplayWindow::new(Duration::from_secs(seconds), entries))
    }

    #[tokio::test(start_paused = true)]
    async fn an_envelope_is_refused_until_its_time_is_over() {
        let guard = guard(60, 10);
        assert!(guard.admit([1; 16]));
        assert!(!guard.admit([1; 16]));
        assert!(guard.admit([2; 16]));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!guard.admit([1; 16]));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(guard.admit([1; 16]));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_the_oldest_goes_first() {
        let guard = guard(60, 3);
        for number in 1..=4 {
            assert!(guard.admit([number; 16]));
        }
        assert!(guard.admit([1; 16]), "forgotten");
        assert!(!guard.admit([4; 16]));
        let seen = guard.seen.lock().unwrap();
        assert!(seen.marks.len() <= 3 && seen.order.len() == seen.marks.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_memory_refuses_its_oldest_envelope_and_keeps_it() {
        let guard = guard(60, 3);
        for number in 1..=3 {
            assert!(guard.admit([number; 16]));
        }
        for number in 1..=3 {
            assert!(!guard.admit([number; 16]), "{number}");
        }
    }

    #[test]
    fn key_and_iv_both_make_the_mark() {
        assert_ne!(mark(&[1; 256], &[2; 16]), mark(&[1; 256], &[3; 16]));
        assert_ne!(mark(&[1; 256], &[2; 16]), mark(&[2; 256], &[2; 16]));
    }
}
