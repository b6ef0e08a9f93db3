//! One run of the check, from the first ping to the last.

use std::time::Instant;

use thiserror::Error;

use super::builder::ConformanceCheck;
use super::catalogue as rule;
use super::check::Check;
use super::judge::Judgement;
use super::known::Known;
use super::plan::{self, Plan};
use super::report::{Finding, Report, Verdict};
use crate::phone::{DeliveryFailure, PhoneError};

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
pub(super) struct CheckRun<'a, P> {
    pub(super) check: &'a ConformanceCheck,
    progress: P,
    /// When nothing more is begun; never, if that is further away than time goes.
    until: Option<Instant>,
    findings: Vec<Finding>,
    pub(super) known: Known,
    /// The rules whose badly signed request was answered with 200.
    pub(super) accepted: Vec<&'static str>,
    /// Why nothing more is sent.
    pub(super) over: Option<String>,
}

impl<'a, P: FnMut(Progress<'_>) + Send> CheckRun<'a, P> {
    pub(super) fn new(check: &'a ConformanceCheck, progress: P) -> Self {
        Self {
            check,
            progress,
            until: Instant::now().checked_add(check.total_time),
            findings: Vec::new(),
            known: Known::default(),
            accepted: Vec::new(),
            over: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<Report, ConformanceError> {
        let latency = match self.open().await? {
            Some(probe) => {
                let Plan { accepted, refused } =
                    plan::of(&self.check.prober, &self.check.stranger, &probe).await?;
                for step in accepted {
                    self.step(step, &probe).await?;
                }
                self.check_version_4(&probe).await?;
                for step in refused {
                    self.step(step, &probe).await?;
                }
                self.note(&rule::ENCODING, self.known.encoding());
                if !self.is_noted(&rule::OAEP) {
                    for check in [&rule::OAEP, &rule::VECTOR] {
                        self.skip(check, "no reply proves that a request was decrypted");
                    }
                }
                self.measure(&probe).await?
            }
            None => None,
        };
        self.leave_what_was_not_asked_for();
        self.leave_the_rest("no request was answered with 200");
        Ok(Report::new(self.findings, latency))
    }

    pub(super) fn is_over(&mut self) -> bool {
        if self.over.is_none() && self.until.is_some_and(|until| Instant::now() >= until) {
            self.over = Some(format!(
                "the {} s for the whole check are up",
                self.check.total_time.as_secs()
            ));
        }
        self.over.is_some()
    }

    /// Whether the rule was found not to be kept, however binding it is.
    pub(super) fn is_broken(&self, check: &Check) -> bool {
        let mut found = self
            .findings
            .iter()
            .filter(|finding| finding.check.id == check.id);
        found.any(|finding| matches!(finding.verdict, Verdict::Fail | Verdict::Advice))
    }

    pub(super) fn is_noted(&self, check: &Check) -> bool {
        self.findings.iter().any(|finding| finding.check.id == check.id)
    }

    pub(super) fn skip(&mut self, check: &Check, why: &str) {
        self.note(check, (Verdict::Skipped, why.to_owned()));
    }

    fn leave_what_was_not_asked_for(&mut self) {
        let has_init = self.check.prober.message.has_init;
        let has_screen = self.check.prober.message.exchange.is_some();
        if !self.check.prober.message.has_back {
            self.skip(&rule::BACK, "no BACK is sent, as was asked for");
        }
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

    pub(super) fn note(&mut self, check: &Check, (verdict, seen): Judgement) {
        self.push(Finding::new(check, verdict, seen));
    }

    pub(super) fn push(&mut self, finding: Finding) {
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
