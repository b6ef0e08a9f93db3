//! Repeated audits: what changed, metrics, and repairs.

mod heal;
mod metrics;

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use wa_graph::PhoneNumberId;

use super::finding::{Finding, Reason};
pub use heal::{Breaker, Healer};
pub use metrics::Metrics;

/// A number whose result differs from that of the audit before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WatchChange {
    /// The number.
    pub phone_number_id: PhoneNumberId,
    /// Its key set.
    pub set: Option<String>,
    /// The result before; `None` at the first audit.
    pub before: Option<Reason>,
    /// The result now.
    pub after: Reason,
    /// Details.
    pub detail: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// Compares each audit with the one before. It keeps a reason for each number.
#[derive(Debug, Default)]
pub struct Watch {
    last: HashMap<PhoneNumberId, Reason>,
}

impl Watch {
    /// Records a finding, and returns the change if there is one. At the first audit, everything that is not
    /// in order is a change. A number that was not tried is none.
    pub fn note(&mut self, finding: &Finding) -> Option<WatchChange> {
        if finding.reason == Reason::NotTried {
            return None;
        }
        let before = self.last.insert(finding.phone_number_id.clone(), finding.reason);
        let is_change = before.map_or(finding.reason != Reason::Ok, |before| before != finding.reason);
        is_change.then(|| WatchChange {
            phone_number_id: finding.phone_number_id.clone(),
            set: finding.set.clone(),
            before,
            after: finding.reason,
            detail: finding.detail.clone(),
            remedy: finding.remedy.clone(),
        })
    }

    /// Returns how many numbers are known.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.last.len()
    }

    /// Forgets numbers that are no longer in the inventory.
    pub fn retain(&mut self, is_known: impl Fn(&PhoneNumberId) -> bool) {
        self.last.retain(|number, _| is_known(number));
    }
}

/// Posts changes to a webhook, as a JSON array.
///
/// # Errors
///
/// What happened, if the webhook does not respond with a success within the limit.
pub async fn post_changes(url: &str, changes: &[WatchChange], limit: Duration) -> Result<(), String> {
    let failure = |error: reqwest::Error| error.without_url().to_string();
    let body = serde_json::to_vec(changes).map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(limit)
        .build()
        .map_err(failure)?;
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .body(body);
    let status = request.send().await.map_err(failure)?.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("it responded with status {status}"))
    }
}

/// Returns the time until the next audit: the interval, up to a tenth longer or shorter, so that many
/// watchers do not call at the same time. `random` is uniform over `0.0..1.0`.
#[must_use]
pub fn next_audit(interval: Duration, random: f64) -> Duration {
    interval.mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0))
}
