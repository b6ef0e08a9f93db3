//! The rate limits that last, by the calls that they refuse.

use std::collections::HashMap;
use std::time::Duration;

use super::HeldCalls;

/// Objects that are remembered; those whose limits end first are forgotten.
const MAX_OBJECTS: usize = 1024;
/// No limit is believed to last longer: windows are rolling hours.
const MAX_WAIT: Duration = Duration::from_hours(24);
/// Refusals of calls that were in flight together differ by less; they prolong a hold but are the same limit.
const SAME: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Holds {
    all: Option<Hold>,
    objects: HashMap<String, Hold>,
    /// When the next call may start, if calls start at intervals.
    next_start: Duration,
}

#[derive(Debug, Clone, Copy, Default)]
struct Hold {
    /// By the monotonic clock.
    until: Duration,
    is_reported: bool,
}

/// What a call that wants to start has to do.
pub(super) enum Next {
    Go,
    Hold {
        calls: HeldCalls,
        wait: Duration,
        /// Whether no other call waited for this limit before.
        is_new: bool,
    },
}

impl Holds {
    pub(super) fn all(&mut self, now: Duration, wait: Duration) {
        self.all.get_or_insert_default().prolong(now, wait);
    }

    pub(super) fn object(&mut self, id: &str, now: Duration, wait: Duration) {
        if !self.objects.contains_key(id) && self.objects.len() >= MAX_OBJECTS {
            self.objects.retain(|_, hold| hold.until > now);
            if self.objects.len() >= MAX_OBJECTS
                && let Some(first) = self.objects.iter().min_by_key(|(_, hold)| hold.until)
            {
                let first = first.0.clone();
                self.objects.remove(&first);
            }
        }
        self.objects.entry(id.to_owned()).or_default().prolong(now, wait);
    }

    /// Returns the limit that ends last among those that hold a call about these objects.
    pub(super) fn next(&mut self, now: Duration, ids: &[&str]) -> Next {
        let mut longest = None;
        if let Some(hold) = self.all.filter(|hold| hold.until > now) {
            longest = Some((HeldCalls::All, hold));
        }
        for id in ids {
            if let Some(hold) = self.objects.get(*id).filter(|hold| hold.until > now)
                && longest.as_ref().is_none_or(|(_, other)| hold.until > other.until)
            {
                longest = Some((HeldCalls::Object((*id).to_owned()), *hold));
            }
        }
        let Some((calls, hold)) = longest else {
            return Next::Go;
        };
        let entry = match &calls {
            HeldCalls::All => self.all.as_mut(),
            HeldCalls::Object(id) => self.objects.get_mut(id),
        };
        if let Some(entry) = entry {
            entry.is_reported = true;
        }
        Next::Hold {
            calls,
            wait: hold.until.saturating_sub(now),
            is_new: !hold.is_reported,
        }
    }

    /// Reserves the start of a call.
    pub(super) fn slot(&mut self, now: Duration, interval: Duration) -> Duration {
        let start = self.next_start.max(now);
        self.next_start = start.saturating_add(interval);
        start
    }

    pub(super) fn lasting(&self, now: Duration) -> Vec<(HeldCalls, Duration)> {
        let all = self.all.iter().map(|hold| (HeldCalls::All, hold));
        let objects = self
            .objects
            .iter()
            .map(|(id, hold)| (HeldCalls::Object(id.clone()), hold));
        let mut lasting: Vec<_> = all
            .chain(objects)
            .filter(|(_, hold)| hold.until > now)
            .map(|(calls, hold)| (calls, hold.until.saturating_sub(now)))
            .collect();
        lasting.sort();
        lasting
    }
}

impl Hold {
    fn prolong(&mut self, now: Duration, wait: Duration) {
        let until = now.saturating_add(wait.min(MAX_WAIT));
        let is_same = until <= self.until.saturating_add(SAME);
        self.is_reported &= is_same;
        self.until = self.until.max(until);
    }
}
