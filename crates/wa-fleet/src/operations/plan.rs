//! What a rotation does, decided from the log and from what is registered.

use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;
use wa_keystore::{KeyState, SetLog};

use super::RotateOptions;
use crate::error::FleetError;
use crate::operator::{Reading, SetOperator};
use crate::outside::Registered;
use crate::report::{Decision, PlannedNumber, RotationPlan};

/// The state of a set and of its numbers at the start of an operation.
pub(crate) struct Situation {
    pub(crate) log: SetLog,
    pub(crate) numbers: Vec<PhoneNumberId>,
    pub(crate) readings: Vec<Reading>,
    /// Numbers that AWS hosts.
    pub(crate) external: Vec<String>,
}

impl Situation {
    /// Returns true if every number has the primary key, as far as Graph serves them.
    pub(crate) fn is_complete(&self) -> bool {
        let primary = self.log.primary().map(|key| key.fingerprint);
        self.readings.iter().all(|(_, reading)| {
            let valid = |found: &Registered| primary.is_some_and(|key| found.is_valid(key));
            reading.as_ref().is_ok_and(valid)
        })
    }
}

/// What is done, with which key, and why.
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    /// `None` for a new key.
    pub(crate) key: Option<Fingerprint>,
    pub(crate) cause: String,
}

impl Decided {
    fn new(decision: Decision, key: Option<Fingerprint>, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        Self { decision, key, cause }
    }
}

impl SetOperator {
    /// Returns what a rotation would do now. Nothing is written or uploaded.
    ///
    /// # Errors
    ///
    /// [`FleetError`] for every reason that would stop the rotation before its first step.
    pub async fn plan_rotation(&self, options: &RotateOptions) -> Result<RotationPlan, FleetError> {
        let situation = self.survey(&options.numbers, &options.external).await?;
        let decided = self.decide(&situation, options)?;
        let endpoint = options.endpoint.as_deref().or(situation.log.endpoint());
        let planned = |(number, reading): Reading| match reading {
            Ok(found) => PlannedNumber {
                number,
                registered: found.fingerprint(),
                is_valid: found.is_valid,
                problem: None,
            },
            Err(error) => PlannedNumber {
                number,
                registered: None,
                is_valid: false,
                problem: Some(error.to_string()),
            },
        };
        Ok(RotationPlan {
            set: self.set.name().to_owned(),
            decision: decided.decision,
            cause: decided.cause,
            key: decided.key,
            primary: situation.log.primary().map(|key| key.fingerprint),
            endpoint: endpoint.map(str::to_owned),
            numbers: situation.readings.into_iter().map(planned).collect(),
        })
    }

    /// Reads the set and its numbers, with numbers that are to be added. Refuses numbers of other sets and
    /// foreign keys.
    pub(crate) async fn survey(
        &self,
        added: &[PhoneNumberId],
        added_external: &[String],
    ) -> Result<Situation, FleetError> {
        let log = self.open_log().await?;
        let mut numbers = self.numbers(&log)?;
        for number in added {
            if !numbers.contains(number) {
                numbers.push(number.clone());
            }
        }
        let mut external = Self::external(&log);
        for number in added_external {
            if !external.contains(number) {
                external.push(number.clone());
            }
        }
        self.refuse_two_sets(&numbers).await?;
        let readings = self.read_numbers(&numbers).await?;
        for (number, reading) in &readings {
            if let Ok(found) = reading {
                self.refuse_foreign(&log, number, found).await?;
            }
        }
        Ok(Situation {
            log,
            numbers,
            readings,
            external,
        })
    }

    /// Decides what a rotation does.
    pub(crate) fn decide(
        &self,
        situation: &Situation,
        options: &RotateOptions,
    ) -> Result<Decided, FleetError> {
        let log = &situation.log;
        if situation.numbers.is_empty() && situation.external.is_empty() {
            let set = self.set.name().to_owned();
            return Err(FleetError::NoNumbers { set });
        }
        if let Some(pending) = log.pending() {
            let cause = "a new key is stored already";
            return Ok(Decided::new(Decision::Continue, Some(pending.fingerprint), cause));
        }
        let Some(primary) = log.primary() else {
            return adopt(situation);
        };
        let leaked = options.compromised == Some(primary.fingerprint);
        if leaked || options.force {
            let cause = if leaked {
                "the primary is compromised"
            } else {
                "--force"
            };
            return Ok(Decided::new(Decision::NewKey, None, cause));
        }
        let age = self.time.since(primary.state_since);
        let least = options
            .max_age
            .map_or(self.policy.min_age, |max| max.max(self.policy.min_age));
        if age < least || options.compromised.is_some() {
            let age = humantime::format_duration(std::time::Duration::from_secs(age.as_secs()));
            let cause = format!("the primary is {age} old");
            return Ok(Decided::new(Decision::Finish, Some(primary.fingerprint), cause));
        }
        let cause = "the primary is old enough";
        Ok(Decided::new(Decision::NewKey, None, cause))
    }
}

/// Decides for a set without a primary: the imported key that all numbers have is adopted.
fn adopt(situation: &Situation) -> Result<Decided, FleetError> {
    let new = || Decided::new(Decision::NewKey, None, "the set has no primary key");
    if !situation
        .log
        .keys()
        .iter()
        .any(|key| key.state == KeyState::Enabled)
    {
        return Ok(new());
    }
    let mut registered = Vec::new();
    for (number, reading) in &situation.readings {
        match reading {
            Ok(found) => registered.push(found.fingerprint()),
            // Whether all numbers have the same key is not known.
            Err(error) => {
                return Err(FleetError::Registry {
                    number: number.clone(),
                    source: crate::outside::RegistryError::new(error.to_string(), error.effect())
                        .with_remedy(error.remedy()),
                });
            }
        }
    }
    let first = registered.first().copied().flatten();
    let state = first.and_then(|key| situation.log.key(key)).map(|key| key.state);
    let is_common = registered.iter().all(|key| *key == first);
    Ok(match first {
        Some(key) if is_common && state == Some(KeyState::Enabled) => {
            let cause = "all numbers have this key";
            Decided::new(Decision::Adopt, Some(key), cause)
        }
        _ => new(),
    })
}
