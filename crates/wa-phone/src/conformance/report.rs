//! The result of a check.

use std::fmt;

use serde::Serialize;

use super::check::{Check, Severity};
use super::latency::Latency;

/// The result for one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// The endpoint follows the rule.
    Pass,
    /// The endpoint breaks a rule that is not mandatory, or follows a mandatory one imperfectly.
    Advice,
    /// The endpoint breaks the rule.
    Fail,
    /// The result could not be determined, or the rule does not apply.
    Skipped,
    /// The check ended before this rule was checked.
    #[serde(rename = "not_run")]
    NotRun,
}

/// One line of a report. It shows statuses, sizes and shapes; never a payload, a token or a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    #[serde(flatten)]
    pub check: Check,
    /// The result.
    pub verdict: Verdict,
    /// What was observed, or why the rule was not checked.
    pub seen: String,
}

/// The number of rules for each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Rules that the endpoint follows.
    pub passed: usize,
    /// Rules with advice.
    pub advice: usize,
    /// Rules that the endpoint breaks.
    pub failed: usize,
    /// Rules whose result could not be determined, or that do not apply.
    pub skipped: usize,
    /// Rules that were not checked, because the check ended early.
    pub not_run: usize,
}

/// The report of one check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// One finding for every rule, in the order of [`Check::all`].
    pub findings: Vec<Finding>,
    /// The latency of pings; `None` if none got a 200 response.
    pub latency: Option<Latency>,
}

impl Finding {
    pub(super) fn new(check: &Check, verdict: Verdict, seen: impl Into<String>) -> Self {
        // Breaking a rule that is not mandatory is never a failure.
        let verdict = match (check.severity, verdict) {
            (Severity::Should, Verdict::Fail) => Verdict::Advice,
            (_, verdict) => verdict,
        };
        Self {
            check: *check,
            verdict,
            seen: seen.into(),
        }
    }

    /// Returns a failure regardless of the rule's severity, for what no endpoint may do, such as crash.
    pub(super) fn broken(check: &Check, seen: impl Into<String>) -> Self {
        Self {
            check: *check,
            verdict: Verdict::Fail,
            seen: seen.into(),
        }
    }
}

impl Report {
    /// Sorts the findings into the order of the catalogue.
    pub(super) fn new(mut findings: Vec<Finding>, latency: Option<Latency>) -> Self {
        let place = |finding: &Finding| Check::all().iter().position(|check| check.id == finding.check.id);
        findings.sort_by_key(place);
        Self { findings, latency }
    }

    /// Returns true if no rule is broken and every mandatory rule was checked.
    pub fn is_conformant(&self) -> bool {
        self.findings.iter().all(|finding| match finding.verdict {
            Verdict::Fail => false,
            Verdict::NotRun => finding.check.severity == Severity::Should,
            Verdict::Pass | Verdict::Advice | Verdict::Skipped => true,
        })
    }

    /// Returns the number of rules for each verdict.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in &self.findings {
            match finding.verdict {
                Verdict::Pass => counts.passed += 1,
                Verdict::Advice => counts.advice += 1,
                Verdict::Fail => counts.failed += 1,
                Verdict::Skipped => counts.skipped += 1,
                Verdict::NotRun => counts.not_run += 1,
            }
        }
        counts
    }

    /// Returns the finding for the rule with this id.
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.check.id == id)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Advice => "advice",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
            Self::NotRun => "not run",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7} {}: {}", self.verdict, self.check.id, self.seen)
    }
}
