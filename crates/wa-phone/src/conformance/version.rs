//! Checks data API 4.0: the same messages with `flow_token_signature`, as WhatsApp sends them.

use super::catalogue as rule;
use super::check::Check;
use super::judge::{self, Expected, Judgement};
use super::prober::is_200;
use super::report::Verdict;
use super::run::{CheckRun, ConformanceError, Progress};
use crate::FlowMessage;

const VERSION: &str = "4.0";

/// Which rule a message of version 4.0 is evidence for.
enum Evidence {
    /// The endpoint accepts the message, or accepts it only without `flow_token_signature`.
    TokenSignature(Judgement),
    /// The endpoint accepts the message only as version 3.0.
    Version(String),
    /// The endpoint crashed, which is already recorded.
    Broken,
}

impl<P: FnMut(Progress<'_>) + Send> CheckRun<'_, P> {
    /// Judges the two rules about version 4.0. A ping alone proves little: endpoints that compare the version
    /// mostly do so when they handle the Flow's own actions.
    pub(super) async fn check_version_4(&mut self, probe: &FlowMessage) -> Result<(), ConformanceError> {
        if self.is_over() {
            return Ok(());
        }
        let request = self.check.prober.request(&probe.clone().version(VERSION)).await?;
        let result = self.exchange(&rule::VERSION, &request, probe).await?;
        let (Some(result), Some(encrypted)) = (result, &request.encrypted) else {
            self.see_version();
            return Ok(());
        };
        let first = judge::response(Expected::Accepted, encrypted, &result, &self.known);
        if first.0 == Verdict::Fail {
            self.note(&rule::VERSION, first);
            self.see_version();
            return Ok(());
        }
        let messages = &self.check.prober.message;
        let twins = [
            (&rule::INIT, messages.init()),
            (&rule::DATA_EXCHANGE, messages.data_exchange()),
        ];
        let (mut signed, mut refused) = (Vec::new(), Vec::new());
        for (twin, message) in twins {
            let Some(message) = message.filter(|_| !self.is_over()) else {
                continue;
            };
            match self.as_version_4(twin, message.version(VERSION), probe).await? {
                Evidence::TokenSignature(judged) => signed.push(judged),
                Evidence::Version(seen) => refused.push(seen),
                Evidence::Broken => {
                    self.see_version();
                    return Ok(());
                }
            }
        }
        if refused.is_empty() {
            self.note(&rule::VERSION, first);
        } else {
            let seen = format!("{}, but version 3.0 works", refused.join("; "));
            self.note(&rule::VERSION, (Verdict::Fail, seen));
        }
        match worst(signed) {
            Some(judged) => self.note(&rule::TOKEN_SIGNATURE, judged),
            None if !refused.is_empty() => self.see_version(),
            None => {}
        }
        Ok(())
    }

    /// Sends a message as WhatsApp does; if it is refused, again without `flow_token_signature`, to find out
    /// which of the two rules is broken.
    async fn as_version_4(
        &mut self,
        twin: &Check,
        message: FlowMessage,
        probe: &FlowMessage,
    ) -> Result<Evidence, ConformanceError> {
        let request = self.check.prober.request(&message).await?;
        let result = self.exchange(&rule::VERSION, &request, probe).await?;
        let (Some(result), Some(encrypted)) = (result, &request.encrypted) else {
            return Ok(Evidence::Broken);
        };
        let judged = judge::response(Expected::Response, encrypted, &result, &self.known);
        if judged.0 != Verdict::Fail {
            return Ok(Evidence::TokenSignature(judged));
        }
        if self.is_broken(twin) {
            let see = (Verdict::Skipped, format!("see {}", twin.id));
            return Ok(Evidence::TokenSignature(see));
        }
        let action = message.action().to_owned();
        let request = self
            .check
            .prober
            .request(&message.without_token_signature())
            .await?;
        let Some(unsigned) = self.exchange(&rule::VERSION, &request, probe).await? else {
            return Ok(Evidence::Broken);
        };
        let seen = format!("{action}: {}", judged.1);
        Ok(if is_200(&unsigned) {
            let seen = format!("{seen}, but status 200 without flow_token_signature");
            Evidence::TokenSignature((Verdict::Fail, seen))
        } else {
            Evidence::Version(seen)
        })
    }

    fn see_version(&mut self) {
        self.skip(&rule::TOKEN_SIGNATURE, "see envelope.version");
    }
}

/// Returns a failure if there is one, else a pass, else what was skipped.
fn worst(judged: Vec<Judgement>) -> Option<Judgement> {
    judged.into_iter().min_by_key(|(verdict, _)| match verdict {
        Verdict::Fail => 0,
        Verdict::Pass => 1,
        _ => 2,
    })
}
