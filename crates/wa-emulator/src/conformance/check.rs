//! One rule that an endpoint is held to.

use serde::Serialize;

use super::catalogue::ALL;

/// A rule of the data channel, with where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// A name that stays the same from version to version, like `signature.missing`.
    pub id: &'static str,
    /// What is looked at, in a few words.
    pub title: &'static str,
    /// The rule, in one sentence.
    pub rule: &'static str,
    /// The page, and the section where there is one, that says so.
    pub source: &'static str,
    /// Whether an endpoint may do otherwise.
    pub severity: Severity,
    /// What to do where the rule is not kept.
    pub remedy: &'static str,
}

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// An endpoint that breaks it does not conform.
    Must,
    /// Breaking it gives advice only: the sources recommend it, or disagree about it.
    Should,
}

impl Check {
    /// Every check, in the order in which they are reported.
    pub fn all() -> &'static [Self] {
        ALL
    }
}
