//! The open connections of a listener, and the choice of the one to evict when the limit is reached.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::{AbortHandle, JoinSet};

use crate::in_flight::{InFlight, Stage};

/// The open connections of a listener.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    /// Connections without an authenticated request when last inspected, oldest first.
    unauthenticated: VecDeque<Connection>,
    /// All other connections, the most recently inspected last.
    known: VecDeque<Connection>,
    in_flight: Arc<AtomicUsize>,
}

/// The result of [`Connections::free_slot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The limit is not reached.
    Free,
    /// A connection was closed to free a slot.
    Evicted,
    /// Every connection has an authenticated request in flight.
    None,
}

#[derive(Debug)]
struct Connection {
    task: AbortHandle,
    in_flight: InFlight,
}

impl Connections {
    /// Returns the number of open connections.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Returns the state for a new connection.
    pub(crate) fn in_flight(&self) -> InFlight {
        InFlight::new(&self.in_flight)
    }

    /// Spawns the task of a connection.
    pub(crate) fn add(&mut self, in_flight: InFlight, connection: impl Future<Output = ()> + Send + 'static) {
        // Removes closed connections from time to time: while the oldest stays open, no eviction pops those
        // queued after it.
        if self.unauthenticated.len() + self.known.len() > 2 * self.tasks.len() + 16 {
            self.unauthenticated.retain(Connection::is_open);
            self.known.retain(Connection::is_open);
        }
        let task = self.tasks.spawn(connection);
        self.unauthenticated.push_back(Connection { task, in_flight });
    }

    /// Frees a slot for a new connection if `limit` are open.
    ///
    /// Evicts the oldest connection that never had an authenticated request, so that unauthenticated clients
    /// cannot block others. If there is none, evicts one that is idle after an authenticated request. A
    /// connection with an authenticated request in flight is never evicted.
    ///
    /// A connection moves between the queues at most once, so the cost of an eviction does not grow with the
    /// number of unauthenticated connections. It grows only with the number of connections that hold a
    /// [`ProtectionGuard`](crate::in_flight::ProtectionGuard), which is small.
    pub(crate) fn free_slot(&mut self, limit: usize) -> Slot {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() < limit {
            return Slot::Free;
        }
        for _ in 0..self.unauthenticated.len() {
            let Some(oldest) = self.unauthenticated.pop_front() else {
                break;
            };
            if !oldest.is_open() {
                continue;
            }
            if oldest.evict(Stage::Unauthenticated) {
                return Slot::Evicted;
            }
            // A guard protects without authentication, so its connection stays in this queue.
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
                return Slot::Evicted;
            }
            self.known.push_back(next);
        }
        Slot::None
    }

    /// Waits until a connection closes; returns false if none is open.
    pub(crate) async fn next_closed(&mut self) -> bool {
        self.tasks.join_next().await.is_some()
    }

    /// Waits until all connections are closed; when `deadline` completes, closes the rest.
    ///
    /// # Errors
    ///
    /// The number of exchanges that were cut off at the deadline, which can be 0.
    pub(crate) async fn drain(&mut self, deadline: impl Future<Output = ()>) -> Result<(), usize> {
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = drained => return Ok(()),
            () = deadline => {}
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

    /// Closes the connection if it is in this stage; returns true if it did.
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

    /// Adds connections that stay open; returns their states.
    fn open(connections: &mut Connections, count: usize) -> Vec<InFlight> {
        let mut states = Vec::new();
        for _ in 0..count {
            let state = connections.in_flight();
            connections.add(state.clone(), pending());
            states.push(state);
        }
        states
    }

    /// Returns the indices of the evicted connections.
    fn evicted(states: &[InFlight]) -> Vec<usize> {
        (0..states.len())
            .filter(|at| states[*at].evict(Stage::Evicted))
            .collect()
    }

    #[tokio::test]
    async fn unauthenticated_connections_are_evicted_before_known_ones() {
        let mut connections = Connections::default();
        let states = open(&mut connections, 5);
        // The first has a request in flight, the second is idle after one, the third is writing a refusal.
        states[0].authenticated();
        states[1].authenticated();
        states[1].flushed();
        let _refusal = states[2].begin();
        for expected in [vec![2], vec![2, 3], vec![2, 3, 4], vec![1, 2, 3, 4]] {
            assert_eq!(connections.free_slot(1), Slot::Evicted);
            assert_eq!(evicted(&states), expected);
        }
        // All others are closed; the one left has a request in flight.
        assert_eq!(connections.free_slot(1), Slot::None);
        assert_eq!(evicted(&states), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn an_evicted_connection_cannot_become_authenticated() {
        let mut connections = Connections::default();
        let states = open(&mut connections, 1);
        assert_eq!(connections.free_slot(1), Slot::Evicted);
        states[0].authenticated();
        assert_eq!(evicted(&states), [0]);
    }

    #[tokio::test]
    async fn a_protected_connection_can_be_evicted_once_its_protection_ends() {
        let mut connections = Connections::default();
        let states = open(&mut connections, 3);
        let protection = states[0].protect();
        for expected in [vec![1], vec![1, 2]] {
            assert_eq!(connections.free_slot(1), Slot::Evicted);
            assert_eq!(evicted(&states), expected);
        }
        assert_eq!(connections.free_slot(1), Slot::None);
        drop(protection);
        // Without a guard, neither writing nor flushing protects the connection.
        states[0].writing();
        states[0].flushed();
        assert_eq!(connections.free_slot(1), Slot::Evicted);
        assert_eq!(evicted(&states), [0, 1, 2]);
    }

    #[tokio::test]
    async fn closed_connections_are_removed_while_the_oldest_stays_open() {
        let mut connections = Connections::default();
        open(&mut connections, 1);
        for _ in 0..1000 {
            let state = connections.in_flight();
            connections.add(state, async {});
            while connections.len() > 1 {
                connections.next_closed().await;
            }
        }
        let kept = connections.unauthenticated.len();
        assert!(kept < 30, "{kept}");
        assert_eq!(connections.free_slot(1), Slot::Evicted);
        assert!(connections.unauthenticated.len() < kept);
    }
}
