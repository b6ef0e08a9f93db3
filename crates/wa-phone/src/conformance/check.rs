//! One rule of the conformance check.

use serde::Serialize;

use super::catalogue::ALL;

/// A rule of the data channel, with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// A stable identifier, like `signature.missing`.
    pub id: &'static str,
    /// What is checked, in a few words.
    pub title: &'static str,
    /// The rule, in one sentence.
    pub rule: &'static str,
    /// The page, and the section if there is one, that states the rule.
    pub source: &'static str,
    /// Whether the rule is mandatory.
    pub severity: Severity,
    /// How to fix an endpoint that breaks the rule.
    pub remedy: &'static str,
}

/// Whether a rule is mandatory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// An endpoint that breaks it does not conform.
    Must,
    /// An endpoint that breaks it still conforms, and gets advice: the sources recommend the rule, or
    /// disagree about it.
    Should,
}

impl Check {
    /// Returns all rules, in the order in which they are reported.
    pub fn all() -> &'static [Self] {
        ALL
    }
}
