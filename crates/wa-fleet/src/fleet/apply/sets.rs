//! The key sets of a plan, and the upload of one item.

use std::sync::{Mutex, PoisonError};

use wa_graph::PhoneNumberId;
use wa_keys::PublicKey;
use wa_keystore::SetLog;

use super::report::{ItemOutcome, ItemReport};
use crate::error::FleetError;
use crate::fleet::plan::PlanItem;
use crate::fleet::view::StoreView;
use crate::operator::SetOperator;
use crate::outside::RegistryError;
use crate::report::Outcome;
use crate::steps::upload::{Attempt, Basis, Expected};

/// One key set of a plan.
pub(super) struct SetWork {
    operator: SetOperator,
    key: Option<PublicKey>,
    log: SetLog,
    /// Copies of the log that no upload uses now; an upload brings its copy up to date.
    spare: Mutex<Vec<SetLog>>,
}

/// What became of one upload.
pub(super) enum Sent {
    /// It was sent. The error, if there is one, may leave open whether it took effect.
    Upload(Option<RegistryError>),
    /// Nothing was sent; the item is finished.
    Finished(Box<ItemReport>),
}

impl SetWork {
    /// Reads the log of a set, and adds the numbers of the plan that no set has.
    pub(super) async fn prepare(
        operator: SetOperator,
        view: &StoreView,
        items: &[&PlanItem],
    ) -> Result<Self, FleetError> {
        let mut log = operator.open_log().await?;
        let primary = log.primary().map(|key| key.fingerprint);
        let new: Vec<PhoneNumberId> = items
            .iter()
            .filter(|item| Some(item.to) == primary)
            .filter(|item| view.sets_of(item.phone_number_id.as_str()).is_empty())
            .map(|item| item.phone_number_id.clone())
            .collect();
        operator.configure(&mut log, &new, None).await?;
        let key = match primary {
            Some(primary) => Some(operator.public_key(primary).await?),
            None => None,
        };
        Ok(Self {
            operator,
            key,
            log,
            spare: Mutex::default(),
        })
    }

    /// Returns the report of an item that cannot be tried.
    pub(super) fn refusal(&self, view: &StoreView, item: &PlanItem) -> Option<ItemReport> {
        let outcome = if self.key.as_ref().map(PublicKey::fingerprint) != Some(item.to) {
            ItemOutcome::NotPrimary
        } else if !matches!(view.sets_of(item.phone_number_id.as_str()), [] | [_]) {
            ItemOutcome::NotInSet
        } else {
            return None;
        };
        Some(ItemReport::new(item, outcome))
    }

    /// Uploads the primary key to a number, directly after the log and the number were read.
    pub(super) async fn upload(&self, item: &PlanItem, is_repeated: bool) -> Result<Sent, FleetError> {
        let Some(key) = &self.key else {
            let report = ItemReport::new(item, ItemOutcome::NotPrimary);
            return Ok(Sent::Finished(Box::new(report)));
        };
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut log = spare.unwrap_or_else(|| self.log.clone());
        let expected = Expected {
            from: item.from,
            is_valid: item.from_valid,
            is_repeated,
        };
        let attempt = self
            .operator
            .attempt(key, &item.phone_number_id, &mut log, Basis::Plan(&expected))
            .await;
        self.spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(log);
        let (outcome, registered, detail, remedy) = match attempt? {
            Attempt::Sent(error) => return Ok(Sent::Upload(error)),
            Attempt::IsValid(found) => (ItemOutcome::Valid, found.fingerprint(), None, None),
            Attempt::Refused(refused) => {
                let outcome = match refused.outcome {
                    Outcome::Changed => ItemOutcome::FromChanged,
                    Outcome::ForeignKey => ItemOutcome::ForeignKey,
                    Outcome::NotInSet => ItemOutcome::NotInSet,
                    _ => ItemOutcome::Failed,
                };
                (outcome, refused.registered, refused.detail, refused.remedy)
            }
        };
        let mut report = ItemReport::new(item, outcome);
        report.registered = registered;
        report.detail = detail;
        report.remedy = remedy.or(report.remedy);
        Ok(Sent::Finished(Box::new(report)))
    }
}
