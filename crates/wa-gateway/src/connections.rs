//! The open connections of an address, and which of them is evicted for a new one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::{AbortHandle, JoinSet};

use crate::in_flight::{InFlight, Stage};

/// The connections of an address.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    /// Those in which no request was authenticated when they were last inspected, oldest first.
    unauthenticated: VecDeque<Connection>,
    /// All others, the last inspected last.
    known: VecDeque<Connection>,
    in_flight: Arc<AtomicUsize>,
}

/// Whether there is room for one more connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Fewer are open than may be.
    Free,
    /// A connection was closed for it.
    Evicted,
    /// All carry an authenticated request.
    None,
}

#[derive(Debug)]
struct Connection {
    task: AbortHandle,
    in_flight: InFlight,
}

impl Connections {
    /// Open connections.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The state of a further connection.
    pub(crate) fn in_flight(&self) -> InFlight {
        InFlight::new(&self.in_flight)
    }

    pub(crate) fn add(&mut self, in_flight: InFlight, connection: impl Future<Output = ()> + Send + 'static) {
        // Those that ended are removed from time to time, so that one that stays for long does not keep them all.
        if self.unauthenticated.len() + self.known.len() > 2 * self.tasks.len() + 16 {
            self.unauthenticated.retain(Connection::is_open);
            self.known.retain(Connection::is_open);
        }
        let task = self.tasks.spawn(connection);
        self.unauthenticated.push_back(Connection { task, in_flight });
    }

    /// Frees a place for one more, if `limit` are open.
    ///
    /// The oldest connection in which no request was ever authenticated is closed: clients whose signature was never
    /// verified cannot keep others out. If there is none, one is closed that is idle after an authenticated request. A
    /// connection with an authenticated request in flight is never closed.
    ///
    /// A connection moves between the queues at most once in its life, so that the cost of an eviction does not grow with
    /// the number of unauthenticated connections. It grows with the number of connections under a
    /// [`ProtectionGuard`](crate::in_flight::ProtectionGuard), of which there are few.
    pub(crate) fn make_room(&mut self, limit: usize) -> Room {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() < limit {
            return Room::Free;
        }
        for _ in 0..self.unauthenticated.len() {
            let Some(oldest) = self.unauthenticated.pop_front() else {
                break;
            };
            if !oldest.is_open() {
                continue;
            }
            if oldest.evict(Stage::Unauthenticated) {
                return Room::Evicted;
            }
            // A connection that is protected for a time only is as good as new, not known, after that time.
            if oldest.in_flight.is_protected() {
                self.unauthenticated.push_back(oldest);
            } else {
                self.known.push_back(oldest);
            }
        }
        for _ in 0..self.known.len() {
            let Some(next) = self.known.pop_front() else { break };
            if !next.is_open() {
                continue;
            }
            if next.evict(Stage::Known) {
                return Room::Evicted;
            }
            self.known.push_back(next);
        }
        Room::None
    }

    /// Waits until a connection ends; returns false if none is open.
    pub(crate) async fn one_ends(&mut self) -> bool {
        self.tasks.join_next().await.is_some()
    }

    /// Waits until all have ended.
    ///
    /// # Errors
    /// The number of exchanges that were cut, maybe none, where it was `too_late` before.
    pub(crate) async fn drain(&mut self, too_late: impl Future<Output = ()>) -> Result<(), usize> {
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = drained => return Ok(()),
            () = too_late => {}
        }
        let cut = self.in_flight.load(Ordering::Relaxed);
        self.tasks.shutdown().await;
        Err(cut)
    }
}

impl Connection {
    fn is_open(&self) -> bool {
        !self.task.is_finished()
    }

    /// Closes it, if it is at this stage.
    fn evict(&self, at: Stage) -> bool {
        let evicted = self.in_flight.evict(at);
        if evicted {
            self.task.abort();
        }
        evicted
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// Adds connections that stay open, and returns their states.
    fn open(connections: &mut Connections, count: usize) -> Vec<InFlight> {
        let mut states = Vec::new();
        for _ in 0..count {
            let state = connections.in_flight();
            connections.add(state.clone(), pending());
            states.push(state);
        }
        states
    }

    /// Which of these were evicted.
    fn evicted(states: &[InFlight]) -> Vec<usize> {
        (0..states.len())
            .filter(|at| states[*at].evict(Stage::Evicted))
            .collect()
    }

    #[tokio::test]
    async fn unauthenticated_connections_are_evicted_before_known_ones() {
        let mut connections = Connections::default();
        let states = open(&mut connections, 5);
        // The first is busy, the second idle after a request; the third writes a refusal.
        states[0].authenticated();
        states[1].authenticated();
        states[1].flushed();
        let _refusal = states[2].begin();
        for expected in [vec![2], vec![2, 3], vec![2, 3, 4], vec![1, 2, 3, 4]] {
            assert_eq!(connections.make_room(1), Room::Evicted);
            assert_eq!(evicted(&states), expected);
        }
        // Those that were evicted have ended, and what is left is in flight.
        assert_eq!(connections.make_room(1), Room::None);
        assert_eq!(evicted(&states), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn an_evicted_connection_cannot_become_authenticated() {
        let mut connections = Connections::default();
        let states = open(&mut connections, 1);
        assert_eq!(connections.make_room(1), Room::Evicted);
        states[0].authenticated();
        assert_eq!(evicted(&states), [0]);
    }

    #[tokio::test]
    async fn a_protected_connection_can_be_evicted_once_its_protection_ends() {
        let mut connections = Connections::default();
        let states = open(&mut connections, 3);
        let protection = states[0].protect();
        for expected in [vec![1], vec![1, 2]] {
            assert_eq!(connections.make_room(1), Room::Evicted);
            assert_eq!(evicted(&states), expected);
        }
        assert_eq!(connections.make_room(1), Room::None);
        drop(protection);
        // It is idle, as after an authenticated request, and was never authenticated.
        states[0].writing();
        states[0].flushed();
        assert_eq!(connections.make_room(1), Room::Evicted);
        assert_eq!(evicted(&states), [0, 1, 2]);
    }

    #[tokio::test]
    async fn one_that_stays_does_not_keep_those_that_ended() {
        let mut connections = Connections::default();
        open(&mut connections, 1);
        for _ in 0..1000 {
            let state = connections.in_flight();
            connections.add(state, async {});
            while connections.len() > 1 {
                connections.one_ends().await;
            }
        }
        let kept = connections.unauthenticated.len();
        assert!(kept < 30, "{kept}");
        assert_eq!(connections.make_room(1), Room::Evicted);
        assert!(connections.unauthenticated.len() < kept);
    }
}
