//! Repair: numbers that do not have the primary key get it.

use wa_graph::PhoneNumberId;

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::report::NumberReport;

/// What a repair is asked for.
#[derive(Debug, Clone, Default)]
pub struct RepairOptions {
    /// The numbers. Default: all of the set; others are reported as not in the set.
    pub numbers: Option<Vec<PhoneNumberId>>,
}

impl SetOperator {
    /// Uploads the primary key to numbers that do not have it, or whose signature status is not `VALID`.
    ///
    /// Everything that uploads uses the same function: only the primary is uploaded, only to numbers of the
    /// set, and the log and the number are read again directly before each upload.
    ///
    /// # Errors
    ///
    /// [`FleetError::NoPrimary`] before the first rotation, [`FleetError::NotPrimary`] if another key becomes
    /// the primary meanwhile, and other failures that affect every number.
    pub async fn repair(&self, options: &RepairOptions) -> Result<Vec<NumberReport>, FleetError> {
        let log = self.open_log().await?;
        let numbers = match &options.numbers {
            Some(numbers) => numbers.clone(),
            None => self.numbers(&log)?,
        };
        let Some(primary) = log.primary() else {
            return Err(FleetError::NoPrimary {
                set: self.set.name().to_owned(),
            });
        };
        self.refuse_two_sets(&numbers).await?;
        self.bring(primary.fingerprint, &numbers).await
    }
}
