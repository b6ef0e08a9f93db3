//! The log of a key set, folded into the states of its keys.

use std::collections::BTreeSet;
use std::time::SystemTime;

use wa_keys::Fingerprint;

use crate::event::{Change, Event};
use crate::state::KeyState;

/// A key set as its log describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetLog {
    events: Vec<Event>,
    keys: Vec<KeyRecord>,
    numbers: BTreeSet<String>,
    endpoint: Option<String>,
    title: Option<String>,
    promotion: Option<Promotion>,
    faults: Vec<LogFault>,
    pub(crate) compared: Compared,
}

/// True once the log was found to be no older than what any instance has read. It is no part of the log's
/// value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compared(pub(crate) bool);

impl PartialEq for Compared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Compared {}

/// One key of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The key.
    pub fingerprint: Fingerprint,
    /// Its state.
    pub state: KeyState,
    /// True if it was used before it was stored here.
    pub imported: bool,
    /// True if its private key may be known to others.
    pub compromised: bool,
    /// The number of the event that last made it servable: an instance serves it only if it has read that
    /// far.
    pub servable_since: u64,
    /// When its state began.
    pub state_since: SystemTime,
    /// When its grace time began: when it stopped being the primary, was enabled again, or was last found
    /// registered. For an imported key, when it was imported. `None` for a key that is pending or primary.
    pub grace_since: Option<SystemTime>,
}

/// The last promotion that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Promotion {
    /// The key that became the primary.
    pub to: Fingerprint,
    /// The primary before it, to which a rollback returns.
    pub from: Option<Fingerprint>,
    /// The number of the event.
    pub number: u64,
    /// When it was promoted.
    pub at: SystemTime,
}

/// A fault of a log. Endpoints continue to serve the keys that they have; [`SetLog::is_writable`] is false
/// for all but [`NoEffect`](LogFault::NoEffect).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// The state of the key did not allow the event.
    #[error("event {number} ({event}) has no effect: the key is {}", state.map_or("unknown", KeyState::label))]
    NoEffect {
        /// The number of the event.
        number: u64,
        /// Its name.
        event: String,
        /// The state of the key before it; `None` if the key is unknown.
        state: Option<KeyState>,
    },
    /// The event was written by a later version.
    #[error("event {number} is of an unknown kind: {event:?}")]
    UnknownEvent {
        /// The number of the event.
        number: u64,
        /// Its name.
        event: String,
    },
    /// An event is missing, although a later one exists.
    #[error("event {number} is missing")]
    Missing {
        /// The number of the event.
        number: u64,
    },
    /// The event is not readable.
    #[error("event {number} cannot be read: {reason}")]
    Damaged {
        /// The number of the event.
        number: u64,
        /// The fault.
        reason: String,
    },
}

impl SetLog {
    /// Returns the number of the last event, 0 if there is none.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.events.last().map_or(0, |event| event.number)
    }

    /// Returns the events, oldest first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns the keys, in the order in which they were added.
    #[must_use]
    pub fn keys(&self) -> &[KeyRecord] {
        &self.keys
    }

    /// Returns a key of the set.
    #[must_use]
    pub fn key(&self, fingerprint: Fingerprint) -> Option<&KeyRecord> {
        self.keys.iter().find(|key| key.fingerprint == fingerprint)
    }

    /// Returns the primary key; `None` before the first promotion.
    #[must_use]
    pub fn primary(&self) -> Option<&KeyRecord> {
        self.keys.iter().find(|key| key.state == KeyState::Primary)
    }

    /// Returns the newest key that a rotation can promote: stored and served, never uploaded, not imported.
    #[must_use]
    pub fn pending(&self) -> Option<&KeyRecord> {
        self.keys.iter().rev().find(|key| key.state == KeyState::Pending)
    }

    /// Returns the keys that endpoints decrypt with: the primary first, then the others, newest first.
    pub fn served(&self) -> impl Iterator<Item = &KeyRecord> {
        let others = |key: &&KeyRecord| key.state.is_served() && key.state != KeyState::Primary;
        self.primary()
            .into_iter()
            .chain(self.keys.iter().rev().filter(others))
    }

    /// Returns the last promotion that took effect.
    #[must_use]
    pub fn promotion(&self) -> Option<Promotion> {
        self.promotion
    }

    /// Returns the ids of the phone numbers that use the set.
    pub fn numbers(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().map(String::as_str)
    }

    /// Returns the URL of the endpoint that serves the set.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Returns the title of the set.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Returns what is wrong with the log.
    #[must_use]
    pub fn faults(&self) -> &[LogFault] {
        &self.faults
    }

    /// Returns true if an event may be appended: the whole log was read and understood.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.stop().is_none()
    }

    /// Returns the fault after which no event is applied.
    pub(crate) fn stop(&self) -> Option<&LogFault> {
        self.faults
            .last()
            .filter(|fault| !matches!(fault, LogFault::NoEffect { .. }))
    }

    /// Removes the fault that stops the log, so that its event can be read again.
    pub(crate) fn take_stop(&mut self) -> Option<LogFault> {
        self.stop()?;
        self.faults.pop()
    }

    /// Returns true if the change would take effect now.
    #[must_use]
    pub fn allows(&self, change: &Change) -> bool {
        let Some(fingerprint) = change.key() else {
            return matches!(change, Change::Configured { .. });
        };
        let key = self.key(fingerprint);
        let state = key.map(|key| key.state);
        let compromised = key.is_some_and(|key| key.compromised);
        match change {
            Change::Added { .. } => state.is_none(),
            Change::Promoted { from, .. } => {
                let primary = self.primary().map(|key| key.fingerprint);
                matches!(state, Some(KeyState::Pending | KeyState::Enabled)) && *from == primary
            }
            Change::Replaced { .. } => state == Some(KeyState::Enabled),
            Change::Disabled {
                compromised: leaked, ..
            } => match state {
                Some(KeyState::Pending | KeyState::Enabled | KeyState::DestroyScheduled) => true,
                // A leak may be found after the key was disabled.
                Some(KeyState::Disabled) => *leaked && !compromised,
                _ => false,
            },
            Change::Enabled { .. } => {
                matches!(state, Some(KeyState::Disabled | KeyState::DestroyScheduled)) && !compromised
            }
            Change::DestroyScheduled { .. } => state == Some(KeyState::Disabled),
            Change::Destroyed { .. } => matches!(state, None | Some(KeyState::DestroyScheduled)),
            Change::Configured { .. } | Change::Unknown { .. } => false,
        }
    }

    /// Applies the next event. An event that its state does not allow is recorded as a fault and changes
    /// nothing else.
    ///
    /// After an event that is missing or not understood, the rest of the log is not applied: its meaning may
    /// depend on it.
    pub(crate) fn push(&mut self, event: Event) {
        if !self.is_writable() {
            return;
        }
        let expected = self.last() + 1;
        if event.number != expected {
            self.faults.push(LogFault::Missing { number: expected });
            return;
        }
        if let Change::Unknown { event: name } = &event.change {
            let (number, event) = (event.number, name.clone());
            self.faults.push(LogFault::UnknownEvent { number, event });
            return;
        }
        if self.allows(&event.change) {
            self.apply(&event);
        } else {
            let key = event.change.key().and_then(|key| self.key(key));
            self.faults.push(LogFault::NoEffect {
                number: event.number,
                event: event.change.label().to_owned(),
                state: key.map(|key| key.state),
            });
        }
        self.events.push(event);
    }

    /// Records an event that cannot be read.
    pub(crate) fn push_damaged(&mut self, number: u64, reason: String) {
        if self.is_writable() {
            self.faults.push(LogFault::Damaged { number, reason });
        }
    }

    fn apply(&mut self, event: &Event) {
        let (number, since) = (event.number, event.since());
        match &event.change {
            Change::Configured {
                add,
                remove,
                endpoint,
                title,
            } => {
                self.numbers.extend(add.iter().cloned());
                self.numbers.retain(|number| !remove.contains(number));
                self.endpoint = endpoint.clone().or_else(|| self.endpoint.take());
                self.title = title.clone().or_else(|| self.title.take());
            }
            Change::Added { key, imported } => {
                let state = if *imported {
                    KeyState::Enabled
                } else {
                    KeyState::Pending
                };
                self.keys.push(KeyRecord {
                    imported: *imported,
                    grace_since: imported.then_some(since),
                    ..KeyRecord::new(*key, state, number, since)
                });
            }
            Change::Promoted { key, from } => {
                if let Some(demoted) = from.and_then(|from| self.key_mut(from)) {
                    demoted.enter(KeyState::Enabled, since);
                    demoted.grace_since = Some(since);
                }
                if let Some(promoted) = self.key_mut(*key) {
                    promoted.enter(KeyState::Primary, since);
                    promoted.grace_since = None;
                }
                self.promotion = Some(Promotion {
                    to: *key,
                    from: *from,
                    number,
                    at: since,
                });
            }
            Change::Destroyed { key } if self.key(*key).is_none() => {
                self.keys
                    .push(KeyRecord::new(*key, KeyState::Destroyed, number, since));
            }
            change => {
                if let Some(key) = change.key().and_then(|key| self.key_mut(key)) {
                    key.apply(change, number, since);
                }
            }
        }
    }

    fn key_mut(&mut self, fingerprint: Fingerprint) -> Option<&mut KeyRecord> {
        self.keys.iter_mut().find(|key| key.fingerprint == fingerprint)
    }
}

impl KeyRecord {
    fn new(fingerprint: Fingerprint, state: KeyState, number: u64, since: SystemTime) -> Self {
        Self {
            fingerprint,
            state,
            imported: false,
            compromised: false,
            servable_since: number,
            state_since: since,
            grace_since: None,
        }
    }

    fn enter(&mut self, state: KeyState, since: SystemTime) {
        self.state = state;
        self.state_since = since;
    }

    fn apply(&mut self, change: &Change, number: u64, since: SystemTime) {
        match change {
            Change::Replaced { .. } => self.grace_since = Some(since),
            Change::Disabled { compromised, .. } => {
                if self.state != KeyState::Disabled {
                    self.enter(KeyState::Disabled, since);
                }
                self.compromised |= compromised;
            }
            Change::Enabled { .. } => {
                self.enter(KeyState::Enabled, since);
                self.servable_since = number;
                self.grace_since = Some(since);
            }
            Change::DestroyScheduled { .. } => self.enter(KeyState::DestroyScheduled, since),
            Change::Destroyed { .. } => self.enter(KeyState::Destroyed, since),
            Change::Configured { .. }
            | Change::Added { .. }
            | Change::Promoted { .. }
            | Change::Unknown { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
