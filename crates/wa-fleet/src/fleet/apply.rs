//! Executes a plan: one read, one upload and one read at the end for each number.

mod report;
mod sets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, stream};

use super::connect::Fleet;
use super::plan::{Plan, PlanItem};
use super::stop::Stop;
use super::view::StoreView;
use crate::error::FleetError;
use crate::outside::{Effect, Registered, RegistryError};
pub use report::{ApplyEvent, ApplyReport, ItemOutcome, ItemReport};
use sets::{Sent, SetWork};

/// The pauses before the reads after a round of uploads: a new key may take a minute to be shown.
const READ_BACK: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// A run of a plan.
struct Run<'a, F> {
    fleet: &'a Fleet,
    stop: &'a Stop,
    sets: BTreeMap<&'a str, SetWork>,
    /// Clients whose token is refused.
    refused: BTreeSet<usize>,
    /// Why nothing further is started at all.
    is_over: bool,
    report: ApplyReport,
    event: F,
}

/// An item that is not finished.
struct Pending<'a> {
    item: &'a PlanItem,
    uploads: u32,
    /// The error of the last upload, which leaves open whether it took effect.
    error: Option<RegistryError>,
    last: Option<Registered>,
}

impl Fleet {
    /// Executes a plan. Each result is passed to `event` when it is known.
    ///
    /// An item whose key is no longer the primary of its set, or whose number no longer has the key that the
    /// plan expects, is skipped. The failure of one number does not stop the others; if a token is refused,
    /// the other numbers of that token are reported as not tried. Numbers that their set does not have are
    /// added to it before the first upload. A plan can be applied again: numbers that have their key are
    /// skipped without an upload.
    ///
    /// # Errors
    ///
    /// [`FleetError::Store`] if the key store cannot be read. What was done until then was passed to `event`.
    pub async fn apply(
        &self,
        view: &StoreView,
        plan: &Plan,
        stop: &Stop,
        event: impl FnMut(ApplyEvent<'_>) + Send,
    ) -> Result<ApplyReport, FleetError> {
        let mut run = Run {
            fleet: self,
            stop,
            sets: BTreeMap::new(),
            refused: BTreeSet::new(),
            is_over: false,
            report: ApplyReport::default(),
            event,
        };
        let mut pending = run.prepare(view, plan).await?;
        for round in 1..=self.rules().uploads.max(1) {
            let sent = run.upload(pending).await;
            pending = run.read_back(sent, round).await;
            if pending.is_empty() {
                break;
            }
        }
        for left in pending {
            run.unfinished(left);
        }
        run.report.interrupted = stop.is_requested();
        Ok(run.report)
    }
}

impl<'a, F: FnMut(ApplyEvent<'_>) + Send> Run<'a, F> {
    /// Reads the sets of the plan, adds new numbers to them, and returns the items that can be tried.
    async fn prepare(&mut self, view: &StoreView, plan: &'a Plan) -> Result<Vec<Pending<'a>>, FleetError> {
        let mut by_set: BTreeMap<&str, Vec<&PlanItem>> = BTreeMap::new();
        for item in &plan.items {
            by_set.entry(&item.set).or_default().push(item);
        }
        let fleet = self.fleet;
        let mut ready = stream::iter(by_set.iter().map(|(set, items)| (*set, items.as_slice())))
            .map(|(set, items)| async move {
                let operator = fleet.taking_over(set, plan.take_over)?;
                let work = SetWork::prepare(operator, view, items).await;
                Ok::<_, FleetError>((set, work))
            })
            .buffer_unordered(fleet.concurrency());
        let mut problems = BTreeMap::new();
        while let Some(prepared) = ready.next().await {
            let (set, work) = prepared?;
            match work {
                Ok(work) => drop(self.sets.insert(set, work)),
                Err(error @ (FleetError::Store(_) | FleetError::WrongClock { .. })) => return Err(error),
                Err(error) => drop(problems.insert(set, error)),
            }
        }
        drop(ready);
        let mut pending = Vec::with_capacity(plan.items.len());
        for item in &plan.items {
            let report = match (self.sets.get(item.set.as_str()), problems.get(item.set.as_str())) {
                (Some(work), _) => work.refusal(view, item),
                (None, Some(error)) => Some(ItemReport::failed(item, error)),
                (None, None) => Some(ItemReport::new(item, ItemOutcome::NotTried)),
            };
            match report {
                Some(report) => self.finish(&report),
                None => pending.push(Pending {
                    item,
                    uploads: 0,
                    error: None,
                    last: None,
                }),
            }
        }
        Ok(pending)
    }

    /// Uploads, one number alone until the first upload is confirmed, then several at a time. Returns the
    /// items whose upload was sent.
    async fn upload(&mut self, items: Vec<Pending<'a>>) -> Vec<Pending<'a>> {
        let fleet = self.fleet;
        let sets = std::mem::take(&mut self.sets);
        let mut sent = Vec::with_capacity(items.len());
        let mut rest = items.into_iter();
        let mut running = FuturesUnordered::new();
        let mut at_once = 1;
        loop {
            while running.len() < at_once && !self.is_stopped() {
                let Some(mut pending) = rest.next() else { break };
                let group = fleet.group(&pending.item.phone_number_id);
                let Some(work) = sets
                    .get(pending.item.set.as_str())
                    .filter(|_| !self.refused.contains(&group))
                else {
                    self.not_tried(pending);
                    continue;
                };
                running.push(async move {
                    let result = work.upload(pending.item, pending.uploads > 0).await;
                    pending.error = None;
                    (pending, group, result)
                });
            }
            let Some((mut pending, group, result)) = running.next().await else {
                break;
            };
            match result {
                Ok(Sent::Upload(error)) => {
                    pending.uploads += 1;
                    at_once = if error.is_none() {
                        fleet.concurrency()
                    } else {
                        at_once
                    };
                    let effect = error.as_ref().map(RegistryError::effect);
                    pending.error = error;
                    match effect {
                        None | Some(Effect::Transient) => {
                            (self.event)(ApplyEvent::Sent(pending.item));
                            sent.push(pending);
                        }
                        Some(effect) => {
                            self.refuse(group, effect, pending.error.as_ref().map(ToString::to_string));
                            let report =
                                ItemReport::call(pending.item, pending.uploads, pending.error.as_ref());
                            self.finish(&report);
                        }
                    }
                }
                Ok(Sent::Finished(mut report)) => {
                    // The calls of this token succeed.
                    if report.outcome == ItemOutcome::Valid {
                        at_once = fleet.concurrency();
                    }
                    report.uploads = pending.uploads;
                    self.finish(&report);
                }
                Err(error) => {
                    match &error {
                        FleetError::Registry { source, .. } => {
                            self.refuse(group, source.effect(), Some(source.to_string()));
                        }
                        FleetError::Store(_) | FleetError::WrongClock { .. } => {
                            self.is_over = true;
                            self.report.stopped.push(error.to_string());
                        }
                        _ => {}
                    }
                    self.finish(&ItemReport::failed(pending.item, &error));
                }
            }
        }
        drop(running);
        self.sets = sets;
        for pending in rest {
            self.not_tried(pending);
        }
        sent
    }

    /// Reads the numbers whose upload was sent, again after growing pauses, and returns those that need
    /// another upload.
    async fn read_back(&mut self, mut sent: Vec<Pending<'a>>, round: u32) -> Vec<Pending<'a>> {
        let fleet = self.fleet;
        for pause in READ_BACK {
            if sent.is_empty() || self.is_stopped() {
                break;
            }
            fleet.time().sleep(pause).await;
            let mut left = Vec::new();
            let mut reads = stream::iter(sent)
                .map(|pending| async move {
                    let read = fleet.registry().read(&pending.item.phone_number_id).await;
                    (pending, read)
                })
                .buffer_unordered(fleet.concurrency());
            while let Some((mut pending, read)) = reads.next().await {
                match read {
                    Ok(found) if found.is_valid(pending.item.to) => {
                        let mut report = ItemReport::new(pending.item, ItemOutcome::Valid);
                        report.uploads = pending.uploads;
                        report.registered = found.fingerprint();
                        self.finish(&report);
                        continue;
                    }
                    Ok(found) => pending.last = Some(found),
                    Err(error) => {
                        let group = fleet.group(&pending.item.phone_number_id);
                        self.refuse(group, error.effect(), Some(error.to_string()));
                        pending.error = Some(error);
                    }
                }
                left.push(pending);
            }
            sent = left;
        }
        let is_last = round >= fleet.rules().uploads || self.is_stopped();
        let (again, done): (Vec<_>, Vec<_>) = sent
            .into_iter()
            .partition(|pending| !is_last && pending.may_be_uploaded_again());
        for pending in done {
            self.unfinished(pending);
        }
        again
    }

    /// Stops the numbers of a client after an error that every call would give.
    fn refuse(&mut self, group: usize, effect: Effect, error: Option<String>) {
        if effect == Effect::All && self.refused.insert(group) {
            self.report.stopped.extend(error);
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_over || self.stop.is_requested()
    }

    /// Reports an item that cannot be tried, or whose last upload is not known to have taken effect.
    fn not_tried(&mut self, pending: Pending<'a>) {
        if pending.uploads > 0 {
            return self.unfinished(pending);
        }
        self.finish(&ItemReport::new(pending.item, ItemOutcome::NotTried));
    }

    fn unfinished(&mut self, pending: Pending<'a>) {
        let Pending {
            item,
            uploads,
            error,
            last,
        } = pending;
        let shown = last.as_ref().and_then(Registered::fingerprint);
        let outcome = match (&last, shown) {
            (_, Some(key)) if key == item.to => ItemOutcome::MismatchPersists,
            (Some(_), Some(key)) if Some(key) != item.from => ItemOutcome::Replaced,
            _ if error.is_some() => ItemOutcome::Failed,
            (None, _) => ItemOutcome::Sent,
            _ => ItemOutcome::NotVisible,
        };
        let mut report = match outcome {
            ItemOutcome::Failed => ItemReport::call(item, uploads, error.as_ref()),
            outcome => ItemReport::new(item, outcome),
        };
        report.uploads = uploads;
        report.registered = shown;
        report.detail = error.map(|error| error.to_string());
        self.finish(&report);
    }

    fn finish(&mut self, report: &ItemReport) {
        *self.report.outcomes.entry(report.outcome).or_default() += 1;
        (self.event)(ApplyEvent::Finished(report));
    }
}

impl Pending<'_> {
    /// Returns false if another key than the expected ones is shown: someone else uploaded it after ours.
    fn may_be_uploaded_again(&self) -> bool {
        let shown = self.last.as_ref().map(Registered::fingerprint);
        shown.is_none_or(|key| key == self.item.from || key == Some(self.item.to))
    }
}
