//! One run of the check, from the first ping to the last.

use std::time::{Duration, Instant};

use thiserror::Error;

use super::builder::ConformanceCheck;
use super::catalogue as rule;
use super::check::Check;
use super::diagnosis::{self, Cause};
use super::judge::{self, Judgement, Wanted};
use super::known::{self, Known};
use super::latency::{self, Latency, Series};
use super::plan::{self, Step};
use super::prober::{self, Answer, Request};
use super::report::{Finding, Report, Verdict};
use crate::phone::{Delivery, DeliveryFailure, FlowMessage, PhoneError, Sealed};

/// Why a check could not be run at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// Nothing is there.
    #[error("the endpoint cannot be reached: check that the URL is right and that something serves it")]
    Unreachable {
        /// What happened.
        source: DeliveryFailure,
    },
    /// A request could not be made.
    #[error("a request could not be made")]
    Request {
        /// Why not.
        #[from]
        source: PhoneError,
    },
}

/// How far a check has come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// What was found last.
    pub finding: &'a Finding,
    /// How many findings there are.
    pub done: usize,
    /// How many there will be.
    pub total: usize,
}

/// What was found so far, and what is known of the endpoint.
pub(super) struct Course<'a, P> {
    check: &'a ConformanceCheck,
    progress: P,
    /// When nothing more is begun; never, if that is further away than time goes.
    until: Option<Instant>,
    findings: Vec<Finding>,
    known: Known,
    /// Why nothing more is sent.
    over: Option<String>,
}

impl<'a, P: FnMut(Progress<'_>) + Send> Course<'a, P> {
    pub(super) fn new(check: &'a ConformanceCheck, progress: P) -> Self {
        Self {
            check,
            progress,
            until: Instant::now().checked_add(check.total_time),
            findings: Vec::new(),
            known: Known::default(),
            over: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<Report, ConformanceError> {
        let latency = match self.open().await? {
            Some(carrier) => {
                for step in plan::of(&self.check.prober, &self.check.stranger, &carrier).await? {
                    self.step(step, &carrier).await?;
                }
                self.note(&rule::ENCODING, self.known.encoding());
                if !self.is_noted(&rule::OAEP) {
                    for check in [&rule::OAEP, &rule::VECTOR] {
                        self.skip(check, "no reply proves that a request was decrypted");
                    }
                }
                self.measure(&carrier).await?
            }
            None => None,
        };
        self.leave_what_was_not_asked_for();
        self.leave_the_rest("no request was answered with 200");
        Ok(Report::new(self.findings, latency))
    }

    /// A URL alone proves nothing: only what arrived says that the certificate holds.
    fn transport(&mut self, answer: &Answer) {
        let is_https = self.check.url.scheme_str() == Some("https");
        if !self.is_noted(&rule::TLS) && (answer.is_ok() || !is_https) {
            let found = judge::transport(is_https, self.check.has_own_roots);
            self.note(&rule::TLS, found);
        }
    }

    /// Finds a message that is answered with 200, a ping if that can be, and learns how replies are written.
    async fn open(&mut self) -> Result<Option<FlowMessage>, ConformanceError> {
        let messages = &self.check.prober.message;
        let carriers = [
            Some(FlowMessage::ping()),
            messages.init(),
            messages.data_exchange(),
            Some(messages.notification()),
        ];
        let mut ping = None;
        for carrier in carriers.into_iter().flatten() {
            let request = self.check.prober.request(&carrier).await?;
            let answer = self.check.prober.send(&request).await;
            let answer = match (answer, &ping) {
                (Err(failure), None) if prober::never_connected(&failure) => {
                    return Err(ConformanceError::Unreachable { source: failure });
                }
                (Err(failure), None) if prober::has_no_tls(&failure) => {
                    self.note(&rule::TLS, (Verdict::Fail, failure.to_string()));
                    self.over = Some("no request was sent: see http.tls".to_owned());
                    return Ok(None);
                }
                (answer, _) => answer,
            };
            self.transport(&answer);
            let opened = self.opened(request.sealed.as_ref(), &answer);
            let is_first = ping.is_none();
            if is_first {
                ping = Some((request, answer));
            }
            if opened || self.is_over() {
                self.judge_ping(ping.as_ref());
                return Ok(opened.then_some(carrier));
            }
        }
        match diagnosis::cause(&self.check.prober, &self.check.public_key_pem).await {
            Some(cause) => self.blame(cause, ping.as_ref()),
            None => self.judge_ping(ping.as_ref()),
        }
        Ok(None)
    }

    /// Whether a request was answered with 200; if so, the form of the reply is judged.
    fn opened(&mut self, sealed: Option<&Sealed>, answer: &Answer) -> bool {
        let (Some(sealed), Ok(delivery)) = (sealed, answer) else {
            return false;
        };
        if delivery.status != 200 {
            return false;
        }
        self.known = Known::of(sealed, delivery);
        self.look_for_proof(sealed, delivery);
        self.note(&rule::ENCRYPTION, self.known.encryption());
        self.note(
            &rule::CONTENT_TYPE,
            judge::content_type(delivery.content_type.as_deref()),
        );
        true
    }

    fn look_for_proof(&mut self, sealed: &Sealed, delivery: &Delivery) {
        if !self.is_noted(&rule::OAEP) && known::is_proof(sealed, delivery) {
            for check in [&rule::OAEP, &rule::VECTOR] {
                self.note(check, (Verdict::Pass, "a request was decrypted".to_owned()));
            }
        }
    }

    fn judge_ping(&mut self, ping: Option<&(Request, Answer)>) {
        if let Some((request, answer)) = ping
            && let Some(sealed) = &request.sealed
        {
            let judged = judge::reply(Wanted::Answer, sealed, answer, &self.known);
            self.note(&judge::with_remedy(&rule::PING, sealed, answer), judged);
        }
    }

    /// The endpoint reads requests otherwise than it has to, and it is known how.
    fn blame(&mut self, cause: Cause, ping: Option<&(Request, Answer)>) {
        let check = cause.check();
        self.note(check, (Verdict::Fail, cause.to_string()));
        if let Some((_, answer)) = ping {
            self.skip(
                &rule::PING,
                &format!("{}: see {}", judge::describe(answer), check.id),
            );
        }
    }

    async fn step(&mut self, step: Step, carrier: &FlowMessage) -> Result<(), ConformanceError> {
        if self.is_over() {
            return Ok(());
        }
        if let Some(before) = plan::after(step.check).filter(|before| self.is_broken(before)) {
            self.skip(step.check, &format!("see {}", before.id));
            return Ok(());
        }
        let answer = self.check.prober.send(&step.request).await;
        if let (Some(sealed), Ok(delivery)) = (&step.request.sealed, &answer) {
            self.look_for_proof(sealed, delivery);
            if delivery.status == 200 {
                self.known.learn(sealed, delivery);
            }
        }
        let back = if prober::is_whole(&answer) {
            Some(Duration::ZERO)
        } else {
            self.check.prober.back_after(carrier).await?
        };
        match back {
            Some(Duration::ZERO) => {
                let (check, judged) = self.judge(&step, &answer);
                self.note(&check, judged);
            }
            Some(waited) => {
                let seen = format!(
                    "{}, and it took {:.1} s until something was answered again",
                    judge::describe(&answer),
                    waited.as_secs_f64()
                );
                self.push(Finding::broken(step.check, seen));
            }
            None => {
                let seen = format!("{}, and nothing was answered any more", judge::describe(&answer));
                self.push(Finding::broken(step.check, seen));
                self.over = Some(format!(
                    "the endpoint does not answer any more since {}",
                    step.check.id
                ));
            }
        }
        Ok(())
    }

    fn judge(&self, step: &Step, answer: &Answer) -> (Check, Judgement) {
        let (check, judged) = match &step.request.sealed {
            None => return (*step.check, judge::refusal(step.wanted, answer)),
            Some(sealed) if step.wanted == Wanted::Answer => (
                judge::with_remedy(step.check, sealed, answer),
                judge::reply(step.wanted, sealed, answer, &self.known),
            ),
            Some(sealed) => (
                *step.check,
                judge::reply(step.wanted, sealed, answer, &self.known),
            ),
        };
        (check, self.unless_told_before(step, answer, judged))
    }

    /// Whoever signs JSON written anew refuses every unusual writing, and who has no answer to INIT has none to its
    /// variants: each is one fault.
    fn unless_told_before(&self, step: &Step, answer: &Answer, judged: Judgement) -> Judgement {
        let refused = answer.as_ref().is_ok_and(|delivery| delivery.status == 432);
        let rewritten = step.wanted == Wanted::Accepted && refused;
        let is_init = [rule::TOKEN_SIGNATURE.id, rule::NOTIFICATION_INIT.id].contains(&step.check.id);
        if rewritten && self.is_broken(&rule::RAW_BYTES) {
            (Verdict::Skipped, "status 432: see signature.raw-bytes".to_owned())
        } else if is_init && judged.0 == Verdict::Fail && self.is_broken(&rule::INIT) {
            (Verdict::Skipped, "see exchange.init".to_owned())
        } else {
            judged
        }
    }

    async fn measure(&mut self, carrier: &FlowMessage) -> Result<Option<Latency>, ConformanceError> {
        let mut durations = Vec::new();
        let mut connections = Vec::new();
        let mut series = Series {
            kind: latency::kind(carrier),
            ..Series::default()
        };
        while series.sent < self.check.pings && !self.is_over() {
            let request = self.check.prober.request(carrier).await?;
            series.sent += 1;
            match self.check.prober.send(&request).await {
                Ok(delivery) if delivery.status == 200 => {
                    durations.push(delivery.duration);
                    connections.extend(delivery.connection);
                }
                other => *series.lost.entry(judge::describe(&other)).or_default() += 1,
            }
        }
        let answered = connections.len();
        connections.sort_unstable();
        connections.dedup();
        if answered > 1 {
            let (used, plural) = (connections.len(), if connections.len() == 1 { "" } else { "s" });
            let seen = format!("{answered} requests over {used} connection{plural}");
            // One that was closed for idleness in between is nothing to speak of.
            let verdict = if used * 2 <= answered {
                Verdict::Pass
            } else {
                Verdict::Advice
            };
            self.note(&rule::KEEP_ALIVE, (verdict, seen));
        } else if !self.is_over() {
            self.skip(&rule::KEEP_ALIVE, "it takes two requests that are answered");
        }
        let latency = Latency::of(durations);
        if series.sent > 0 {
            for finding in latency::judge(latency, &series) {
                self.push(finding);
            }
        } else if !self.is_over() {
            for check in [&rule::LATENCY, &rule::ALERTS] {
                self.skip(check, "no pings were asked for");
            }
        }
        Ok(latency)
    }

    fn is_over(&mut self) -> bool {
        if self.over.is_none() && self.until.is_some_and(|until| Instant::now() >= until) {
            self.over = Some(format!(
                "the {} s for the whole check are up",
                self.check.total_time.as_secs()
            ));
        }
        self.over.is_some()
    }

    /// Whether the rule was found not to be kept, however binding it is.
    fn is_broken(&self, check: &Check) -> bool {
        let mut found = self
            .findings
            .iter()
            .filter(|finding| finding.check.id == check.id);
        found.any(|finding| matches!(finding.verdict, Verdict::Fail | Verdict::Advice))
    }

    fn is_noted(&self, check: &Check) -> bool {
        self.findings.iter().any(|finding| finding.check.id == check.id)
    }

    fn skip(&mut self, check: &Check, why: &str) {
        self.note(check, (Verdict::Skipped, why.to_owned()));
    }

    fn leave_what_was_not_asked_for(&mut self) {
        let has_init = self.check.prober.message.has_init;
        let has_screen = self.check.prober.message.exchange.is_some();
        if !has_screen {
            self.skip(&rule::DATA_EXCHANGE, "no screen was named to ask about");
        }
        if !has_init {
            self.skip(&rule::INIT, "no INIT is sent, as was asked for");
            self.skip(&rule::NOTIFICATION_INIT, "no INIT is sent, as was asked for");
        }
        if !has_init && !has_screen {
            let why = "no INIT is sent, as was asked for, and no screen was named to ask about";
            self.skip(&rule::TOKEN_SIGNATURE, why);
        }
    }

    fn leave_the_rest(&mut self, why: &str) {
        let why = self.over.take().unwrap_or_else(|| why.to_owned());
        for check in Check::all() {
            if !self.is_noted(check) {
                self.note(check, (Verdict::NotRun, why.clone()));
            }
        }
    }

    fn note(&mut self, check: &Check, (verdict, seen): Judgement) {
        self.push(Finding::new(check, verdict, seen));
    }

    fn push(&mut self, finding: Finding) {
        tracing::debug!(check = finding.check.id, verdict = %finding.verdict, "checked");
        self.findings.push(finding);
        if let Some(finding) = self.findings.last() {
            (self.progress)(Progress {
                finding,
                done: self.findings.len(),
                total: Check::all().len(),
            });
        }
    }
}
