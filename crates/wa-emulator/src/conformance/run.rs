//! One run of the check, from the first ping to the last.

use std::time::Instant;

use hyper_util::client::legacy;
use thiserror::Error;

use super::builder::ConformanceCheck;
use super::catalogue as rule;
use super::check::Check;
use super::diagnosis::{self, Cause};
use super::judge::{self, Form, Judgement, Wanted};
use super::latency::{self, Latency};
use super::plan::{self, Step};
use super::prober::Answer;
use super::report::{Finding, Report, Verdict};
use crate::phone::{DeliveryFailure, FlowMessage, PhoneError, ReplyFault};

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
    /// What is wrong with the first reply, and so with every other.
    known: Option<ReplyFault>,
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
            known: None,
            over: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<Report, ConformanceError> {
        let latency = match self.open().await? {
            Some(carrier) => {
                for step in plan::of(&self.check.prober, &self.check.stranger, &carrier).await? {
                    self.step(step, &carrier).await?;
                }
                self.measure(&carrier).await?
            }
            None => None,
        };
        if self.check.prober.message.exchange.is_none() {
            self.skip(&rule::DATA_EXCHANGE, "no screen was named to ask about");
        }
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
        let mut ping = None;
        for carrier in [FlowMessage::ping(), messages.init(), messages.notification()] {
            let request = self.check.prober.request(&carrier).await?;
            let answer = self.check.prober.send(&request).await;
            let answer = match (answer, &ping) {
                (Err(failure), None) if never_connected(&failure) => {
                    return Err(ConformanceError::Unreachable { source: failure });
                }
                (answer, _) => answer,
            };
            self.transport(&answer);
            let opened = self.opened(request.sealed.as_ref(), &answer);
            let is_first = ping.is_none();
            if is_first {
                ping = Some((request, answer));
            }
            if opened {
                self.note(&rule::OAEP, (Verdict::Pass, "a request was decrypted".to_owned()));
                self.note(
                    &rule::VECTOR,
                    (Verdict::Pass, "a request was decrypted".to_owned()),
                );
            }
            if opened || self.is_over() {
                self.judge_ping(ping.as_ref());
                return Ok(opened.then_some(carrier));
            }
        }
        match diagnosis::cause(&self.check.prober, &self.check.public_key_pem).await {
            Some(cause) => self.blame(cause),
            None => self.judge_ping(ping.as_ref()),
        }
        Ok(None)
    }

    /// Whether a request was answered with 200; if so, the form of the reply is judged.
    fn opened(&mut self, sealed: Option<&crate::phone::Sealed>, answer: &Answer) -> bool {
        let (Some(sealed), Ok(delivery)) = (sealed, answer) else {
            return false;
        };
        if delivery.status != 200 {
            return false;
        }
        let fault = judge::read(sealed, delivery).err();
        let at_fault = fault
            .as_ref()
            .map(|fault| (judge::form(fault), judge::explain(fault)));
        let fine = |text: &str| (Verdict::Pass, text.to_owned());
        let (encoding, encryption) = match at_fault {
            Some((Form::Encoding, seen)) => (
                (Verdict::Fail, seen),
                (Verdict::Skipped, "the reply is no base64".to_owned()),
            ),
            Some((Form::Encryption, seen)) if matches!(fault, Some(ReplyFault::NotEncrypted)) => (
                (Verdict::Skipped, "the reply is not encrypted".to_owned()),
                (Verdict::Fail, seen),
            ),
            Some((Form::Encryption, seen)) => (fine("bare base64"), (Verdict::Fail, seen)),
            Some((Form::Content, _)) | None => (fine("bare base64"), fine("the reply was decrypted")),
        };
        self.note(&rule::ENCODING, encoding);
        self.note(&rule::ENCRYPTION, encryption);
        self.note(
            &rule::CONTENT_TYPE,
            judge::content_type(delivery.content_type.as_deref()),
        );
        self.known = fault;
        true
    }

    fn judge_ping(&mut self, ping: Option<&(super::prober::Request, Answer)>) {
        if let Some((request, answer)) = ping
            && let Some(sealed) = &request.sealed
        {
            let judged = judge::reply(Wanted::Answer, sealed, answer, self.known.as_ref());
            self.note(&rule::PING, judged);
        }
    }

    /// The endpoint decrypts otherwise than it has to, and it is known how.
    fn blame(&mut self, cause: Cause) {
        let check = cause.check();
        let seen = format!("it opens requests that are encrypted with {cause}, and no others");
        self.note(check, (Verdict::Fail, seen));
        self.skip(
            &rule::PING,
            &format!("requests are not decrypted: see {}", check.id),
        );
    }

    async fn step(&mut self, step: Step, carrier: &FlowMessage) -> Result<(), ConformanceError> {
        if self.is_over() {
            return Ok(());
        }
        if step.check.id == rule::NOTIFICATION_KEY.id && self.has_failed(&rule::NOTIFICATION) {
            self.skip(step.check, "see notification.error");
            return Ok(());
        }
        let answer = self.check.prober.send(&step.request).await;
        let judged = match &step.request.sealed {
            Some(sealed) => judge::reply(step.wanted, sealed, &answer, self.known.as_ref()),
            None => judge::refusal(step.wanted, &answer),
        };
        if answer.is_ok() || self.check.prober.is_alive(carrier).await? {
            let judged = self.unless_told_before(&step, &answer, judged);
            self.note(step.check, judged);
            return Ok(());
        }
        let seen = format!("{}, and none to anything after it", judge::describe(&answer));
        self.push(Finding::broken(step.check, seen));
        self.over = Some(format!(
            "the endpoint does not answer any more since {}",
            step.check.id
        ));
        Ok(())
    }

    /// Whoever signs JSON written anew refuses every unusual writing: that is one fault.
    fn unless_told_before(&self, step: &Step, answer: &Answer, judged: Judgement) -> Judgement {
        let refused = answer.as_ref().is_ok_and(|delivery| delivery.status == 432);
        let told = step.wanted == Wanted::Accepted && refused && self.has_failed(&rule::RAW_BYTES);
        if told {
            (Verdict::Skipped, "status 432: see signature.raw-bytes".to_owned())
        } else {
            judged
        }
    }

    async fn measure(&mut self, carrier: &FlowMessage) -> Result<Option<Latency>, ConformanceError> {
        let mut durations = Vec::new();
        let mut connections = Vec::new();
        let mut sent = 0;
        while sent < self.check.pings && !self.is_over() {
            let request = self.check.prober.request(carrier).await?;
            let answer = self.check.prober.send(&request).await;
            sent += 1;
            if let Ok(delivery) = answer
                && delivery.status == 200
            {
                durations.push(delivery.duration);
                connections.extend(delivery.connection);
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
            self.skip(&rule::KEEP_ALIVE, "it takes two pings that are answered");
        }
        let latency = Latency::of(durations);
        if sent > 0 {
            for finding in latency::judge(latency, sent) {
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

    fn has_failed(&self, check: &Check) -> bool {
        let mut found = self
            .findings
            .iter()
            .filter(|finding| finding.check.id == check.id);
        found.any(|finding| finding.verdict == Verdict::Fail)
    }

    fn is_noted(&self, check: &Check) -> bool {
        self.findings.iter().any(|finding| finding.check.id == check.id)
    }

    fn skip(&mut self, check: &Check, why: &str) {
        self.note(check, (Verdict::Skipped, why.to_owned()));
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

/// Whether there was not even a connection: then there is nothing to check.
fn never_connected(failure: &DeliveryFailure) -> bool {
    match failure {
        DeliveryFailure::Connection { source } => source
            .downcast_ref::<legacy::Error>()
            .is_some_and(legacy::Error::is_connect),
        _ => false,
    }
}
