//! What an operation did.

use serde::{Deserialize, Serialize};
use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;

use crate::progress::Stage;
use crate::text;

/// What became of one number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NumberReport {
    /// The number.
    pub number: PhoneNumberId,
    /// Whether it has the primary key.
    pub outcome: Outcome,
    /// How often the key was uploaded.
    pub uploads: u32,
    /// The key that was last found registered.
    #[serde(with = "text::optional", default)]
    pub registered: Option<Fingerprint>,
    /// Details, for example the error of the last call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Whether a number has the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// The key is registered and its status is `VALID`.
    Valid,
    /// The status stays `MISMATCH` after three uploads.
    MismatchPersists,
    /// Another key is still shown after three uploads.
    NotVisible,
    /// A key is registered that the set does not have.
    ForeignKey,
    /// The number was removed from the set.
    NotInSet,
    /// Another key is registered than a plan expects.
    Changed,
    /// The call failed.
    Failed,
    /// Nothing was tried, because an earlier failure affects every number.
    NotTried,
}

impl NumberReport {
    pub(crate) fn new(number: &PhoneNumberId, outcome: Outcome) -> Self {
        Self {
            number: number.clone(),
            outcome,
            uploads: 0,
            registered: None,
            detail: None,
            remedy: None,
        }
    }

    /// Returns true if the number has the primary key.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.outcome == Outcome::Valid
    }
}

impl Outcome {
    /// Returns the name of the outcome, as JSON has it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::MismatchPersists => "mismatch-persists",
            Self::NotVisible => "not-visible",
            Self::ForeignKey => "foreign-key",
            Self::NotInSet => "not-in-set",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::NotTried => "not-tried",
        }
    }
}

/// A key that is no longer the primary and stays in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kept {
    /// The key.
    #[serde(with = "text")]
    pub key: Fingerprint,
    /// Why.
    pub cause: String,
}

/// What a rotation or a rollback did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RotationReport {
    /// The key set.
    pub set: String,
    /// The key that is, or will be, the primary.
    #[serde(with = "text")]
    pub key: Fingerprint,
    /// The primary before the operation.
    #[serde(with = "text::optional", default)]
    pub previous: Option<Fingerprint>,
    /// What was decided.
    pub decision: Decision,
    /// The last step that is complete.
    pub stage: Option<Stage>,
    /// The numbers of the set.
    pub numbers: Vec<NumberReport>,
    /// Numbers that AWS hosts: nothing is uploaded to them.
    #[serde(default)]
    pub external: Vec<String>,
    /// Keys that were disabled.
    #[serde(with = "text::list", default)]
    pub disabled: Vec<Fingerprint>,
    /// Keys that are no longer the primary and stay in use.
    #[serde(default)]
    pub kept: Vec<Kept>,
}

impl RotationReport {
    pub(crate) fn new(set: &str, key: Fingerprint, decision: Decision) -> Self {
        Self {
            set: set.to_owned(),
            key,
            previous: None,
            decision,
            stage: None,
            numbers: Vec::new(),
            external: Vec::new(),
            disabled: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Returns true if every number has the primary key.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.numbers.iter().all(NumberReport::is_valid)
    }
}

/// What a rotation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decision {
    /// A new key is made.
    NewKey,
    /// A key that is stored already is promoted.
    Continue,
    /// The key that all numbers have becomes the primary; nothing is uploaded.
    Adopt,
    /// The primary stays; numbers that do not have it get it.
    Finish,
    /// An earlier key becomes the primary again.
    RollBack,
}

/// What a rotation would do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RotationPlan {
    /// The key set.
    pub set: String,
    /// The decision.
    pub decision: Decision,
    /// Why.
    pub cause: String,
    /// The key; `None` if it is yet to be made.
    #[serde(with = "text::optional", default)]
    pub key: Option<Fingerprint>,
    /// The present primary.
    #[serde(with = "text::optional", default)]
    pub primary: Option<Fingerprint>,
    /// The endpoint that must prove the key.
    pub endpoint: Option<String>,
    /// The numbers, each with what is registered now.
    pub numbers: Vec<PlannedNumber>,
}

/// A number of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedNumber {
    /// The number.
    pub number: PhoneNumberId,
    /// The registered key; `None` if there is none, or it cannot be read.
    #[serde(with = "text::optional", default)]
    pub registered: Option<Fingerprint>,
    /// True if its signature is `VALID`.
    pub is_valid: bool,
    /// Why the number cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
