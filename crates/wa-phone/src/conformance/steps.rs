//! The steps of the plan: sends each request, waits for its response, and judges it.

use std::time::Duration;

use super::catalogue as rule;
use super::check::Check;
use super::judge::{self, Expected, Judgement};
use super::plan::{self, Step};
use super::prober::{self, Request, SendResult, is_200};
use super::report::{Finding, Verdict};
use super::run::{CheckRun, ConformanceError, Progress};
use crate::FlowMessage;

impl<P: FnMut(Progress<'_>) + Send> CheckRun<'_, P> {
    pub(super) async fn step(&mut self, step: Step, probe: &FlowMessage) -> Result<(), ConformanceError> {
        if self.is_over() {
            return Ok(());
        }
        if let Some(before) = plan::after(step.check).filter(|before| self.is_broken(before)) {
            self.skip(step.check, &format!("see {}", before.id));
            return Ok(());
        }
        if let Some(result) = self.exchange(step.check, &step.request, probe).await? {
            if step.expected == Expected::BadSignature && is_200(&result) {
                self.accepted.push(step.check.id);
            }
            let (check, judged) = self.judge(&step, &result);
            self.note(&check, judged);
        }
        Ok(())
    }

    /// Sends one request. Returns `None` if the endpoint stopped responding after it, which is recorded under
    /// `check`.
    pub(super) async fn exchange(
        &mut self,
        check: &Check,
        request: &Request,
        probe: &FlowMessage,
    ) -> Result<Option<SendResult>, ConformanceError> {
        let result = self.check.prober.send(request).await;
        if let (Some(encrypted), Ok(response)) = (&request.encrypted, &result) {
            self.note_decryption(encrypted, response);
            if response.status == 200 {
                self.known.learn(encrypted, response);
            }
        }
        let back = if prober::is_from_endpoint(&result) {
            Some(Duration::ZERO)
        } else {
            self.check.prober.back_after(probe).await?
        };
        match back {
            Some(Duration::ZERO) => return Ok(Some(result)),
            Some(waited) => {
                let seen = format!(
                    "{}, and it took {:.1} s until the endpoint responded again",
                    judge::describe(&result),
                    waited.as_secs_f64()
                );
                self.push(Finding::broken(check, seen));
            }
            None => {
                let seen = format!(
                    "{}, and the endpoint stopped responding",
                    judge::describe(&result)
                );
                self.push(Finding::broken(check, seen));
                self.over = Some(format!("the endpoint stopped responding after {}", check.id));
            }
        }
        Ok(None)
    }

    fn judge(&self, step: &Step, result: &SendResult) -> (Check, Judgement) {
        let (check, judged) = match &step.request.encrypted {
            None => return (self.pointed(step.check), judge::refusal(step.expected, result)),
            Some(encrypted) if matches!(step.expected, Expected::Response | Expected::Handled) => (
                judge::with_remedy(step.check, encrypted, result),
                judge::response(step.expected, encrypted, result, &self.known),
            ),
            Some(encrypted) => (
                *step.check,
                judge::response(step.expected, encrypted, result, &self.known),
            ),
        };
        (check, self.unless_reported(step, result, judged))
    }

    /// Returns the rule with a remedy that points to the larger fault if any signature is accepted, not only
    /// that of an empty key.
    fn pointed(&self, check: &Check) -> Check {
        let remedy = match &*self.accepted {
            all if check.id != rule::EMPTY_SECRET.id || !all.contains(&rule::WRONG_SIGNATURE.id) => {
                check.remedy
            }
            all if all.contains(&rule::UNSIGNED.id) => {
                "the endpoint verifies no signature at all, so the key is not the cause: see \
                 signature.missing"
            }
            _ => "the endpoint accepts any signature, so the key is not the cause: see signature.wrong",
        };
        Check { remedy, ..*check }
    }

    /// Skips a finding that only repeats a reported one: an endpoint that verifies signatures over
    /// re-serialised JSON refuses every unusual envelope, and one that cannot handle INIT cannot handle its
    /// variants.
    fn unless_reported(&self, step: &Step, result: &SendResult, judged: Judgement) -> Judgement {
        let refused = result.as_ref().is_ok_and(|response| response.status == 432);
        let rewritten = step.expected == Expected::Accepted && refused;
        let is_like_init = [rule::NOTIFICATION_INIT.id, rule::BACK.id].contains(&step.check.id);
        let is_found = matches!(judged.0, Verdict::Fail | Verdict::Advice) && result.is_ok();
        if rewritten && self.is_broken(&rule::RAW_BYTES) {
            (Verdict::Skipped, "status 432: see signature.raw-bytes".to_owned())
        } else if is_like_init && is_found && self.is_broken(&rule::INIT) {
            (Verdict::Skipped, "see exchange.init".to_owned())
        } else {
            judged
        }
    }
}
