//! The pool of private key operations: a few run at a time, and the others wait in a short queue.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, available_parallelism};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;
use tokio::task::yield_now;

/// The default length of the queue per core: 512 operations, about 0.35 s of work. It absorbs a burst, and
/// stays below the latency of 1 s (90th percentile) at which WhatsApp raises an alert.
const QUEUED_PER_CORE: usize = 512;

/// How long an idle thread waits for an operation before it exits.
const LINGER: Duration = Duration::from_secs(30);

/// Runs private key operations, a few at a time, with a bounded queue; clones share both.
///
/// An operation keeps a core busy for 0.3 to 0.9 ms. On the thread that serves a connection, several in a row
/// would delay all other tasks of that thread, and an overloaded server could not even refuse requests in
/// time. So operations wait in a queue that absorbs a burst. While it is full, requests are refused
/// immediately (503), because accepting more load than the cores can process would delay every response. What
/// runs the operations depends on the machine:
///
/// - Several cores: threads of the pool, one per core. They belong to no runtime and serve all runtimes.
/// - One core: a task of the runtime, which yields after each operation. A thread would compete with the
///   runtime's thread for the core, and the kernel's time slices are longer than an operation. Measured on
///   one core under full load, a timer fired 1.9 ms late with the task and 4.4 ms with a thread (99th
///   percentile); at 70 % load, the median exchange took 2.1 ms instead of 3.1 ms. Each runtime has its own
///   task and queue, so that a runtime that is not driven delays no other.
///
/// All endpoints of a process use [`RsaPool::shared`] unless another pool is set.
#[derive(Clone)]
pub struct RsaPool {
    inner: Arc<Inner>,
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolFull;

struct Inner {
    executor: Executor,
    at_a_time: usize,
    queue_limit: usize,
    lanes: Mutex<HashMap<LaneKey, Lane>>,
    /// Wakes threads that wait for an operation.
    queued: Condvar,
}

/// What runs the operations of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Executor {
    /// Threads of the pool.
    Threads,
    /// One task per runtime, which yields to the runtime's other tasks after each operation.
    Tasks,
}

/// Identifies a [`Lane`]: the runtime that it belongs to, or `None` for the one lane of a pool of threads,
/// which serves all runtimes.
type LaneKey = Option<Id>;

/// A queue of operations, and the number of workers that take operations from it. It exists only while it has
/// a worker: the last one removes it.
#[derive(Default)]
struct Lane {
    workers: usize,
    running: usize,
    queue: VecDeque<Job>,
}

/// Runs an operation and sends its result.
type Job = Box<dyn FnOnce() + Send>;

impl RsaPool {
    /// Creates a pool that runs up to `threads` operations at a time, each on a thread, and queues up to
    /// `queue_limit` more.
    #[must_use]
    pub fn new(threads: NonZeroUsize, queue_limit: usize) -> Self {
        Self::at(Executor::Threads, threads, queue_limit)
    }

    /// Creates a pool for a process with one core: it runs one operation at a time in a task of the runtime,
    /// which yields after each operation, and queues up to `queue_limit` more. Each runtime has its own task
    /// and queue.
    #[must_use]
    pub fn cooperative(queue_limit: usize) -> Self {
        Self::at(Executor::Tasks, NonZeroUsize::MIN, queue_limit)
    }

    fn at(executor: Executor, at_a_time: NonZeroUsize, queue_limit: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                executor,
                at_a_time: at_a_time.get(),
                queue_limit,
                lanes: Mutex::default(),
                queued: Condvar::new(),
            }),
        }
    }

    /// Returns the pool that the whole process shares: one operation per available core, and a queue of 512
    /// per core.
    pub fn shared() -> Self {
        static SHARED: OnceLock<RsaPool> = OnceLock::new();
        let make = || match available_parallelism().unwrap_or(NonZeroUsize::MIN) {
            NonZeroUsize::MIN => Self::cooperative(QUEUED_PER_CORE),
            cores => Self::new(cores, cores.get() * QUEUED_PER_CORE),
        };
        SHARED.get_or_init(make).clone()
    }

    /// Returns the number of operations that run or wait.
    pub fn depth(&self) -> usize {
        self.inner.lock().values().map(Lane::depth).sum()
    }

    /// Returns true if an operation would be refused now.
    pub(crate) fn is_full(&self) -> bool {
        let lanes = self.inner.lock();
        let depth = lanes.get(&self.inner.lane_key()).map_or(0, Lane::depth);
        depth >= self.inner.depth_limit()
    }

    /// Queues `work`. It is skipped if the receiver was dropped before it starts.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, PoolFull> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move || {
            if !sender.is_closed() {
                // If the receiver was dropped in the meantime, no one needs the result.
                drop(sender.send(work()));
            }
        });
        let inner = &self.inner;
        let key = inner.lane_key();
        let mut lanes = inner.lock();
        let lane = lanes.entry(key).or_default();
        if lane.depth() >= inner.depth_limit() {
            return Err(PoolFull);
        }
        lane.queue.push_back(job);
        let worker = (lane.workers < inner.at_a_time.min(lane.depth())).then(|| {
            lane.workers += 1;
            Worker {
                inner: Arc::clone(inner),
                lane: key,
                runs: false,
                counted: true,
            }
        });
        drop(lanes);
        match (worker, inner.executor) {
            (None, _) => inner.queued.notify_one(),
            (Some(worker), Executor::Tasks) => drop(tokio::spawn(worker.take_turns())),
            (Some(worker), Executor::Threads) => {
                let thread = thread::Builder::new().name("wa-flows-rsa".to_owned());
                if let Err(error) = thread.spawn(move || worker.run()) {
                    tracing::error!(%error, "cannot start a thread for decryption");
                }
            }
        }
        Ok(receiver)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<LaneKey, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lane_key(&self) -> LaneKey {
        match self.executor {
            Executor::Threads => None,
            Executor::Tasks => Handle::try_current().ok().map(|runtime| runtime.id()),
        }
    }

    fn depth_limit(&self) -> usize {
        self.at_a_time.saturating_add(self.queue_limit)
    }
}

impl Lane {
    fn depth(&self) -> usize {
        self.running + self.queue.len()
    }
}

impl fmt::Debug for RsaPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaPool")
            .field("executor", &self.inner.executor)
            .field("at_a_time", &self.inner.at_a_time)
            .field("queue_limit", &self.inner.queue_limit)
            .field("depth", &self.depth())
            .finish()
    }
}

/// A thread or task that takes operations from a lane.
struct Worker {
    inner: Arc<Inner>,
    lane: LaneKey,
    runs: bool,
    counted: bool,
}

impl Worker {
    fn run(mut self) {
        while let Some(job) = self.next(Some(LINGER)) {
            job();
        }
    }

    async fn take_turns(mut self) {
        let mut next = self.next(None);
        while let Some(job) = next {
            job();
            next = self.next(None);
            if next.is_some() {
                yield_now().await;
            }
        }
    }

    /// Returns the next operation, and waits up to `wait` for one. If there is none, this worker leaves its
    /// lane while it still holds the lock, so that no operation is queued for a worker that has stopped.
    fn next(&mut self, wait: Option<Duration>) -> Option<Job> {
        let inner = Arc::clone(&self.inner);
        let mut lanes = inner.lock();
        let mut waited = false;
        loop {
            let lane = lanes.get_mut(&self.lane)?;
            self.settle(lane);
            if let Some(job) = lane.queue.pop_front() {
                lane.running += 1;
                self.runs = true;
                return Some(job);
            }
            match wait {
                Some(wait) if !waited => {
                    let (guard, timeout) = inner
                        .queued
                        .wait_timeout(lanes, wait)
                        .unwrap_or_else(PoisonError::into_inner);
                    (lanes, waited) = (guard, timeout.timed_out());
                }
                _ => {
                    self.count_out(&mut lanes);
                    return None;
                }
            }
        }
    }

    /// Records that this worker's operation has ended, if it ran one.
    fn settle(&mut self, lane: &mut Lane) {
        lane.running -= usize::from(std::mem::take(&mut self.runs));
    }

    /// Removes this worker from its lane. If it was the last, also removes the lane, and returns it with its
    /// queue.
    fn count_out(&mut self, lanes: &mut HashMap<LaneKey, Lane>) -> Option<Lane> {
        if !std::mem::take(&mut self.counted) {
            return None;
        }
        let lane = lanes.get_mut(&self.lane)?;
        self.settle(lane);
        lane.workers -= 1;
        if lane.workers > 0 {
            return None;
        }
        lanes.remove(&self.lane)
    }
}

impl Drop for Worker {
    /// Removes a worker that ends early, because its runtime shuts down. If it was the last, its queue is
    /// dropped without the lock: that drops the senders, which wakes the receivers.
    fn drop(&mut self) {
        let inner = Arc::clone(&self.inner);
        let abandoned = self.count_out(&mut inner.lock());
        drop(abandoned);
    }
}

#[cfg(test)]
mod tests;
