//! Slots for what is held before it is authenticated: the oldest is evicted for the next.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// Slots that are bounded in number and in the bytes that their holders keep. Beyond either bound the oldest are evicted,
/// so that a holder which does nothing cannot keep a newer one out.
pub(crate) struct EvictingSlots {
    limit: usize,
    state: Mutex<State>,
}

struct State {
    budget: usize,
    /// The sum over all holders.
    bytes: usize,
    next: u64,
    /// By age.
    holders: BTreeMap<u64, Holder>,
}

struct Holder {
    bytes: usize,
    /// Dropped to evict the holder.
    _evict: oneshot::Sender<Infallible>,
}

/// A slot, until it is dropped or evicted.
pub(crate) struct Slot<'a> {
    slots: &'a EvictingSlots,
    number: u64,
    bytes: usize,
    evicted: oneshot::Receiver<Infallible>,
}

impl EvictingSlots {
    /// Makes `limit` slots, whose holders keep at most `budget` bytes in all.
    pub(crate) fn new(limit: usize, budget: usize) -> Self {
        Self {
            limit,
            state: Mutex::new(State {
                budget,
                bytes: 0,
                next: 0,
                holders: BTreeMap::new(),
            }),
        }
    }

    /// Raises the budget to `bytes`, if it is lower.
    pub(crate) fn raise_budget(&self, bytes: usize) {
        let mut state = self.lock();
        state.budget = state.budget.max(bytes);
    }

    /// Takes a slot for a holder of so many bytes.
    pub(crate) fn take(&self, bytes: usize) -> Slot<'_> {
        let (evict, evicted) = oneshot::channel();
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.bytes += bytes;
        let holder = Holder { bytes, _evict: evict };
        state.holders.insert(number, holder);
        state.evict(self.limit);
        Slot {
            slots: self,
            number,
            bytes,
            evicted,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict(&mut self, limit: usize) {
        // One alone is never evicted: a single body may be larger than the budget.
        while self.holders.len() > 1 && (self.holders.len() > limit || self.bytes > self.budget) {
            let Some((_, holder)) = self.holders.pop_first() else {
                return;
            };
            self.bytes -= holder.bytes;
        }
    }
}

impl Slot<'_> {
    pub(crate) fn is_of(&self, slots: &EvictingSlots) -> bool {
        std::ptr::eq(self.slots, slots)
    }

    /// Notes how many bytes the holder keeps now.
    pub(crate) fn keep(&mut self, bytes: usize) {
        if self.bytes == bytes {
            return;
        }
        self.bytes = bytes;
        let mut state = self.slots.lock();
        let Some(holder) = state.holders.get_mut(&self.number) else {
            return;
        };
        let before = std::mem::replace(&mut holder.bytes, bytes);
        state.bytes = state.bytes - before + bytes;
        state.evict(self.slots.limit);
    }

    /// Ready when the slot is evicted.
    pub(crate) fn poll_evicted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.evicted).poll(cx).map(drop)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        if let Some(holder) = state.holders.remove(&self.number) {
            state.bytes -= holder.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn is_evicted(slot: &mut Slot<'_>) -> bool {
        slot.poll_evicted(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[test]
    fn the_oldest_are_evicted_beyond_the_limit() {
        let slots = EvictingSlots::new(2, 0);
        let mut taken = [slots.take(0), slots.take(0), slots.take(0), slots.take(0)];
        assert_eq!(taken.each_mut().map(is_evicted), [true, true, false, false]);
    }

    #[test]
    fn the_oldest_are_evicted_beyond_the_budget() {
        let slots = EvictingSlots::new(10, 100);
        let mut taken = [slots.take(40), slots.take(40), slots.take(20)];
        let holders = || slots.lock().holders.keys().copied().collect::<Vec<_>>();
        assert_eq!(holders(), [0, 1, 2]);
        taken[2].keep(60);
        assert_eq!(holders(), [1, 2]);
        taken[1].keep(1000);
        assert_eq!((holders(), slots.lock().bytes), (vec![2], 60));
        assert_eq!(taken.each_mut().map(is_evicted), [true, true, false]);
    }

    #[test]
    fn one_alone_may_keep_more_than_the_budget() {
        let slots = EvictingSlots::new(10, 100);
        let mut slot = slots.take(1000);
        slot.keep(2000);
        assert!(!is_evicted(&mut slot));
    }

    #[test]
    fn a_slot_that_was_left_is_free() {
        let slots = EvictingSlots::new(2, 100);
        let mut one = slots.take(50);
        drop(slots.take(50));
        let mut other = slots.take(50);
        assert_eq!([is_evicted(&mut one), is_evicted(&mut other)], [false, false]);
        drop((one, other));
        let state = slots.lock();
        assert_eq!((state.bytes, state.holders.len()), (0, 0));
    }
}
