//! The replay memory of one process.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::endpoint::replay::by_mark::{MarkMap, MarkSet};
use crate::endpoint::replay::{BodyHash, Outcome, REPEATED_FOR, ReplayMark, ReplayWindow};
use crate::status::Refusal;

/// The number of envelopes for which a shard is sized, so that growing one of its tables never takes long.
const PER_SHARD: usize = 16 * 1024;
const MOST_SHARDS: usize = 64;

/// Expired marks that are removed at most with each lookup, to bound the time under the lock.
const FORGOTTEN_AT_A_TIME: usize = 4;
/// Expired responses that are dropped at most with each new one, to bound the time under the lock.
const DROPPED_AT_A_TIME: usize = 16;

/// Repeats that may wait for one exchange: a recorded request must not be able to occupy every connection.
const WAITING_FOR_ONE: usize = 32;

/// The memory of a remembered response in addition to its bytes: its entries in both tables, and its
/// allocations.
const OVERHEAD: usize = 400;

/// Marks, sharded by their first byte, and the order of the remembered responses of all shards.
///
/// Each shard has a lock, which is held for a few table operations only; the order has another. No two locks
/// are held at the same time.
pub(super) struct Memory {
    window: ReplayWindow,
    started: Instant,
    shards: Box<[Mutex<Shard>]>,
    entries_per_shard: usize,
    responses: Mutex<Responses>,
}

#[derive(Default)]
struct Shard {
    /// Exchanges that are in flight or whose response is still kept.
    live: MarkMap<Live>,
    /// Envelopes that reached a handler.
    spent: MarkSet,
    /// The entries of `spent` in order of arrival, with the milliseconds since the start of the memory.
    order: VecDeque<(u64, ReplayMark)>,
}

struct Live {
    body: BodyHash,
    state: State,
}

enum State {
    InFlight(Vec<oneshot::Sender<Arc<Outcome>>>),
    Answered(Instant, Arc<Outcome>),
}

/// The remembered responses in the order in which they were sent.
#[derive(Default)]
struct Responses {
    order: VecDeque<Remembered>,
    bytes: usize,
}

struct Remembered {
    at: Instant,
    mark: ReplayMark,
    bytes: usize,
}

/// What happens with a request.
pub(super) enum Admission {
    /// It is the first with its key and IV; the ticket determines what later ones get.
    First(Ticket),
    /// It repeats an exchange that was answered.
    Repeat(Arc<Outcome>),
    /// It repeats an exchange that is in flight. If the channel closes without an outcome, call `admit`
    /// again.
    Wait(oneshot::Receiver<Arc<Outcome>>),
    /// It is a replay.
    Refused,
}

/// The first exchange of an envelope. If it is dropped before the handler is called, the envelope is not
/// remembered.
pub(crate) struct Ticket {
    memory: Arc<Memory>,
    mark: ReplayMark,
    spent: bool,
    finished: bool,
}

impl Memory {
    pub(super) fn new(window: ReplayWindow) -> Self {
        let entries = window.entries.get();
        // A power of two divides the values of a byte evenly.
        let shards = (entries / PER_SHARD).clamp(1, MOST_SHARDS).next_power_of_two();
        Self {
            window,
            started: Instant::now(),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            entries_per_shard: entries.div_ceil(shards),
            responses: Mutex::default(),
        }
    }

    pub(super) fn window(&self) -> &ReplayWindow {
        &self.window
    }

    pub(super) fn admit(memory: &Arc<Self>, mark: ReplayMark, body: BodyHash) -> Admission {
        let now = Instant::now();
        let mut shard = memory.shard(mark);
        shard.forget_expired(memory.millis(now), memory.window.lasts);
        if let Entry::Occupied(mut entry) = shard.live.entry(mark) {
            let live = entry.get_mut();
            let identical = live.body == body;
            return match &mut live.state {
                State::InFlight(waiting) if identical && waiting.len() < WAITING_FOR_ONE => {
                    let (sender, receiver) = oneshot::channel();
                    waiting.push(sender);
                    Admission::Wait(receiver)
                }
                State::Answered(at, outcome) if identical && now - *at < REPEATED_FOR => {
                    Admission::Repeat(Arc::clone(outcome))
                }
                State::InFlight(_) | State::Answered(..) => Admission::Refused,
            };
        }
        if shard.spent.contains(&mark) {
            return Admission::Refused;
        }
        let state = State::InFlight(Vec::new());
        shard.live.insert(mark, Live { body, state });
        Admission::First(Ticket {
            memory: Arc::clone(memory),
            mark,
            spent: false,
            finished: false,
        })
    }

    /// Registers a response that is kept for repeats, and drops responses that are too old or over the limit.
    fn remember(&self, mark: ReplayMark, at: Instant, bytes: usize) {
        let mut dropped = Vec::new();
        let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        responses.bytes += bytes;
        responses.order.push_back(Remembered { at, mark, bytes });
        while let Some(oldest) = responses.order.front() {
            let too_much = responses.bytes > self.window.response_bytes;
            let too_old = at.saturating_duration_since(oldest.at) >= REPEATED_FOR;
            let is_kept = !too_old || dropped.len() >= DROPPED_AT_A_TIME;
            if is_kept && !too_much {
                break;
            }
            if let Some(oldest) = responses.order.pop_front() {
                responses.bytes -= oldest.bytes;
                dropped.push(oldest);
            }
        }
        drop(responses);
        for response in dropped {
            self.shard(response.mark).drop_response(&response);
        }
    }

    fn shard(&self, mark: ReplayMark) -> MutexGuard<'_, Shard> {
        let [first, ..] = mark.0;
        let at = usize::from(first) % self.shards.len();
        // There is at least one shard, and `at` is below their number.
        #[expect(clippy::indexing_slicing, reason = "in range by the line above")]
        let shard = &self.shards[at];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from((at - self.started).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Shard {
    fn forget_expired(&mut self, now: u64, lasts: Duration) {
        for _ in 0..FORGOTTEN_AT_A_TIME {
            let Some((came, _)) = self.order.front() else {
                return;
            };
            if u128::from(now.saturating_sub(*came)) < lasts.as_millis() {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.order.pop_front() {
            self.spent.remove(&oldest);
        }
    }

    fn drop_response(&mut self, response: &Remembered) {
        if let Entry::Occupied(entry) = self.live.entry(response.mark)
            && matches!(&entry.get().state, State::Answered(at, _) if *at == response.at)
        {
            entry.remove();
        }
    }
}

impl Ticket {
    pub(crate) fn mark(&self) -> ReplayMark {
        self.mark
    }

    /// Records that the handler is about to be called: the envelope is remembered from now on, however the
    /// exchange ends.
    pub(crate) fn spend(&mut self) {
        let now = self.memory.millis(Instant::now());
        let mut shard = self.memory.shard(self.mark);
        if shard.order.len() >= self.memory.entries_per_shard {
            shard.forget_oldest();
        }
        if shard.spent.insert(self.mark) {
            shard.order.push_back((now, self.mark));
        }
        self.spent = true;
    }

    /// Sends the outcome to the repeats that wait for it, and keeps it for later repeats if the handler was
    /// called.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        self.finished = true;
        let bytes = OVERHEAD
            + outcome
                .response
                .as_ref()
                .map_or(0, |response| response.text.len());
        let repeatable = self.spent
            && !matches!(outcome.response, Err(Refusal::Replayed))
            && bytes <= self.memory.window.response_bytes;
        let outcome = Arc::new(outcome);
        let now = Instant::now();
        let state = repeatable.then(|| State::Answered(now, Arc::clone(&outcome)));
        for waiting in self.settle(state) {
            // The send fails if that client has disconnected.
            drop(waiting.send(Arc::clone(&outcome)));
        }
        if repeatable {
            self.memory.remember(self.mark, now, bytes);
        }
    }

    /// Replaces the state in flight, or removes it; returns the channels of the waiting repeats.
    fn settle(&self, state: Option<State>) -> Vec<oneshot::Sender<Arc<Outcome>>> {
        let mut shard = self.memory.shard(self.mark);
        let Entry::Occupied(mut entry) = shard.live.entry(self.mark) else {
            return Vec::new();
        };
        let before = match state {
            Some(state) => std::mem::replace(&mut entry.get_mut().state, state),
            None => entry.remove().state,
        };
        match before {
            State::InFlight(waiting) => waiting,
            State::Answered(..) => Vec::new(),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.finished {
            // Dropping the senders makes the waiting repeats call `admit` again.
            drop(self.settle(None));
        }
    }
}

#[cfg(test)]
mod tests;
