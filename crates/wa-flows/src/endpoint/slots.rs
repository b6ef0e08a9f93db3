//! Slots for unauthenticated bodies: a new body evicts the oldest if there is no free slot.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::sync::oneshot;

/// Slots with limits on their number and on the bytes that they keep. Beyond either limit the oldest are
/// evicted, so that idle clients cannot lock out new ones.
///
/// The slots own the bytes, not the tasks that read them: so an eviction frees them immediately, even if the
/// evicted task has to wait for many others before it runs.
pub(crate) struct EvictingSlots {
    limit: usize,
    state: Mutex<State>,
}

struct State {
    budget: usize,
    /// The bytes that all holders have allocated.
    bytes: usize,
    next: u64,
    /// Ordered by age.
    holders: BTreeMap<u64, Holder>,
}

struct Holder {
    kept: BytesMut,
    /// Dropped to evict the holder.
    _evict: oneshot::Sender<Infallible>,
}

/// A slot, until it is dropped or evicted.
pub(crate) struct Slot<'a> {
    slots: &'a EvictingSlots,
    number: u64,
    evicted: oneshot::Receiver<Infallible>,
}

impl EvictingSlots {
    /// Creates `limit` slots that keep at most `budget` bytes in all.
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

    /// Takes a slot, which keeps what was received so far.
    pub(crate) fn take(&self, kept: BytesMut) -> Slot<'_> {
        let (evict, evicted) = oneshot::channel();
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.bytes += kept.capacity();
        let holder = Holder { kept, _evict: evict };
        state.holders.insert(number, holder);
        let victims = state.evict(self.limit);
        drop(state);
        drop(victims);
        Slot {
            slots: self,
            number,
            evicted,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Evicts holders beyond the limits and returns them, so that the caller can drop them without the lock.
    fn evict(&mut self, limit: usize) -> Vec<Holder> {
        let mut victims = Vec::new();
        // The last one is never evicted: a single body may be larger than the budget.
        while self.holders.len() > 1 && (self.holders.len() > limit || self.bytes > self.budget) {
            let Some((_, holder)) = self.holders.pop_first() else {
                break;
            };
            self.bytes -= holder.kept.capacity();
            victims.push(holder);
        }
        victims
    }
}

impl Slot<'_> {
    /// Returns true if the slot is one of these.
    pub(crate) fn is_of(&self, slots: &EvictingSlots) -> bool {
        std::ptr::eq(self.slots, slots)
    }

    /// Appends a piece. If the slot was evicted, the piece is dropped.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if piece.is_empty() {
            return;
        }
        let mut state = self.slots.lock();
        let Some(holder) = state.holders.get_mut(&self.number) else {
            return;
        };
        let before = holder.kept.capacity();
        holder.kept.extend_from_slice(piece);
        let after = holder.kept.capacity();
        state.bytes = state.bytes - before + after;
        let victims = state.evict(self.slots.limit);
        drop(state);
        drop(victims);
    }

    /// Frees the slot and returns what it kept; `None` if it was evicted.
    pub(crate) fn leave(self) -> Option<BytesMut> {
        self.remove()
    }

    /// Completes when the slot is evicted.
    pub(crate) fn poll_evicted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.evicted).poll(cx).map(drop)
    }

    fn remove(&self) -> Option<BytesMut> {
        let mut state = self.slots.lock();
        let holder = state.holders.remove(&self.number)?;
        state.bytes -= holder.kept.capacity();
        Some(holder.kept)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.remove();
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

    fn bytes(count: usize) -> BytesMut {
        BytesMut::from(&vec![b'x'; count][..])
    }

    #[test]
    fn the_oldest_are_evicted_beyond_the_limit() {
        let slots = EvictingSlots::new(2, 0);
        let mut taken = [0; 4].map(|_| slots.take(BytesMut::new()));
        assert_eq!(taken.each_mut().map(is_evicted), [true, true, false, false]);
    }

    #[test]
    fn the_oldest_are_evicted_beyond_the_budget() {
        let slots = EvictingSlots::new(10, 100);
        let mut taken = [
            slots.take(bytes(40)),
            slots.take(bytes(40)),
            slots.take(bytes(20)),
        ];
        let holders = || slots.lock().holders.keys().copied().collect::<Vec<_>>();
        assert_eq!(holders(), [0, 1, 2]);
        taken[2].push(&[b'y'; 20]);
        assert_eq!(holders(), [1, 2]);
        taken[1].push(&[b'y'; 1000]);
        assert_eq!(holders(), [2]);
        assert_eq!(taken.each_mut().map(is_evicted), [true, true, false]);
        let [first, _, last] = taken;
        assert_eq!(first.leave(), None);
        let kept = last.leave().unwrap();
        assert_eq!((kept.len(), slots.lock().bytes), (40, 0));
    }

    #[test]
    fn a_single_slot_may_keep_more_than_the_budget() {
        let slots = EvictingSlots::new(10, 100);
        let mut slot = slots.take(bytes(1000));
        slot.push(&[b'y'; 1000]);
        assert!(!is_evicted(&mut slot));
    }

    #[test]
    fn a_slot_that_was_left_is_free() {
        let slots = EvictingSlots::new(2, 100);
        let mut one = slots.take(bytes(50));
        drop(slots.take(bytes(50)));
        let mut other = slots.take(bytes(50));
        assert_eq!([is_evicted(&mut one), is_evicted(&mut other)], [false, false]);
        drop((one, other));
        let state = slots.lock();
        assert_eq!((state.bytes, state.holders.len()), (0, 0));
    }
}
