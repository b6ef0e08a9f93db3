//! What was found.

use std::fmt;

use serde::Serialize;

use super::check::{Check, Severity};
use super::latency::Latency;

/// What came out of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// The rule is kept.
    Pass,
    /// The rule is kept in the main, or it is no must: something could be better.
    Advice,
    /// The rule is broken.
    Fail,
    /// It could not be told, or there was nothing to check.
    Skipped,
    /// The check ended before this was looked at.
    #[serde(rename = "not_run")]
    NotRun,
}

/// One line of a report. It tells statuses, sizes and shapes; never a payload, a token or a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    #[serde(flatten)]
    pub check: Check,
    /// What came out.
    pub verdict: Verdict,
    /// What was seen, or why nothing was looked at.
    pub seen: String,
}

/// How many checks came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Rules kept.
    pub passed: usize,
    /// Rules kept, but for something that could be better.
    pub advice: usize,
    /// Rules broken.
    pub failed: usize,
    /// Rules that could not be told, or do not apply.
    pub skipped: usize,
    /// Rules that the check did not come to.
    pub not_run: usize,
}

/// What was found about an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// One finding for every check, in the order of [`Check::all`].
    pub findings: Vec<Finding>,
    /// How long pings took; `None` where none was answered.
    pub latency: Option<Latency>,
}

impl Finding {
    pub(super) fn new(check: &Check, verdict: Verdict, seen: impl Into<String>) -> Self {
        // What is no must is never held against an endpoint.
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

    /// What no endpoint may do, however weak the rule that it was found under.
    pub(super) fn broken(check: &Check, seen: impl Into<String>) -> Self {
        Self {
            check: *check,
            verdict: Verdict::Fail,
            seen: seen.into(),
        }
    }
}

impl Report {
    /// Brings findings into the order of the catalogue.
    pub(super) fn new(mut findings: Vec<Finding>, latency: Option<Latency>) -> Self {
        let place = |finding: &Finding| Check::all().iter().position(|check| check.id == finding.check.id);
        findings.sort_by_key(place);
        Self { findings, latency }
    }

    /// True if no rule is broken and the check came to every must.
    pub fn is_conformant(&self) -> bool {
        self.findings.iter().all(|finding| match finding.verdict {
            Verdict::Fail => false,
            Verdict::NotRun => finding.check.severity == Severity::Should,
            Verdict::Pass | Verdict::Advice | Verdict::Skipped => true,
        })
    }

    /// How many checks came out how.
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

    /// The finding of the check with this id.
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
