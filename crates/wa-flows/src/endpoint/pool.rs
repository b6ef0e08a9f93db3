//! Where private key operations run: on few threads, with a short queue before them.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::available_parallelism;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{spawn_blocking, yield_now};

/// Operations that wait behind each that runs at most, unless set otherwise: 32, some 25 ms of work.
const QUEUED_PER_THREAD: usize = 32;

/// Results that a thread hands over together while more work waits. A wake-up costs two switches between threads, some
/// 3 % of an operation where they share a core; a result waits for two operations at most.
const BATCH: usize = 3;

/// Where private key operations run, and the queue before them; clones share both.
///
/// An operation keeps a core busy for 0.3 to 0.9 ms. Run wherever a connection is served, several in a row would hold up
/// every other task of that thread, and an overloaded server could not even say that it is overloaded. So operations
/// wait in one queue, and when it is full, requests are refused at once (503): an answer that comes after the client left
/// is work for nobody. What takes them from the queue depends on the machine.
///
/// - Several cores: Tokio's blocking threads, one a core. A thread goes on with the next operation while there is one, so
///   that under load nothing is woken between two operations.
/// - One core: a task of the runtime, which yields after each operation. A second thread would not free the first, it
///   would only leave it to the kernel to take turns, and the kernel's turns are longer than an operation. Measured on one
///   core under full load, a timer fired 1.9 ms late with the task and 4.4 ms with a thread (99th percentile); at 70 %
///   load, the median exchange took 2.1 instead of 3.1 ms.
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
    at_a_time: usize,
    place: Place,
    queue_limit: usize,
    state: Mutex<State>,
}

/// What takes operations from the queue.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Threads of their own.
    Threads,
    /// Tasks that yield to the others of the runtime after each operation.
    Tasks,
}

#[derive(Default)]
struct State {
    running: usize,
    queue: VecDeque<Job>,
}

/// Does the work and gives back what hands the result over.
type Job = Box<dyn FnOnce() -> Delivery + Send>;
type Delivery = Box<dyn FnOnce() + Send>;

impl RsaPool {
    /// Makes a pool of at most `threads` operations at a time, each on a thread, with `queue_limit` waiting behind them.
    #[must_use]
    pub fn new(threads: NonZeroUsize, queue_limit: usize) -> Self {
        Self::at(Place::Threads, threads, queue_limit)
    }

    /// Makes a pool of one operation at a time, on a task of the runtime that yields after each, with `queue_limit`
    /// waiting behind it: for a process that has one core.
    #[must_use]
    pub fn cooperative(queue_limit: usize) -> Self {
        Self::at(Place::Tasks, NonZeroUsize::MIN, queue_limit)
    }

    fn at(place: Place, at_a_time: NonZeroUsize, queue_limit: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                at_a_time: at_a_time.get(),
                place,
                queue_limit,
                state: Mutex::default(),
            }),
        }
    }

    /// The pool of this process: one operation a core that it may use, and 32 waiting for each.
    pub fn shared() -> Self {
        static SHARED: OnceLock<RsaPool> = OnceLock::new();
        let make = || match available_parallelism().unwrap_or(NonZeroUsize::MIN) {
            NonZeroUsize::MIN => Self::cooperative(QUEUED_PER_THREAD),
            cores => Self::new(cores, cores.get() * QUEUED_PER_THREAD),
        };
        SHARED.get_or_init(make).clone()
    }

    /// Operations under way and waiting.
    pub fn depth(&self) -> usize {
        let state = self.inner.lock();
        state.running + state.queue.len()
    }

    /// True if an operation would be refused now.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.inner.lock();
        state.running >= self.inner.at_a_time && state.queue.len() >= self.inner.queue_limit
    }

    /// Runs `work` when its turn comes; it is skipped if the receiver is gone by then.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, PoolFull> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move || {
            let result = (!sender.is_closed()).then(work);
            // The receiver may go away at any time: then the result is of no use.
            Box::new(move || drop(result.map(|result| sender.send(result))))
        });
        let mut state = self.inner.lock();
        if state.running < self.inner.at_a_time {
            state.running += 1;
            drop(state);
            let worker = Worker {
                inner: Arc::clone(&self.inner),
                counted: true,
            };
            match self.inner.place {
                Place::Threads => drop(spawn_blocking(move || worker.run(job))),
                Place::Tasks => drop(tokio::spawn(worker.take_turns(job))),
            }
        } else if state.queue.len() < self.inner.queue_limit {
            state.queue.push_back(job);
        } else {
            return Err(PoolFull);
        }
        Ok(receiver)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

/// One of the threads or tasks that are at work.
struct Worker {
    inner: Arc<Inner>,
    counted: bool,
}

impl Worker {
    fn run(mut self, first: Job) {
        let mut next = Some(first);
        let mut results = Vec::new();
        while let Some(job) = next {
            results.push(job());
            next = self.next_or_stop();
            if next.is_none() || results.len() >= BATCH {
                deliver(std::mem::take(&mut results));
            }
        }
    }

    async fn take_turns(mut self, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            let deliver = job();
            deliver();
            next = self.next_or_stop();
            if next.is_some() {
                yield_now().await;
            }
        }
    }

    /// The next operation; if there is none, this worker is counted out under the same lock, so that no operation is
    /// queued for a worker that has stopped.
    fn next_or_stop(&mut self) -> Option<Job> {
        let mut state = self.inner.lock();
        let next = state.queue.pop_front();
        if next.is_none() {
            state.running -= 1;
            self.counted = false;
        }
        next
    }
}

/// Hands results over with one wake-up: the rest wake each other on the thread that serves them.
fn deliver(results: Vec<Delivery>) {
    let all = move || results.into_iter().for_each(|result| result());
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(async move { all() })),
        Err(_) => all(),
    }
}

impl Drop for Worker {
    /// Counts out a worker that ended before its time, with the runtime that it ran on. If it was the last, nobody would
    /// come for what is queued: those who wait are told by the drop of their sender.
    fn drop(&mut self) {
        if self.counted {
            let mut state = self.inner.lock();
            state.running -= 1;
            if state.running == 0 {
                let abandoned = std::mem::take(&mut state.queue);
                drop(state);
                drop(abandoned);
            }
        }
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
