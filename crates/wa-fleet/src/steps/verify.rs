//! Step 6: the key is read back once no earlier upload can still take effect.

use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::progress::Progress;
use crate::report::NumberReport;

impl SetOperator {
    /// Reads every number a minute after the promotion, and uploads again where another key is registered: an
    /// upload that was decided before the promotion has ended by then.
    pub(crate) async fn verify(
        &self,
        key: Fingerprint,
        numbers: &[PhoneNumberId],
    ) -> Result<Vec<NumberReport>, FleetError> {
        let log = self.read_log().await?;
        // Before the first primary, nothing was uploaded that could come late.
        let promotion = log
            .promotion()
            .filter(|promotion| promotion.to == key && promotion.from.is_some());
        if let Some(promotion) = promotion {
            let left = self.policy.settle.saturating_sub(self.time.since(promotion.at));
            if !left.is_zero() {
                self.observer.report(Progress::Waiting {
                    cause: "uploads that were sent before the promotion".to_owned(),
                    at_most: left,
                });
                self.clock.sleep(left).await;
            }
        }
        self.bring(key, numbers).await
    }
}
