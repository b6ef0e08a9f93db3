//! Step 3: the endpoint decrypts with the key.

use std::time::Duration;

use wa_keys::PublicKey;

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::outside::Pong;
use crate::progress::{Progress, Stage};

impl SetOperator {
    /// Sends pings until enough of them in a row are answered. Returns their number; 0 if the proof is left
    /// out.
    pub(crate) async fn prove(&self, key: &PublicKey, instances: usize) -> Result<usize, FleetError> {
        if self.safeguards.no_proof {
            let cause = "the endpoint is not asked (--no-proof)".to_owned();
            let stage = Stage::Proved;
            self.observer.report(Progress::Skipped { stage, cause });
            return Ok(0);
        }
        let log = self.read_log().await?;
        let (Some(endpoint), Some(prober)) = (log.endpoint(), &self.prober) else {
            return Err(FleetError::NoEndpoint {
                set: self.set.name().to_owned(),
            });
        };
        let (per_instance, least) = self.policy.pings;
        let needed = least.max(per_instance.saturating_mul(instances));
        let start = self.clock.monotonic();
        let mut answered = 0;
        let mut reported = String::new();
        while answered < needed {
            let (problem, remedy) = match prober.ping(endpoint, key).await {
                Pong::Opened => {
                    answered += 1;
                    continue;
                }
                Pong::NotOpened => ("status 421: it does not have the private key".to_owned(), None),
                Pong::Failed { problem, remedy } => (problem, remedy),
            };
            answered = 0;
            let waited = self.clock.monotonic().saturating_sub(start);
            if waited >= self.policy.wait {
                return Err(FleetError::NotProved {
                    endpoint: endpoint.to_owned(),
                    key: key.fingerprint(),
                    problem,
                    remedy,
                    waited: Duration::from_secs(waited.as_secs()),
                });
            }
            if problem != reported {
                self.observer.report(Progress::Waiting {
                    cause: format!("{endpoint} to answer a ping: {problem}"),
                    at_most: self.policy.wait.saturating_sub(waited),
                });
                reported = problem;
            }
            self.clock.sleep(self.policy.poll).await;
        }
        Ok(needed)
    }
}
