//! Work on several phone numbers: bounded concurrency, results as they arrive, and an end where every number would fail.

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

/// How long the calls in flight may take after Ctrl-C; a second Ctrl-C ends them at once.
const GRACE: Duration = Duration::from_secs(5);

/// The numbers of one run, in the order of naming, over one client.
pub(super) struct Batch {
    pub(super) apis: Vec<EncryptionApi>,
    pub(super) concurrency: usize,
    pub(super) waits: UnboundedReceiver<Wait>,
}

/// Which numbers are worked on, as indexes into [`Batch::apis`], and how the run begins.
pub(super) struct Order {
    pub(super) numbers: Vec<usize>,
    /// Whether the first number is finished before the others begin.
    pub(super) alone_first: bool,
}

/// What the arrival of a result means for the numbers after it.
pub(super) enum Go {
    On,
    Stop(String),
}

/// How a run ended, and the numbers without a result.
#[derive(Default)]
pub(super) struct Rest {
    /// Calls that were in flight when the run was interrupted.
    pub(super) unknown: Vec<usize>,
    pub(super) not_tried: Vec<usize>,
    /// Why the run stopped before all numbers were tried.
    pub(super) stopped: Option<String>,
    pub(super) interrupted: bool,
}

impl Rest {
    pub(super) fn is_early(&self) -> bool {
        self.interrupted || self.stopped.is_some()
    }
}

/// What is known between two events of a run.
struct Run {
    queue: VecDeque<usize>,
    in_flight: BTreeSet<usize>,
    /// How many calls may be in flight: one until the first result, where the first number goes alone.
    room: usize,
    /// Account limits that were met, by the account that Graph named; the second of one account ends the run.
    limited: BTreeMap<String, u32>,
    /// Until when a call in flight waits for a limit that the others share.
    held: Option<Instant>,
    deadline: Option<Instant>,
    rest: Rest,
}

impl Batch {
    /// All numbers, from the start with as many as may be in flight.
    pub(super) fn all(&self) -> Order {
        Order {
            numbers: (0..self.apis.len()).collect(),
            alone_first: false,
        }
    }

    /// Does `work` for numbers and hands every result to `arrived` when it is there.
    #[allow(
        clippy::future_not_send,
        reason = "`wa encryption` runs on one thread, and its terminal stays there"
    )]
    pub(super) async fn each<T>(
        &mut self,
        terminal: &mut Terminal,
        order: Order,
        work: impl AsyncFn(&EncryptionApi) -> Result<T, EncryptionError>,
        mut arrived: impl FnMut(&mut Terminal, usize, Result<T, EncryptionError>) -> Result<Go, Failure>,
    ) -> Result<Rest, Failure> {
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
                    run.take(index, self.concurrency, result.as_ref().err());
                    if let Go::Stop(why) = arrived(terminal, index, result)? {
                        run.stop(why);
                    }
                }
                Some(wait) = self.waits.recv() => run.wait(terminal, &wait),
                () = &mut interrupt => {
                    run.interrupt();
                    interrupt.set(interrupted());
                }
                () = until(run.held), if run.held.is_some() => run.held = None,
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
            room: if order.alone_first { 1 } else { concurrency },
            limited: BTreeMap::new(),
            held: None,
            deadline: None,
            rest: Rest::default(),
        }
    }

    /// The next number to begin with, if one may begin now.
    fn next(&mut self) -> Option<usize> {
        if self.rest.is_early() || self.held.is_some() || self.in_flight.len() >= self.room {
            return None;
        }
        let index = self.queue.pop_front()?;
        self.in_flight.insert(index);
        Some(index)
    }

    fn is_over(&self) -> bool {
        self.in_flight.is_empty() && (self.queue.is_empty() || self.rest.is_early())
    }

    /// Notes a result, and whether its failure is one that the other numbers would meet as well.
    fn take(&mut self, index: usize, concurrency: usize, error: Option<&EncryptionError>) {
        self.in_flight.remove(&index);
        self.room = concurrency;
        let Some(error) = error.and_then(EncryptionError::graph) else {
            return;
        };
        if error.affects_every_call() {
            self.stop(client::cause(error.kind()));
        } else if error.limit_scope() == Some(LimitScope::Account) {
            let accounts = error.usage().business.iter();
            let names: Vec<&str> = accounts.map(|usage| usage.object_id.as_str()).collect();
            let met = self.limited.entry(names.join(",")).or_default();
            *met += 1;
            // Which account a number belongs to is not known, so one number's limit says nothing of the others yet.
            if *met > 1 {
                self.stop(client::cause(error.kind()));
            }
        }
    }

    fn stop(&mut self, why: String) {
        self.rest.stopped.get_or_insert(why);
    }

    /// Says what a call is waiting for, once for a limit that several calls meet at the same time.
    fn wait(&mut self, terminal: &mut Terminal, wait: &Wait) {
        let end = Instant::now() + wait.pause;
        let is_known = wait.is_limit && self.held.is_some_and(|held| held + Duration::from_secs(1) >= end);
        if wait.is_limit {
            self.held = self.held.max(Some(end));
        }
        if !is_known {
            terminal.note(&wait.to_string());
        }
    }

    fn interrupt(&mut self) {
        let now = Instant::now();
        self.deadline = Some(if self.rest.interrupted { now } else { now + GRACE });
        self.rest.interrupted = true;
    }

    fn finish(mut self) -> Rest {
        self.rest.unknown.extend(self.in_flight);
        self.rest.not_tried.extend(self.queue);
        self.rest
    }
}

/// Ends with the next Ctrl-C; never where signals cannot be received.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn until(moment: Option<Instant>) -> impl Future<Output = ()> {
    tokio::time::sleep_until(moment.unwrap_or_else(Instant::now))
}
