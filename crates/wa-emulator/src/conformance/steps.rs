//! One request after another: sent, waited for, judged.

use std::time::Duration;

use super::catalogue as rule;
use super::check::Check;
use super::judge::{self, Expected, Judgement};
use super::plan::{self, Step};
use super::prober::{self, Answer, Request, is_200};
use super::report::{Finding, Verdict};
use super::run::{CheckRun, ConformanceError, Progress};
use crate::phone::FlowMessage;

impl<P: FnMut(Progress<'_>) + Send> CheckRun<'_, P> {
    pub(super) async fn step(&mut self, step: Step, probe: &FlowMessage) -> Result<(), ConformanceError> {
        if self.is_over() {
            return Ok(());
        }
        if let Some(before) = plan::after(step.check).filter(|before| self.is_broken(before)) {
            self.skip(step.check, &format!("see {}", before.id));
            return Ok(());
        }
        if let Some(answer) = self.exchange(step.check, &step.request, probe).await? {
            if step.expected == Expected::BadSignature && is_200(&answer) {
                self.accepted.push(step.check.id);
            }
            let (check, judged) = self.judge(&step, &answer);
            self.note(&check, judged);
        }
        Ok(())
    }

    /// Sends one request. `None` if the endpoint did not answer for a while after it: that is noted under `check`.
    pub(super) async fn exchange(
        &mut self,
        check: &Check,
        request: &Request,
        probe: &FlowMessage,
    ) -> Result<Option<Answer>, ConformanceError> {
        let answer = self.check.prober.send(request).await;
        if let (Some(sealed), Ok(delivery)) = (&request.sealed, &answer) {
            self.look_for_proof(sealed, delivery);
            if delivery.status == 200 {
                self.known.learn(sealed, delivery);
            }
        }
        let back = if prober::is_whole(&answer) {
            Some(Duration::ZERO)
        } else {
            self.check.prober.back_after(probe).await?
        };
        match back {
            Some(Duration::ZERO) => return Ok(Some(answer)),
            Some(waited) => {
                let seen = format!(
                    "{}, and it took {:.1} s until something was answered again",
                    judge::describe(&answer),
                    waited.as_secs_f64()
                );
                self.push(Finding::broken(check, seen));
            }
            None => {
                let seen = format!("{}, and nothing was answered any more", judge::describe(&answer));
                self.push(Finding::broken(check, seen));
                self.over = Some(format!(
                    "the endpoint does not answer any more since {}",
                    check.id
                ));
            }
        }
        Ok(None)
    }

    fn judge(&self, step: &Step, answer: &Answer) -> (Check, Judgement) {
        let (check, judged) = match &step.request.sealed {
            None => return (self.pointed(step.check), judge::refusal(step.expected, answer)),
            Some(sealed) if matches!(step.expected, Expected::Answer | Expected::Handled) => (
                judge::with_remedy(step.check, sealed, answer),
                judge::reply(step.expected, sealed, answer, &self.known),
            ),
            Some(sealed) => (
                *step.check,
                judge::reply(step.expected, sealed, answer, &self.known),
            ),
        };
        (check, self.unless_told_before(step, answer, judged))
    }

    /// Points from the empty key to the larger fault where signatures are not checked at all.
    fn pointed(&self, check: &Check) -> Check {
        let remedy = match &*self.accepted {
            all if check.id != rule::EMPTY_SECRET.id || !all.contains(&rule::WRONG_SIGNATURE.id) => {
                check.remedy
            }
            all if all.contains(&rule::UNSIGNED.id) => {
                "the endpoint checks no signature at all, so no key is at fault: see signature.missing"
            }
            _ => "the endpoint accepts any signature, so no key is at fault: see signature.wrong",
        };
        Check { remedy, ..*check }
    }

    /// An endpoint that signs re-serialised JSON refuses every unusual writing, and one that cannot handle INIT cannot
    /// handle its variants: each is one fault.
    fn unless_told_before(&self, step: &Step, answer: &Answer, judged: Judgement) -> Judgement {
        let refused = answer.as_ref().is_ok_and(|delivery| delivery.status == 432);
        let rewritten = step.expected == Expected::Accepted && refused;
        let is_like_init = [rule::NOTIFICATION_INIT.id, rule::BACK.id].contains(&step.check.id);
        let is_found = matches!(judged.0, Verdict::Fail | Verdict::Advice) && answer.is_ok();
        if rewritten && self.is_broken(&rule::RAW_BYTES) {
            (Verdict::Skipped, "status 432: see signature.raw-bytes".to_owned())
        } else if is_like_init && is_found && self.is_broken(&rule::INIT) {
            (Verdict::Skipped, "see exchange.init".to_owned())
        } else {
            judged
        }
    }
}
