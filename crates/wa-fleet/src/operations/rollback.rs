//! Rollback: an earlier key becomes the primary again.

use wa_keys::Fingerprint;
use wa_keystore::{Change, KeyState, SetLog};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::progress::Stage;
use crate::report::{Decision, RotationReport};
use crate::rules::Rule;
use crate::steps::promote::Promoted;

/// What a rollback is asked for.
#[derive(Debug, Clone, Default)]
pub struct RollbackOptions {
    /// The key to return to. Default: the primary before the last promotion.
    pub to: Option<Fingerprint>,
}

impl SetOperator {
    /// Makes an earlier key the primary again, with the steps of a rotation: it is served, proved, promoted,
    /// uploaded and verified. A rollback that was interrupted is continued.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate); [`FleetError::RolledBack`] if the last promotion was a rollback and no
    /// key is named.
    pub async fn roll_back(&self, options: &RollbackOptions) -> Result<RotationReport, FleetError> {
        let situation = self.survey(&[], &[]).await?;
        let log = &situation.log;
        let before = log.primary().map(|key| key.fingerprint);
        let to = self.target(log, options.to, situation.is_complete())?;
        let mut report = RotationReport::new(self.set.name(), to, Decision::RollBack);
        report.previous = before;
        if before != Some(to) {
            let numbers = &situation.numbers;
            let promoted = if self.rules.hold(Rule::RollbackServes) {
                self.serve_prove_promote(to, before, numbers, None).await?
            } else {
                self.promote_unproved(to).await?
            };
            if promoted != Promoted::Done {
                return Err(self.changed_meanwhile(to).await?);
            }
            self.done(Stage::Promoted, to, numbers, String::new()).await?;
        }
        self.finish(&mut report, None).await?;
        Ok(report)
    }

    /// Returns the key to return to; the primary itself if a rollback is to be continued.
    fn target(
        &self,
        log: &SetLog,
        named: Option<Fingerprint>,
        is_complete: bool,
    ) -> Result<Fingerprint, FleetError> {
        let set = self.set.name().to_owned();
        let to = match (named, log.promotion()) {
            (Some(key), _) => key,
            (None, None) => return Err(FleetError::NothingToRollBackTo { set }),
            (None, Some(promotion)) if is_a_rollback(log) => {
                let (key, from) = (promotion.to, promotion.from);
                if is_complete {
                    return Err(FleetError::RolledBack { set, key, from });
                }
                return Ok(key);
            }
            (None, Some(promotion)) => promotion.from.ok_or(FleetError::NothingToRollBackTo { set })?,
        };
        let state = self.key_state(log, to)?;
        if log.key(to).is_some_and(|key| key.compromised) {
            return Err(FleetError::Compromised { key: to });
        }
        if matches!(state, KeyState::Enabled | KeyState::Primary) {
            return Ok(to);
        }
        let action = "rolled back to";
        Err(FleetError::State {
            key: to,
            state,
            action,
        })
    }

    /// The step that the rule forbids, for the simulation.
    async fn promote_unproved(&self, key: Fingerprint) -> Result<Promoted, FleetError> {
        let mut log = self.read_log().await?;
        let from = log.primary().map(|key| key.fingerprint);
        if self.append(&mut log, Change::Promoted { key, from }).await? {
            Ok(Promoted::Done)
        } else {
            Err(self.contended())
        }
    }

    async fn changed_meanwhile(&self, key: Fingerprint) -> Result<FleetError, FleetError> {
        let log = self.read_log().await?;
        let promotion = log.promotion().map(|promotion| promotion.number);
        let by = log.events().iter().find(|event| Some(event.number) == promotion);
        Ok(FleetError::NotPrimary {
            set: self.set.name().to_owned(),
            key,
            primary: log.primary().map(|key| key.fingerprint),
            by: by.map_or_else(String::new, |event| event.by.clone()),
        })
    }
}

/// Returns true if the last promotion was that of a key that had been the primary before.
fn is_a_rollback(log: &SetLog) -> bool {
    let Some(last) = log.promotion() else {
        return false;
    };
    log.events().iter().any(|event| {
        matches!(event.change, Change::Promoted { key, .. } if key == last.to) && event.number < last.number
    })
}
