//! Where private key operations run: on few threads, with a short queue before them.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::available_parallelism;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// Operations that wait for each thread at most, unless set otherwise: 32, some 24 ms of work.
const QUEUED_PER_THREAD: usize = 32;

/// Results that are handed over together while more work waits. On one core a wake-up costs two switches between threads,
/// some 3 % of an operation; a result waits for two operations at most.
const BATCH: usize = 3;

/// The threads that decrypt, and the queue before them; clones share both.
///
/// A private key operation keeps a core busy for 0.7 ms. Run where the connections are served, it would hold up every
/// other task of that thread, and an overloaded server could not even say that it is overloaded. So it runs on Tokio's
/// blocking threads, as many at a time as there are cores. A thread goes on with the next operation while there is one,
/// so that under load nothing is woken between two operations; measured on one core, this costs no more CPU an exchange
/// than running the operations inline. When the queue is full, requests are refused at once
/// (503): an answer that comes after the client left is work for nobody.
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
    threads: usize,
    queue_limit: usize,
    state: Mutex<State>,
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
    /// Makes a pool of at most `threads` operations at a time, with `queue_limit` waiting behind them.
    #[must_use]
    pub fn new(threads: NonZeroUsize, queue_limit: usize) -> Self {
        let state = Mutex::new(State::default());
        Self {
            inner: Arc::new(Inner {
                threads: threads.get(),
                queue_limit,
                state,
            }),
        }
    }

    /// The pool of this process: one operation a core, and 32 waiting for each.
    pub fn shared() -> Self {
        static SHARED: OnceLock<RsaPool> = OnceLock::new();
        let make = || {
            let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
            Self::new(threads, threads.get() * QUEUED_PER_THREAD)
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
        state.running >= self.inner.threads && state.queue.len() >= self.inner.queue_limit
    }

    /// Runs `work` on a thread of the pool; it is skipped if the receiver is gone by then.
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
        if state.running < self.inner.threads {
            state.running += 1;
            drop(state);
            let worker = Worker {
                inner: Arc::clone(&self.inner),
                counted: true,
            };
            spawn_blocking(move || worker.run(job));
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
            .field("threads", &self.inner.threads)
            .field("queue_limit", &self.inner.queue_limit)
            .field("depth", &self.depth())
            .finish()
    }
}

/// One of the threads that are at work.
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
    /// Counts out a worker that a runtime dropped before it ran.
    fn drop(&mut self) {
        if self.counted {
            self.inner.lock().running -= 1;
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
        let pool = pool(1, 1);
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
