//! Runs an operation for several phone numbers: bounded concurrency, results as they arrive, and an early
//! stop if every other number would fail too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use wa_cloud::encryption::{EncryptionApi, EncryptionError};
use wa_cloud::graph::LimitScope;

use super::client::{self, Wait};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Time that calls in flight may take after Ctrl-C. A second Ctrl-C ends them immediately.
const GRACE: Duration = Duration::from_secs(5);

/// The phone numbers of a run, in the order in which they were given. They share one client.
pub(super) struct Batch {
    pub(super) apis: Vec<EncryptionApi>,
    pub(super) concurrency: usize,
    pub(super) waits: UnboundedReceiver<Wait>,
}

/// The numbers to process, as indexes into [`Batch::apis`].
pub(super) struct Order {
    pub(super) numbers: Vec<usize>,
    /// True if the first number is completed before the others start.
    pub(super) alone_first: bool,
}

/// Whether the run continues after a result.
pub(super) enum Next {
    Continue,
    Stop(String),
}

/// How a run ended, and the numbers without a result.
#[derive(Default)]
pub(super) struct RunEnd {
    /// Calls that were in flight when the run was interrupted.
    pub(super) unknown: Vec<usize>,
    pub(super) not_tried: Vec<usize>,
    /// Why the run stopped before all numbers were tried.
    pub(super) stopped: Option<String>,
    pub(super) interrupted: bool,
}

impl RunEnd {
    pub(super) fn is_early(&self) -> bool {
        self.interrupted || self.stopped.is_some()
    }
}

/// State of a run.
struct Run {
    queue: VecDeque<usize>,
    in_flight: BTreeSet<usize>,
    /// Maximum number of calls in flight: one until the first result, if the first number is completed before
    /// the others.
    max_in_flight: usize,
    /// Number of account rate limits, by the account that Graph named. The second one of an account stops the
    /// run.
    limited: BTreeMap<String, u32>,
    /// No call is started before this time, because a call in flight waits for a rate limit that all calls
    /// share.
    held_until: Option<Instant>,
    deadline: Option<Instant>,
    rest: RunEnd,
}

impl Batch {
    /// Returns an order of all numbers, in which none is completed before the others start.
    pub(super) fn all(&self) -> Order {
        Order {
            numbers: (0..self.apis.len()).collect(),
            alone_first: false,
        }
    }

    /// Runs `work` for each number, and passes each result to `arrived` when it is available.
    #[allow(
        clippy::future_not_send,
        reason = "`wa encryption` runs on one thread, and its terminal stays there"
    )]
    pub(super) async fn each<T>(
        &mut self,
        terminal: &mut Terminal,
        order: Order,
        work: impl AsyncFn(&EncryptionApi) -> Result<T, EncryptionError>,
        mut arrived: impl FnMut(&mut Terminal, usize, Result<T, EncryptionError>) -> Result<Next, Failure>,
    ) -> Result<RunEnd, Failure> {
        let mut run = Run::new(order, self.concurrency);
        let (apis, work) = (&self.apis, &work);
        let start = async |index: usize| {
            let result = match apis.get(index) {
                None => return None,
                Some(api) => match work(api).await {
                    Err(error) => Err(api.explain(error).await),
                    done => done,
                },
            };
            Some((index, result))
        };
        let mut running = FuturesUnordered::new();
        let mut interrupt = pin!(interrupted());
        loop {
            while let Some(index) = run.next() {
                running.push(start(index));
            }
            if run.is_over() {
                return Ok(run.finish());
            }
            tokio::select! {
                Some(result) = running.next(), if !running.is_empty() => {
                    let Some((index, result)) = result else { continue };
                    run.record(index, self.concurrency, result.as_ref().err());
                    if let Next::Stop(why) = arrived(terminal, index, result)? {
                        run.stop(why);
                    }
                }
                Some(wait) = self.waits.recv() => run.wait(terminal, &wait),
                () = &mut interrupt => {
                    run.interrupt();
                    interrupt.set(interrupted());
                }
                () = until(run.held_until), if run.held_until.is_some() => run.held_until = None,
                () = until(run.deadline), if run.deadline.is_some() => return Ok(run.finish()),
            }
        }
    }
}

impl Run {
    fn new(order: Order, concurrency: usize) -> Self {
        Self {
            queue: order.numbers.into(),
            in_flight: BTreeSet::new(),
            max_in_flight: if order.alone_first { 1 } else { concurrency },
            limited: BTreeMap::new(),
            held_until: None,
            deadline: None,
            rest: RunEnd::default(),
        }
    }

    /// Returns the next number, if a call may be started now.
    fn next(&mut self) -> Option<usize> {
        if self.rest.is_early() || self.held_until.is_some() || self.in_flight.len() >= self.max_in_flight {
            return None;
        }
        let index = self.queue.pop_front()?;
        self.in_flight.insert(index);
        Some(index)
    }

    fn is_over(&self) -> bool {
        self.in_flight.is_empty() && (self.queue.is_empty() || self.rest.is_early())
    }

    /// Records a result. Stops the run if the other numbers would fail with the same error.
    fn record(&mut self, index: usize, concurrency: usize, error: Option<&EncryptionError>) {
        self.in_flight.remove(&index);
        self.max_in_flight = concurrency;
        let Some(error) = error.and_then(EncryptionError::graph) else {
            return;
        };
        if error.affects_every_call() {
            self.stop(client::cause(error.kind()));
        } else if error.limit_scope() == Some(LimitScope::Account) {
            let accounts = error.usage().business.iter();
            let names: Vec<&str> = accounts.map(|usage| usage.object_id.as_str()).collect();
            let count = self.limited.entry(names.join(",")).or_default();
            *count += 1;
            // The accounts of the numbers are not known, so a single rate limit may not affect the other
            // numbers.
            if *count > 1 {
                self.stop(client::cause(error.kind()));
            }
        }
    }

    fn stop(&mut self, why: String) {
        self.rest.stopped.get_or_insert(why);
    }

    /// Prints what a call is waiting for, once if several calls wait for the same rate limit.
    fn wait(&mut self, terminal: &mut Terminal, wait: &Wait) {
        let end = Instant::now() + wait.pause;
        let is_reported = wait.is_limit
            && self
                .held_until
                .is_some_and(|until| until + Duration::from_secs(1) >= end);
        if wait.is_limit {
            self.held_until = self.held_until.max(Some(end));
        }
        if !is_reported {
            terminal.note(&wait.to_string());
        }
    }

    fn interrupt(&mut self) {
        let now = Instant::now();
        self.deadline = Some(if self.rest.interrupted { now } else { now + GRACE });
        self.rest.interrupted = true;
    }

    fn finish(mut self) -> RunEnd {
        self.rest.unknown.extend(self.in_flight);
        self.rest.not_tried.extend(self.queue);
        self.rest
    }
}

/// Completes at the next Ctrl-C; never, if signals cannot be received.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn until(moment: Option<Instant>) -> impl Future<Output = ()> {
    tokio::time::sleep_until(moment.unwrap_or_else(Instant::now))
}
