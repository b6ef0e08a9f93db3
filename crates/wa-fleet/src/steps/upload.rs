//! Step 5, and the only place that uploads a key.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use wa_graph::PhoneNumberId;
use wa_keys::{Fingerprint, PublicKey};
use wa_keystore::{Change, KeyState, SetLog};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::outside::{Effect, Registered, RegisteredKey, RegistryError};
use crate::policy::{ROUNDS, WINDOW};
use crate::progress::Progress;
use crate::report::{NumberReport, Outcome};
use crate::rules::Rule;

/// The pauses before the reads after an upload: a new key may take a minute to be shown.
const READ_BACK: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// What a plan expects to be registered.
#[derive(Debug)]
pub(crate) struct Expected {
    /// The key; `None` for none, or an unreadable one.
    pub(crate) from: Option<Fingerprint>,
    /// True if it is `VALID`.
    pub(crate) is_valid: bool,
    /// True if the new key was uploaded before, so that it may be shown with another status.
    pub(crate) is_repeated: bool,
}

impl Expected {
    fn allows(&self, found: &Registered, key: Fingerprint) -> bool {
        let shown = found.fingerprint();
        (shown == self.from && found.is_valid == self.is_valid) || (self.is_repeated && shown == Some(key))
    }
}

/// What an upload was decided on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Basis<'a> {
    /// What was read.
    Read(&'a Registered),
    /// What a plan expects: if something else is registered, nothing is sent.
    Plan(&'a Expected),
}

/// What became of one attempt to upload.
pub(crate) enum Attempt {
    /// The key was sent. The error, if there is one, leaves open whether it took effect.
    Sent(Option<RegistryError>),
    /// Nothing needed to be sent.
    IsValid(Registered),
    /// Nothing was sent; the number is finished.
    Refused(NumberReport),
}

impl SetOperator {
    /// Uploads the primary key to numbers that do not have it: one first, then the others, several at a time.
    ///
    /// # Errors
    ///
    /// [`FleetError::NotPrimary`] if the key is not or no longer the primary, and other failures that affect
    /// every number. A failure of one number is in its report.
    pub(crate) async fn bring(
        &self,
        key: Fingerprint,
        numbers: &[PhoneNumberId],
    ) -> Result<Vec<NumberReport>, FleetError> {
        let public = self.public_key(key).await?;
        let log = self.read_log().await?;
        let mut reports = Vec::with_capacity(numbers.len());
        let mut rest = numbers.iter();
        // The first upload that succeeds shows that the others can.
        for number in rest.by_ref() {
            let report = self.bring_one(&public, number.clone(), log.clone()).await?;
            let is_valid = report.is_valid();
            self.observer.report(Progress::Number(report.clone()));
            reports.push(report);
            if is_valid {
                break;
            }
        }
        let rest: Vec<PhoneNumberId> = rest.cloned().collect();
        let mut running = stream::iter(rest)
            .map(|number| self.bring_one(&public, number, log.clone()))
            .buffered(self.policy.concurrency.max(1));
        while let Some(report) = running.next().await {
            let report = report?;
            self.observer.report(Progress::Number(report.clone()));
            reports.push(report);
        }
        Ok(reports)
    }

    /// Uploads the key to one number until it is registered and valid, three times at most.
    async fn bring_one(
        &self,
        key: &PublicKey,
        number: PhoneNumberId,
        mut log: SetLog,
    ) -> Result<NumberReport, FleetError> {
        let number = &number;
        let mut report = NumberReport::new(number, Outcome::Failed);
        let mut found = match self.read_number(number).await {
            Ok(found) => found,
            Err(error) => return failed(report, error),
        };
        while !found.is_valid(key.fingerprint()) {
            if report.uploads >= self.policy.uploads {
                return Ok(unfinished(report, key.fingerprint(), &found));
            }
            let uploaded = self.attempt(key, number, &mut log, Basis::Read(&found)).await?;
            let error = match uploaded {
                Attempt::IsValid(now) => {
                    found = now;
                    break;
                }
                Attempt::Refused(refused) => {
                    let uploads = report.uploads;
                    return Ok(NumberReport { uploads, ..refused });
                }
                Attempt::Sent(error) => error,
            };
            report.uploads += 1;
            if let Some(error) = error {
                if error.effect() != Effect::Transient {
                    return failed(report, error);
                }
                report.detail = Some(error.to_string());
                report.remedy = error.remedy().map(Into::into);
            }
            match self.read_back(key.fingerprint(), number, found).await {
                Ok(now) => found = now,
                Err(error) => return failed(report, error),
            }
        }
        report.outcome = Outcome::Valid;
        report.registered = found.fingerprint();
        (report.detail, report.remedy) = (None, None);
        Ok(report)
    }

    /// Uploads the key once, directly after everything that could forbid it was read.
    pub(crate) async fn attempt(
        &self,
        key: &PublicKey,
        number: &PhoneNumberId,
        log: &mut SetLog,
        basis: Basis<'_>,
    ) -> Result<Attempt, FleetError> {
        let guarded = self.rules.hold(Rule::Guard);
        for _ in 0..ROUNDS {
            let checked = self.clock.monotonic();
            let mut found = match basis {
                Basis::Read(found) => found.clone(),
                Basis::Plan(_) => Registered::new(RegisteredKey::None, false, None),
            };
            if guarded {
                self.refresh(log).await?;
                self.refuse_other_primary(log, key.fingerprint())?;
                if !log.numbers().any(|known| known == number.as_str()) && self.rules.hold(Rule::NumbersInLog)
                {
                    return Ok(Attempt::Refused(NumberReport::new(number, Outcome::NotInSet)));
                }
                found = match self.read_number(number).await {
                    Ok(found) => found,
                    Err(error) => {
                        let report = NumberReport::new(number, Outcome::Failed);
                        return failed(report, error).map(Attempt::Refused);
                    }
                };
                if found.is_valid(key.fingerprint()) {
                    return Ok(Attempt::IsValid(found));
                }
                if let Basis::Plan(expected) = basis
                    && !expected.allows(&found, key.fingerprint())
                {
                    let mut report = NumberReport::new(number, Outcome::Changed);
                    report.registered = found.fingerprint();
                    return Ok(Attempt::Refused(report));
                }
            }
            if !guarded {
                // What was decided can be old.
                self.clock.sleep(Duration::ZERO).await;
            }
            // A clock that is behind would hide that the key is replaced late.
            self.time.check()?;
            if let Err(error) = self.refuse_foreign(log, number, &found).await {
                return foreign(number, &found, error).map(Attempt::Refused);
            }
            if !self.note_replaced(log, &found).await? {
                continue;
            }
            if guarded && self.clock.monotonic().saturating_sub(checked) > WINDOW {
                continue;
            }
            let (key_shown, number_shown) = (key.fingerprint(), number.clone());
            self.observer.report(Progress::Uploading {
                number: number_shown,
                key: key_shown,
            });
            match self.registry.upload(number, key).await {
                // Reading the number again waits for the end of the limit.
                Err(error) if error.effect() == Effect::Limited => {}
                sent => return Ok(Attempt::Sent(sent.err())),
            }
        }
        Err(self.contended())
    }

    fn refuse_other_primary(&self, log: &SetLog, key: Fingerprint) -> Result<(), FleetError> {
        let primary = log.primary().map(|key| key.fingerprint);
        if primary == Some(key) || !self.rules.hold(Rule::IntentFirst) {
            return Ok(());
        }
        let promotion = log.promotion().map(|promotion| promotion.number);
        let by = log.events().iter().find(|event| Some(event.number) == promotion);
        Err(FleetError::NotPrimary {
            set: self.set.name().to_owned(),
            key,
            primary,
            by: by.map_or_else(|| "nothing".to_owned(), |event| event.by.clone()),
        })
    }

    /// Before a key is replaced long after it stopped being the primary, restarts its grace time: phones
    /// fetched it until now. Returns false if another writer was faster.
    async fn note_replaced(&self, log: &mut SetLog, found: &Registered) -> Result<bool, FleetError> {
        let old = found.fingerprint().and_then(|key| log.key(key));
        let Some(old) = old.filter(|key| key.state == KeyState::Enabled) else {
            return Ok(true);
        };
        let is_late = old
            .grace_since
            .is_none_or(|since| self.time.since(since) >= self.policy.late);
        if !is_late || !self.rules.hold(Rule::GraceLastSeen) {
            return Ok(true);
        }
        let change = Change::Replaced { key: old.fingerprint };
        self.append(log, change).await
    }

    /// Reads the number until it shows the key, for some time.
    async fn read_back(
        &self,
        key: Fingerprint,
        number: &PhoneNumberId,
        before: Registered,
    ) -> Result<Registered, RegistryError> {
        let mut found = before;
        for pause in READ_BACK {
            if !pause.is_zero() {
                self.clock.sleep(pause).await;
            }
            match self.read_number(number).await {
                Ok(now) if now.is_valid(key) => return Ok(now),
                Ok(now) => found = now,
                Err(error) if error.effect() == Effect::Transient => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// Ends a number with the error of a call, or the operation if every call would fail.
fn failed(mut report: NumberReport, error: RegistryError) -> Result<NumberReport, FleetError> {
    if error.effect() == Effect::All {
        return Err(FleetError::Registry {
            number: report.number,
            source: error,
        });
    }
    report.outcome = Outcome::Failed;
    report.detail = Some(error.to_string());
    report.remedy = error.remedy().map(Into::into);
    Ok(report)
}

/// Ends a number that does not show the key as valid after the last attempt.
fn unfinished(mut report: NumberReport, key: Fingerprint, found: &Registered) -> NumberReport {
    report.registered = found.fingerprint();
    let (outcome, detail, remedy) = if found.fingerprint() == Some(key) {
        let detail = "the signature status stays MISMATCH after three uploads";
        let remedy = "Re-register the number with the Cloud API, then run the same command again.";
        (Outcome::MismatchPersists, detail, remedy)
    } else {
        let detail = "the key is not shown after three uploads";
        let remedy = "Run the same command again in some minutes.";
        (Outcome::NotVisible, detail, remedy)
    };
    report.outcome = outcome;
    report.detail.get_or_insert_with(|| detail.to_owned());
    report.remedy.get_or_insert_with(|| remedy.to_owned());
    report
}

/// Reports a number that has a foreign key.
fn foreign(
    number: &PhoneNumberId,
    found: &Registered,
    error: FleetError,
) -> Result<NumberReport, FleetError> {
    if !matches!(error, FleetError::ForeignKey { .. }) {
        return Err(error);
    }
    let mut report = NumberReport::new(number, Outcome::ForeignKey);
    report.registered = found.fingerprint();
    report.remedy = error.remedy().map(Into::into);
    report.detail = Some(error.to_string());
    Ok(report)
}
