//! A bounded log of every change of a registered key.

use std::collections::VecDeque;

use serde::Serialize;

use crate::world::{Id, hex};

/// The most entries that are kept; older ones are evicted.
const CAPACITY: usize = 1_000_000;

/// What happened to the key of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyChange {
    /// An upload was accepted.
    Uploaded,
    /// The control API set a key.
    Set,
    /// The control API removed the key.
    Removed,
    /// The number was re-registered: its key is a MISMATCH.
    Reregistered,
}

/// One change of a registered key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyEvent {
    /// The number of the change, from 1 since the start or the last reset; evicted entries are counted too.
    pub sequence: u64,
    /// When it took effect, in milliseconds since 1970 by Graph's clock.
    pub at_unix_ms: u64,
    /// The phone number id.
    pub number: String,
    /// What happened.
    pub change: KeyChange,
    /// The SHA-256 of the SPKI DER of the key that is registered now, as 64 hex digits; `None` if there is
    /// none.
    pub fingerprint: Option<String>,
}

#[derive(Debug)]
struct Entry {
    at_unix_ms: u64,
    number: Id,
    change: KeyChange,
    fingerprint: Option<[u8; 32]>,
}

#[derive(Debug, Default)]
pub(crate) struct KeyLog {
    entries: VecDeque<Entry>,
    last: u64,
}

impl KeyLog {
    pub(crate) fn record(
        &mut self,
        at_unix_ms: u64,
        number: Id,
        change: KeyChange,
        fingerprint: Option<[u8; 32]>,
    ) {
        if self.entries.len() >= CAPACITY {
            self.entries.pop_front();
        }
        self.last += 1;
        self.entries.push_back(Entry {
            at_unix_ms,
            number,
            change,
            fingerprint,
        });
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn total(&self) -> u64 {
        self.last
    }

    /// Returns at most `limit` entries after number `after`, oldest first.
    pub(crate) fn events(&self, after: u64, limit: usize) -> Vec<KeyEvent> {
        let evicted = self.last - self.entries.len() as u64;
        let skip = usize::try_from(after.saturating_sub(evicted)).unwrap_or(usize::MAX);
        (evicted + 1..)
            .zip(&self.entries)
            .skip(skip)
            .take(limit)
            .map(|(sequence, entry)| KeyEvent {
                sequence,
                at_unix_ms: entry.at_unix_ms,
                number: entry.number.to_string(),
                change: entry.change,
                fingerprint: entry.fingerprint.as_ref().map(hex),
            })
            .collect()
    }
}
