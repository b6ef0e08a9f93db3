//! Places to wait in, which nobody can keep from the others.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// A number of places. When all are taken, who has waited longest gives theirs to who comes.
pub(crate) struct Places {
    limit: usize,
    /// In the order in which they were taken.
    taken: Mutex<VecDeque<oneshot::Sender<Infallible>>>,
}

/// A place, until it is dropped or lost.
pub(crate) struct Place(oneshot::Receiver<Infallible>);

impl Places {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: Mutex::default(),
        }
    }

    pub(crate) fn take(&self) -> Place {
        let (keeper, place) = oneshot::channel();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while taken.front().is_some_and(oneshot::Sender::is_closed) {
            taken.pop_front();
        }
        if taken.len() >= self.limit {
            taken.retain(|place| !place.is_closed());
        }
        if taken.len() >= self.limit {
            taken.pop_front();
        }
        taken.push_back(keeper);
        Place(place)
    }
}

impl Place {
    /// Ready when the place is lost.
    pub(crate) fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn is_lost(place: &mut Place) -> bool {
        place
            .poll_lost(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[test]
    fn who_has_waited_longest_gives_way() {
        let places = Places::new(2);
        let mut line = [places.take(), places.take(), places.take(), places.take()];
        assert_eq!(line.each_mut().map(is_lost), [true, true, false, false]);
    }

    #[test]
    fn places_that_were_left_are_forgotten() {
        let places = Places::new(usize::MAX);
        for _ in 0..100 {
            drop(places.take());
        }
        assert_eq!(places.taken.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_place_that_was_left_is_given_first() {
        let places = Places::new(2);
        let mut one = places.take();
        drop(places.take());
        let mut other = places.take();
        assert_eq!([is_lost(&mut one), is_lost(&mut other)], [false, false]);
        assert_eq!(places.taken.lock().unwrap().len(), 2);
    }
}
