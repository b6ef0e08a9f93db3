//! Where private key operations run: a few at a time, with a short queue before them.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, available_parallelism};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;
use tokio::task::yield_now;

/// Operations that wait behind each that runs at most, unless set otherwise: 512, some 0.35 s of work. That holds a burst,
/// and stays below the second (90th percentile) at which WhatsApp raises a latency alert.
const QUEUED_PER_CORE: usize = 512;

/// How long a thread waits for an operation before it ends.
const LINGER: Duration = Duration::from_secs(30);

/// Where private key operations run, and the queue before them; clones share both.
///
/// An operation keeps a core busy for 0.3 to 0.9 ms. Run wherever a connection is served, several in a row would hold up
/// every other task of that thread, and an overloaded server could not even say that it is overloaded. So operations
/// wait in a queue that holds a burst, and when it is full, requests are refused at once (503): more load than the cores
/// can take would only make every answer late. What takes them from the queue depends on the machine.
///
/// - Several cores: threads of the pool, one a core, which belong to no runtime and serve all of them.
/// - One core: a task of the runtime, which yields after each operation. A second thread would not free the first, it
///   would only leave it to the kernel to take turns, and the kernel's turns are longer than an operation. Measured on one
///   core under full load, a timer fired 1.9 ms late with the task and 4.4 ms with a thread (99th percentile); at 70 %
///   load, the median exchange took 2.1 instead of 3.1 ms. Each runtime has a task and a queue of its own, so that none
///   waits for another that is not driven.
///
/// All endpoints of a process share [`RsaPool::shared`] unless they are given another.
#[derive(Clone)]
pub struct RsaPool {
    inner: Arc<Inner>,
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolFull;

struct Inner {
    place: Place,
    at_a_time: usize,
    queue_limit: usize,
    lanes: Mutex<HashMap<LaneKey, Lane>>,
    /// Wakes threads that wait for an operation.
    queued: Condvar,
}

/// What takes operations from the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Threads of the pool.
    Threads,
    /// Tasks that yield to the others of their runtime after each operation.
    Tasks,
}

/// The runtime whose lane it is; none where threads serve all.
type LaneKey = Option<Id>;

/// A queue and those who take from it. It exists while there is one of them.
#[derive(Default)]
struct Lane {
    workers: usize,
    running: usize,
    queue: VecDeque<Job>,
}

/// Does an operation and hands its result over.
type Job = Box<dyn FnOnce() + Send>;

impl RsaPool {
    /// Makes a pool of at most `threads` operations at a time, each on a thread, with `queue_limit` waiting behind them.
    #[must_use]
    pub fn new(threads: NonZeroUsize, queue_limit: usize) -> Self {
        Self::at(Place::Threads, threads, queue_limit)
    }

    /// Makes a pool of one operation at a time, on a task of the runtime that yields after each, with `queue_limit`
    /// waiting behind it: for a process that has one core. Each runtime that uses it has its own task and queue.
    #[must_use]
    pub fn cooperative(queue_limit: usize) -> Self {
        Self::at(Place::Tasks, NonZeroUsize::MIN, queue_limit)
    }

    fn at(place: Place, at_a_time: NonZeroUsize, queue_limit: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                place,
                at_a_time: at_a_time.get(),
                queue_limit,
                lanes: Mutex::default(),
                queued: Condvar::new(),
            }),
        }
    }

    /// The pool of this process: one operation a core that it may use, and 512 waiting for each.
    pub fn shared() -> Self {
        static SHARED: OnceLock<RsaPool> = OnceLock::new();
        let make = || match available_parallelism().unwrap_or(NonZeroUsize::MIN) {
            NonZeroUsize::MIN => Self::cooperative(QUEUED_PER_CORE),
            cores => Self::new(cores, cores.get() * QUEUED_PER_CORE),
        };
        SHARED.get_or_init(make).clone()
    }

    /// Operations under way and waiting.
    pub fn depth(&self) -> usize {
        self.inner.lock().values().map(Lane::depth).sum()
    }

    /// True if an operation would be refused now.
    pub(crate) fn is_full(&self) -> bool {
        let lanes = self.inner.lock();
        let depth = lanes.get(&self.inner.lane_key()).map_or(0, Lane::depth);
        depth >= self.inner.depth_limit()
    }

    /// Runs `work` when its turn comes; it is skipped if the receiver is gone by then.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, PoolFull> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move || {
            if !sender.is_closed() {
                // The receiver may go away at any time: then the result is of no use.
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
        match (worker, inner.place) {
            (None, _) => inner.queued.notify_one(),
            (Some(worker), Place::Tasks) => drop(tokio::spawn(worker.take_turns())),
            (Some(worker), Place::Threads) => {
                let thread = thread::Builder::new().name("wa-flows-rsa".to_owned());
                if let Err(error) = thread.spawn(move || worker.run()) {
                    tracing::error!(%error, "no thread can be started to decrypt on");
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
        match self.place {
            Place::Threads => None,
            Place::Tasks => Handle::try_current().ok().map(|runtime| runtime.id()),
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
            .field("place", &self.inner.place)
            .field("at_a_time", &self.inner.at_a_time)
            .field("queue_limit", &self.inner.queue_limit)
            .field("depth", &self.depth())
            .finish()
    }
}

/// One of the threads or tasks that take operations from a lane.
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

    /// The next operation, waited for as long as is said. If there is none, this worker is counted out under the same lock,
    /// so that no operation is queued for a worker that has stopped.
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

    /// Notes that the operation which this worker took is over, if it took one.
    fn settle(&mut self, lane: &mut Lane) {
        lane.running -= usize::from(std::mem::take(&mut self.runs));
    }

    /// Counts this worker out; gives what is queued if it was the last.
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
    /// Counts out a worker that ended before its time, with the runtime that it ran on. If it was the last, nobody would
    /// come for what is queued: those who wait are told by the drop of their sender.
    fn drop(&mut self) {
        let inner = Arc::clone(&self.inner);
        let abandoned = self.count_out(&mut inner.lock());
        drop(abandoned);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn pool(threads: usize, queue_limit: usize) -> RsaPool {
        RsaPool::new(NonZeroUsize::new(threads).unwrap(), queue_limit)
    }

    #[tokio::test]
    async fn work_queues_up_to_the_limit_and_is_refused_beyond() {
        let pool = pool(1, 2);
        let (release, held) = mpsc::channel::<()>();
        let mut results = vec![pool.submit(move || held.recv().map_or(0, |()| 0)).unwrap()];
        results.extend([1, 2].map(|number| pool.submit(move || number).unwrap()));
        assert!(pool.is_full());
        assert_eq!(pool.submit(|| 3).unwrap_err(), PoolFull);
        assert_eq!(pool.depth(), 3);

        release.send(()).unwrap();
        for (number, result) in results.into_iter().enumerate() {
            assert_eq!(result.await.unwrap(), number);
        }
        assert_eq!(pool.submit(|| 4).unwrap().await.unwrap(), 4);
    }

    #[tokio::test]
    async fn work_whose_caller_is_gone_is_skipped() {
        let pool = pool(1, 2);
        let (release, held) = mpsc::channel::<()>();
        let first = pool.submit(move || held.recv().is_ok()).unwrap();
        let (told, done) = mpsc::channel();
        drop(pool.submit(move || told.send(())).unwrap());
        release.send(()).unwrap();
        assert!(first.await.unwrap());
        assert!(done.recv().is_err(), "the second was dropped unrun");
    }

    #[test]
    fn a_pool_outlives_the_runtime_that_used_it() {
        for pool in [pool(1, 1), RsaPool::cooperative(1)] {
            for _ in 0..2 {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                assert_eq!(
                    runtime
                        .block_on(async { pool.submit(|| 7).unwrap().await })
                        .unwrap(),
                    7
                );
            }
        }
    }

    #[tokio::test]
    async fn tasks_go_on_between_two_operations_of_a_cooperative_pool() {
        let pool = RsaPool::cooperative(2);
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |what| {
            let order = Arc::clone(&order);
            move || order.lock().unwrap().push(what)
        };
        let operations = [1, 2, 3].map(|number| pool.submit(note(number)).unwrap());
        assert_eq!(pool.submit(|| ()).unwrap_err(), PoolFull);
        let other = note(0);
        let other = tokio::spawn(async move { other() });
        for operation in operations {
            operation.await.unwrap();
        }
        other.await.unwrap();
        assert_eq!(*order.lock().unwrap(), [1, 0, 2, 3]);
        assert_eq!(pool.depth(), 0);
    }

    #[test]
    fn a_runtime_that_is_not_driven_holds_up_no_other() {
        for pool in [pool(1, 4), RsaPool::cooperative(4)] {
            let runtime = || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap()
            };
            let (idle, busy) = (runtime(), runtime());
            let within = |runtime: &tokio::runtime::Runtime, number| {
                let _inside = runtime.enter();
                pool.submit(move || number).unwrap()
            };
            let of_idle = within(&idle, 1);
            busy.block_on(async {
                let result = pool.submit(|| 2).unwrap();
                let result = tokio::time::timeout(Duration::from_secs(10), result).await;
                assert_eq!(result.unwrap().unwrap(), 2, "{pool:?}");
            });
            let of_busy = within(&busy, 3);
            drop(idle);
            assert_eq!(busy.block_on(of_busy).unwrap(), 3, "{pool:?}");
            drop(of_idle);
        }
    }

    #[test]
    fn threads_share_the_work_and_come_back_to_it() {
        let pool = pool(2, 8);
        for _ in 0..50 {
            // Each waits for the other: they end only if they run at the same time.
            let barrier = Arc::new(std::sync::Barrier::new(2));
            let results = [1, 2].map(|number| {
                let barrier = Arc::clone(&barrier);
                pool.submit(move || {
                    barrier.wait();
                    number
                })
                .unwrap()
            });
            for (number, result) in (1..).zip(results) {
                assert_eq!(result.blocking_recv().unwrap(), number);
            }
        }
        assert!(pool.inner.lock().values().all(|lane| lane.workers == 2));
    }

    #[test]
    fn what_a_runtime_leaves_undone_is_given_up() {
        let pool = RsaPool::cooperative(1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let results = runtime.block_on(async { [1, 2].map(|number| pool.submit(move || number).unwrap()) });
        drop(runtime);
        assert_eq!(pool.depth(), 0);
        for mut result in results {
            assert!(result.try_recv().is_err(), "neither was run");
        }
    }
}
