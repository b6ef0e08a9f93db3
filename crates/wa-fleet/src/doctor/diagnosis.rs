//! The result of an examination.

use serde::{Deserialize, Serialize};
use wa_graph::PhoneNumberId;

use super::check::Check;

/// What an examination found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The phone number id.
    pub number: String,
    /// The findings: broken things first, then warnings, then what could not be examined, then what is in
    /// order; each group in the order of causes.
    pub findings: Vec<CheckResult>,
}

/// One thing that was examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckResult {
    /// What was examined.
    pub check: Check,
    /// The result.
    pub verdict: Verdict,
    /// What was seen.
    pub evidence: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Flows fail because of it.
    Broken,
    /// Flows work, but may fail soon.
    Warning,
    /// It could not be examined.
    Unknown,
    /// It is in order.
    Ok,
}

impl Verdict {
    /// Returns the name, as JSON and tables write it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Ok => "ok",
        }
    }
}

impl Diagnosis {
    /// Returns the first broken thing: repair it first, because it may break others.
    #[must_use]
    pub fn cause(&self) -> Option<&CheckResult> {
        self.findings
            .first()
            .filter(|finding| finding.verdict == Verdict::Broken)
    }

    /// Returns whether nothing is broken, and everything essential could be examined.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let is_known = |check| {
            let unknown =
                |finding: &&CheckResult| finding.check == check && finding.verdict == Verdict::Unknown;
            !self.findings.iter().any(|finding| unknown(&finding))
        };
        self.cause().is_none() && is_known(Check::RegisteredKey)
    }

    /// Returns the finding of a check, if it was made.
    #[must_use]
    pub fn finding(&self, check: Check) -> Option<&CheckResult> {
        self.findings.iter().find(|finding| finding.check == check)
    }
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<CheckResult>);

impl Notes {
    pub(super) fn ok(&mut self, check: Check, evidence: impl Into<String>) {
        self.push(check, Verdict::Ok, evidence.into(), None);
    }

    pub(super) fn unknown(&mut self, check: Check, evidence: impl Into<String>) {
        self.push(check, Verdict::Unknown, evidence.into(), None);
    }

    pub(super) fn unknown_until(
        &mut self,
        check: Check,
        evidence: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(check, Verdict::Unknown, evidence.into(), Some(remedy.into()));
    }

    pub(super) fn warning(&mut self, check: Check, evidence: impl Into<String>, remedy: impl Into<String>) {
        self.push(check, Verdict::Warning, evidence.into(), Some(remedy.into()));
    }

    pub(super) fn broken(&mut self, check: Check, evidence: impl Into<String>, remedy: impl Into<String>) {
        self.push(check, Verdict::Broken, evidence.into(), Some(remedy.into()));
    }

    /// Notes a failed call to Graph. One that may succeed later says nothing about what it asked for.
    pub(super) fn failed_call(&mut self, check: Check, error: &wa_graph::GraphError) {
        let verdict = if error.is_transient() || error.is_rate_limited() {
            Verdict::Unknown
        } else {
            Verdict::Broken
        };
        let trace = error.fbtrace_id().map(|id| format!(" (fbtrace_id {id})"));
        let evidence = format!("{error}{}", trace.unwrap_or_default());
        let remedy = error.remedy().map(std::borrow::Cow::into_owned);
        self.push(check, verdict, evidence, remedy);
    }

    fn push(&mut self, check: Check, verdict: Verdict, evidence: String, remedy: Option<String>) {
        self.0.push(CheckResult {
            check,
            verdict,
            evidence,
            remedy,
        });
    }

    pub(super) fn into_diagnosis(mut self, number: &PhoneNumberId) -> Diagnosis {
        self.0.sort_by_key(|finding| (finding.verdict, finding.check));
        Diagnosis {
            number: number.to_string(),
            findings: self.0,
        }
    }
}
