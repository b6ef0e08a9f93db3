//! One run of the check, from the first ping to the last.

use std::borrow::Cow;
use std::time::Instant;

use thiserror::Error;

use super::builder::ConformanceCheck;
use super::catalogue as rule;
use super::check::Check;
use super::judge::Judgement;
use super::known::KnownFaults;
use super::plan::{self, Plan};
use super::report::{Finding, Report, Verdict};
use crate::{PhoneError, SendError};

/// The reason why a check could not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// No connection to the endpoint could be made.
    #[error("the endpoint cannot be reached")]
    Unreachable {
        /// The cause.
        source: SendError,
    },
    /// A request could not be created.
    #[error("a request could not be created")]
    Request {
        /// The cause.
        #[from]
        source: PhoneError,
    },
}

impl ConformanceError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unreachable { source } => source.remedy(),
            Self::Request { source } => source.remedy(),
        }
    }
}

/// The progress of a check.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The latest finding.
    pub finding: &'a Finding,
    /// How many findings there are so far.
    pub done: usize,
    /// How many findings there will be.
    pub total: usize,
}

/// The findings so far, and what they imply for the following requests.
pub(super) struct CheckRun<'a, P> {
    pub(super) check: &'a ConformanceCheck,
    progress: P,
    /// When no further request is sent; `None` if the time limit exceeds what `Instant` can represent.
    until: Option<Instant>,
    findings: Vec<Finding>,
    pub(super) known: KnownFaults,
    /// The rules whose incorrectly signed request got a 200 response.
    pub(super) accepted: Vec<&'static str>,
    /// Why no further request is sent.
    pub(super) over: Option<String>,
}

impl<'a, P: FnMut(Progress<'_>) + Send> CheckRun<'a, P> {
    pub(super) fn new(check: &'a ConformanceCheck, progress: P) -> Self {
        Self {
            check,
            progress,
            until: Instant::now().checked_add(check.total_time),
            findings: Vec::new(),
            known: KnownFaults::default(),
            accepted: Vec::new(),
            over: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<Report, ConformanceError> {
        let latency = match self.open().await? {
            Some(probe) => {
                let Plan { accepted, refused } =
                    plan::of(&self.check.prober, &self.check.foreign_client, &probe).await?;
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
                        self.skip(check, "no response proves that a request was decrypted");
                    }
                }
                self.measure(&probe).await?
            }
            None => None,
        };
        self.skip_disabled();
        self.mark_rest_not_run("no request got a 200 response");
        Ok(Report::new(self.findings, latency))
    }

    pub(super) fn is_over(&mut self) -> bool {
        if self.over.is_none() && self.until.is_some_and(|until| Instant::now() >= until) {
            self.over = Some(format!(
                "the time limit of {} s for the check was reached",
                self.check.total_time.as_secs()
            ));
        }
        self.over.is_some()
    }

    /// Returns whether the rule was found broken, regardless of its severity.
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

    fn skip_disabled(&mut self) {
        let has_init = self.check.prober.message.has_init;
        let has_screen = self.check.prober.message.exchange.is_some();
        if !self.check.prober.message.has_back {
            self.skip(&rule::BACK, "BACK is disabled");
        }
        if !has_screen {
            self.skip(&rule::DATA_EXCHANGE, "no screen was given");
        }
        if !has_init {
            self.skip(&rule::INIT, "INIT is disabled");
            self.skip(&rule::NOTIFICATION_INIT, "INIT is disabled");
        }
        if !has_init && !has_screen {
            let why = "INIT is disabled, and no screen was given";
            self.skip(&rule::TOKEN_SIGNATURE, why);
        }
    }

    fn mark_rest_not_run(&mut self, why: &str) {
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
