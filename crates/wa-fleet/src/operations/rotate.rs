//! Rotation: store, serve, prove, promote, upload, verify, retire.

use std::time::Duration;

use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;
use wa_keystore::{Change, KeyState, ProtectedKey, StoreError};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::outside::{GeneratedKeys, KeySource as _};
use crate::policy::ROUNDS;
use crate::progress::{Progress, Stage};
use crate::report::{Decision, RotationReport};
use crate::rules::Rule;
use crate::steps::promote::Promoted;
use crate::steps::retire::Reason;

/// What a rotation is asked for.
#[derive(Debug, Clone, Default)]
pub struct RotateOptions {
    /// Numbers that are added to the set. The set remembers them.
    pub numbers: Vec<PhoneNumberId>,
    /// Numbers that AWS hosts, by AWS's ids ([`is_external`](crate::is_external)). The set remembers them;
    /// nothing is uploaded to them.
    pub external: Vec<String>,
    /// The URL of the endpoint that serves the set. The set remembers it.
    pub endpoint: Option<String>,
    /// Makes a new key only if the primary is older. Default: 24 h.
    pub max_age: Option<Duration>,
    /// Makes a new key although the primary is younger than 24 h.
    pub force: bool,
    /// A key whose private half may be known to others. If it is the primary, a new key is made; it is
    /// disabled at the end without grace time.
    pub compromised: Option<Fingerprint>,
    /// Ends after this step: stored, served or proved. Default: after the last.
    pub until: Option<Stage>,
}

/// The key that a rotation goes on with.
enum Stored {
    /// This key is pending.
    Key(Fingerprint),
    /// Another operator rotated meanwhile: this is the primary.
    Joined(Fingerprint),
}

impl SetOperator {
    /// Rotates the set to a new key, or continues the rotation that was interrupted.
    ///
    /// If the primary is younger than 24 h, no new key is made: numbers that do not have the primary get it.
    /// In a set without a primary, the imported key that all numbers have becomes the primary, and nothing is
    /// uploaded.
    ///
    /// # Errors
    ///
    /// [`FleetError`] if a step fails. Nothing is uploaded before every instance serves the key and the
    /// endpoint proves it. A failure of one number is no error but in the report: see
    /// [`RotationReport::is_valid`].
    pub async fn rotate(&self, options: &RotateOptions) -> Result<RotationReport, FleetError> {
        let mut situation = self.survey(&options.numbers, &options.external).await?;
        if let Some(key) = options.compromised {
            self.key_state(&situation.log, key)?;
        }
        let decided = self.decide(&situation, options)?;
        let added = options.numbers.iter().map(ToString::to_string);
        let added: Vec<String> = added.chain(options.external.iter().cloned()).collect();
        self.configure(&mut situation.log, &added, options.endpoint.as_deref())
            .await?;
        self.refuse_two_sets(&situation.numbers).await?;
        let before = situation.log.primary().map(|key| key.fingerprint);
        #[cfg(test)]
        if let Some(started) = &self.rules.started {
            started(before);
        }
        let numbers = &situation.numbers;
        let mut decision = decided.decision;
        let mut promoted = None;
        let key = match (decision, decided.key) {
            (Decision::Finish, Some(key)) => key,
            (Decision::Adopt, Some(key)) => {
                self.adopt(key).await?;
                let mut report = RotationReport::new(self.set.name(), key, decision);
                self.done(Stage::Promoted, key, numbers, "adopted".to_owned())
                    .await?;
                report.stage = Some(Stage::Promoted);
                return Ok(report);
            }
            (_, Some(key)) => {
                promoted = Some(key);
                key
            }
            (_, None) => match self.store_new_key(before).await? {
                Stored::Key(key) => {
                    promoted = Some(key);
                    key
                }
                Stored::Joined(primary) => {
                    decision = Decision::Finish;
                    primary
                }
            },
        };
        let mut report = RotationReport::new(self.set.name(), key, decision);
        report.previous = before;
        report.external.clone_from(&situation.external);
        if let Some(key) = promoted {
            match self
                .through_promotion(key, before, numbers, options.until)
                .await?
            {
                Promoted::Done => {}
                Promoted::Joined(primary) => report.key = primary,
                Promoted::Stopped(stage) => {
                    report.stage = Some(stage);
                    return Ok(report);
                }
            }
        } else if options.until.is_some() {
            return Ok(report);
        }
        self.finish(&mut report, options.compromised).await?;
        Ok(report)
    }

    /// Stores, serves, proves and promotes a key.
    async fn through_promotion(
        &self,
        key: Fingerprint,
        before: Option<Fingerprint>,
        numbers: &[PhoneNumberId],
        until: Option<Stage>,
    ) -> Result<Promoted, FleetError> {
        self.done(Stage::Stored, key, numbers, "durable".to_owned())
            .await?;
        if until == Some(Stage::Stored) {
            return Ok(Promoted::Stopped(Stage::Stored));
        }
        if !self.rules.hold(Rule::IntentFirst) {
            self.upload_before_promotion(key, numbers).await?;
        }
        let promoted = self.serve_prove_promote(key, before, numbers, until).await?;
        if promoted == Promoted::Done {
            self.done(Stage::Promoted, key, numbers, String::new()).await?;
        }
        Ok(promoted)
    }

    /// The order that the rule forbids, for the simulation.
    async fn upload_before_promotion(
        &self,
        key: Fingerprint,
        numbers: &[PhoneNumberId],
    ) -> Result<(), FleetError> {
        let served = self.wait_until_served(key).await?;
        let public = self.public_key(key).await?;
        self.prove(&public, served.instances).await?;
        self.bring(key, numbers).await?;
        Ok(())
    }

    /// Uploads, verifies and retires: what every rotation and rollback ends with.
    pub(crate) async fn finish(
        &self,
        report: &mut RotationReport,
        compromised: Option<Fingerprint>,
    ) -> Result<(), FleetError> {
        let log = self.read_log().await?;
        let numbers = self.numbers(&log)?;
        let key = report.key;
        report.numbers = self.bring(key, &numbers).await?;
        self.done(Stage::Uploaded, key, &numbers, valid(report)).await?;
        report.numbers = merge(&report.numbers, self.verify(key, &numbers).await?);
        report.stage = Some(Stage::Uploaded);
        self.done(Stage::Verified, key, &numbers, valid(report)).await?;
        report.stage = Some(Stage::Verified);
        if let Some(leaked) = compromised
            && !log.key(leaked).is_some_and(|key| key.compromised)
        {
            self.disable_key(leaked, Reason::Compromised).await?;
            report.disabled.push(leaked);
        }
        let (disabled, kept) = self.retire().await?;
        report.disabled.extend(disabled);
        report.kept = kept;
        self.done(Stage::Retired, key, &numbers, String::new()).await?;
        report.stage = Some(Stage::Retired);
        Ok(())
    }

    /// Makes a key and stores it, unless another operator did.
    async fn store_new_key(&self, before: Option<Fingerprint>) -> Result<Stored, FleetError> {
        let mut made: Option<ProtectedKey> = None;
        for _ in 0..ROUNDS {
            let mut log = self.read_log().await?;
            let primary = log.primary().map(|key| key.fingerprint);
            if primary != before
                && self.rules.hold(Rule::Join)
                && let Some(primary) = primary
            {
                return Ok(Stored::Joined(primary));
            }
            if let Some(pending) = log.pending() {
                return Ok(Stored::Key(pending.fingerprint));
            }
            let known = made.as_ref().and_then(|key| log.key(key.fingerprint()));
            if known.is_some_and(|key| key.state == KeyState::Destroyed) {
                made = None;
            }
            let key = match made.take() {
                Some(key) => key,
                None => self.new_key().await?,
            };
            self.time.check()?;
            match self.set.add(&mut log, &key).await {
                Ok(_) => {
                    let change = Change::Added {
                        key: key.fingerprint(),
                        imported: false,
                    };
                    self.observer.report(Progress::Event {
                        number: log.last(),
                        event: change.label().to_owned(),
                        key: change.key(),
                    });
                    return Ok(Stored::Key(key.fingerprint()));
                }
                Err(StoreError::Conflict { .. }) => made = Some(key),
                Err(error) => return Err(error.into()),
            }
        }
        Err(self.contended())
    }

    async fn new_key(&self) -> Result<ProtectedKey, FleetError> {
        let made = match &self.keys {
            Some(keys) => keys.new_key().await,
            None => GeneratedKeys::new(None).new_key().await,
        };
        made.map_err(FleetError::NewKey)
    }
}

/// Describes how many numbers are valid.
fn valid(report: &RotationReport) -> String {
    let valid = report.numbers.iter().filter(|number| number.is_valid()).count();
    format!("{valid} of {} numbers", report.numbers.len())
}

/// Adds the uploads of an earlier step to the reports of a later one.
fn merge(
    earlier: &[crate::report::NumberReport],
    mut later: Vec<crate::report::NumberReport>,
) -> Vec<crate::report::NumberReport> {
    for report in &mut later {
        let before = earlier.iter().find(|before| before.number == report.number);
        report.uploads += before.map_or(0, |before| before.uploads);
    }
    later
}
