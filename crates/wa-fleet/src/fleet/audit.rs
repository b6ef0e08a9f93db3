//! Reads the registered key of every number: one request a number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;

use super::connect::Fleet;
use super::finding::{Finding, Reason};
use super::inventory::InventoryNumber;
use super::stop::Stop;
use super::view::StoreView;
use crate::outside::Effect;

/// The counts of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[non_exhaustive]
pub struct AuditSummary {
    /// The numbers by reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// Why a token was not used further, by the failed call.
    pub stopped: Vec<String>,
    /// True if the run was asked to stop.
    pub interrupted: bool,
    /// The age of the oldest primary key, in seconds.
    pub oldest_primary_s: Option<u64>,
}

impl AuditSummary {
    /// Returns the number of numbers.
    #[must_use]
    pub fn total(&self) -> usize {
        self.reasons.values().sum()
    }

    /// Returns the number of numbers with a reason.
    #[must_use]
    pub fn count(&self, reason: Reason) -> usize {
        self.reasons.get(&reason).copied().unwrap_or_default()
    }

    /// Returns true if every number has the primary key of its set.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.count(Reason::Ok) == self.total()
    }

    fn add(&mut self, reason: Reason) {
        *self.reasons.entry(reason).or_default() += 1;
    }
}

impl Fleet {
    /// Audits numbers: reads what is registered for each, several at a time, and passes each finding to
    /// `found` as it arrives.
    ///
    /// The failure of one number does not stop the others. If a token or an app is refused, the other numbers
    /// of that token are reported as not tried.
    pub async fn audit(
        &self,
        view: &StoreView,
        numbers: &[InventoryNumber],
        stop: &Stop,
        mut found: impl FnMut(Finding) + Send,
    ) -> AuditSummary {
        let mut summary = AuditSummary {
            oldest_primary_s: oldest_primary(view).map(|age| age.as_secs()),
            ..AuditSummary::default()
        };
        let mut refused: BTreeSet<usize> = BTreeSet::new();
        let mut rest = numbers.iter();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.concurrency() && !stop.is_requested() {
                let Some(number) = rest.next() else { break };
                let group = self.group(&number.phone_number_id);
                if refused.contains(&group) {
                    summary.add(Reason::NotTried);
                    found(Finding::not_tried(number));
                    continue;
                }
                running.push(async move {
                    let read = self.registry().read(&number.phone_number_id).await;
                    (number, group, read)
                });
            }
            let Some((number, group, read)) = running.next().await else {
                break;
            };
            if let Err(error) = &read
                && error.effect() == Effect::All
                && refused.insert(group)
            {
                summary.stopped.push(error.to_string());
            }
            let set = self.set_of(number);
            let finding = Finding::judge(view, number, set.as_deref(), &read);
            summary.add(finding.reason);
            found(finding);
        }
        for number in rest {
            summary.add(Reason::NotTried);
            found(Finding::not_tried(number));
        }
        summary.interrupted = stop.is_requested();
        summary
    }
}

fn oldest_primary(view: &StoreView) -> Option<Duration> {
    let now = SystemTime::now();
    view.sets()
        .filter_map(|(_, log)| log.primary())
        .filter_map(|key| now.duration_since(key.state_since).ok())
        .max()
}
