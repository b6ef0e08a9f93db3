//! Rotates many key sets in waves, and stops if too many fail.

use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;
use wa_keystore::StoreError;

use super::connect::Fleet;
use super::inventory::InventoryNumber;
use super::stop::Stop;
use super::view::StoreView;
use crate::error::FleetError;
use crate::operations::RotateOptions;
use crate::operator::SetOperator;
use crate::report::NumberReport;
use crate::text;

/// How many key sets are rotated in a wave, and when the run stops.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WaveOptions {
    /// Sets in the first wave. If one of them fails, the run stops. Default 1.
    pub canary: usize,
    /// Sets in every further wave. Default 10.
    pub batch: usize,
    /// The run stops after a wave if more than this percentage of the sets failed so far. Default 5.
    pub max_failed_percent: u32,
    /// Sets of a wave that are rotated at the same time. Default 4.
    pub concurrency: usize,
    /// Asks the run to start no further set.
    pub stop: Stop,
}

impl Default for WaveOptions {
    fn default() -> Self {
        Self {
            canary: 1,
            batch: 10,
            max_failed_percent: 5,
            concurrency: 4,
            stop: Stop::default(),
        }
    }
}

/// A key set that is to be rotated, with the numbers of the inventory that it does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WaveSet {
    /// Its name.
    pub set: String,
    /// Numbers that are added to it.
    pub new_numbers: Vec<PhoneNumberId>,
    /// The numbers that it has already.
    pub known_numbers: usize,
}

/// What became of one key set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SetReport {
    /// The set.
    pub set: String,
    /// The primary key after the rotation, if the rotation came that far.
    #[serde(with = "text::optional")]
    pub key: Option<Fingerprint>,
    /// Numbers of the set.
    pub numbers: usize,
    /// Numbers that have the key.
    pub valid: usize,
    /// Numbers that do not, with the reason.
    pub failed: Vec<NumberReport>,
    /// Why the rotation stopped.
    pub error: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl SetReport {
    /// Returns true if every number of the set has the key.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.error.is_none() && self.failed.is_empty()
    }
}

/// What a run over many sets did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct WaveReport {
    /// Sets whose numbers all have the new key.
    pub rotated: usize,
    /// Sets that failed.
    pub failed: usize,
    /// Sets that were not tried.
    pub not_tried: Vec<String>,
    /// Why the run stopped.
    pub stopped: Option<String>,
    /// True if the run was asked to stop.
    pub interrupted: bool,
}

impl Fleet {
    /// Returns the key sets of numbers, in the order of their names.
    ///
    /// Numbers of which the set is not known are left out: [`audit`](Self::audit) finds them.
    #[must_use]
    pub fn wave_sets(&self, view: &StoreView, numbers: &[InventoryNumber]) -> Vec<WaveSet> {
        let mut sets = std::collections::BTreeMap::<String, WaveSet>::new();
        for number in numbers {
            let known = view.sets_of(number.phone_number_id.as_str()).first().cloned();
            let is_known = known.is_some();
            let Some(set) = known.or_else(|| self.set_of(number)) else {
                continue;
            };
            let entry = sets.entry(set.clone()).or_insert_with(|| WaveSet {
                known_numbers: view.set(&set).map_or(0, |log| log.numbers().count()),
                set,
                new_numbers: Vec::new(),
            });
            if !is_known {
                entry.new_numbers.push(number.phone_number_id.clone());
            }
        }
        sets.into_values().collect()
    }

    /// Rotates key sets in waves. `operator` creates the operator of a set, and says what is asked of it;
    /// each result is passed to `done` when it is known.
    ///
    /// A run can be repeated: sets whose primary is younger than a day get no new key, and interrupted
    /// rotations continue.
    pub async fn rotate(
        &self,
        sets: &[WaveSet],
        options: &WaveOptions,
        operator: impl Fn(&WaveSet) -> Result<(SetOperator, RotateOptions), StoreError> + Send + Sync,
        mut done: impl FnMut(&SetReport) + Send,
    ) -> WaveReport {
        let mut report = WaveReport::default();
        let stop = &options.stop;
        let (mut rest, mut wave) = (sets, options.canary.max(1));
        while !rest.is_empty() && report.stopped.is_none() && !stop.is_requested() {
            let (now, later) = rest.split_at(wave.min(rest.len()));
            let is_canary = rest.len() == sets.len();
            rest = later;
            let mut running = stream::iter(now)
                .map(|set| {
                    let operator = &operator;
                    async move {
                        if stop.is_requested() {
                            return Err(set.set.clone());
                        }
                        Ok(match operator(set) {
                            Ok((operator, options)) => rotate_one(&operator, &options, set).await,
                            Err(error) => SetReport::failed(set, &FleetError::Store(error)),
                        })
                    }
                })
                .buffer_unordered(options.concurrency.max(1));
            while let Some(result) = running.next().await {
                match result {
                    Ok(set) => {
                        if set.is_valid() {
                            report.rotated += 1;
                        } else {
                            report.failed += 1;
                        }
                        done(&set);
                    }
                    Err(name) => report.not_tried.push(name),
                }
            }
            let tried = report.rotated + report.failed;
            let too_many = report.failed * 100 > tried * options.max_failed_percent as usize;
            if report.failed > 0 && (is_canary || too_many) {
                report.stopped = Some(format!("{} of {tried} key sets failed", report.failed));
            }
            wave = options.batch.max(1);
        }
        report.not_tried.extend(rest.iter().map(|set| set.set.clone()));
        report.interrupted = stop.is_requested();
        report
    }
}

async fn rotate_one(operator: &SetOperator, options: &RotateOptions, set: &WaveSet) -> SetReport {
    match operator.rotate(options).await {
        Ok(done) => {
            let (valid, failed): (Vec<_>, Vec<_>) =
                done.numbers.into_iter().partition(NumberReport::is_valid);
            SetReport {
                set: done.set,
                key: Some(done.key),
                numbers: valid.len() + failed.len(),
                valid: valid.len(),
                failed,
                error: None,
                remedy: None,
            }
        }
        Err(error) => SetReport::failed(set, &error),
    }
}

impl SetReport {
    fn failed(set: &WaveSet, error: &FleetError) -> Self {
        Self {
            set: set.set.clone(),
            key: None,
            numbers: set.known_numbers + set.new_numbers.len(),
            valid: 0,
            failed: Vec::new(),
            error: Some(error.to_string()),
            remedy: error.remedy().map(Into::into),
        }
    }
}
