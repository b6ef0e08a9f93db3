//! What became of the items of a plan.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;

use crate::error::FleetError;
use crate::fleet::plan::PlanItem;
use crate::outside::RegistryError;
use crate::text;

/// What a run of a plan reports while it runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyEvent<'a> {
    /// A key was uploaded; it is read back at the end.
    Sent(&'a PlanItem),
    /// The result for a number is known.
    Finished(&'a ItemReport),
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ItemReport {
    /// The number.
    pub phone_number_id: PhoneNumberId,
    /// Its key set.
    pub set: String,
    /// The key that the plan uploads.
    #[serde(with = "text")]
    pub to: Fingerprint,
    /// The result.
    pub outcome: ItemOutcome,
    /// How often the key was uploaded.
    pub uploads: u32,
    /// The key that was last found registered.
    #[serde(with = "text::optional", default)]
    pub registered: Option<Fingerprint>,
    /// Details, for example the error of the last call.
    #[serde(default)]
    pub detail: Option<String>,
    /// What to do about it.
    #[serde(default)]
    pub remedy: Option<String>,
}

/// The result of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ItemOutcome {
    /// The key is registered and `VALID`.
    Valid,
    /// The key was uploaded, but not read back.
    Sent,
    /// The signature status stays `MISMATCH` after three uploads.
    MismatchPersists,
    /// The earlier key is still shown after three uploads.
    NotVisible,
    /// Another key was uploaded after this one.
    Replaced,
    /// Skipped: another key is registered than the plan expects.
    FromChanged,
    /// Skipped: the key of the plan is no longer the primary of its set.
    NotPrimary,
    /// Skipped: a key is registered that the set does not have.
    ForeignKey,
    /// Skipped: the number is in another set, or in two.
    NotInSet,
    /// The call failed.
    Failed,
    /// Nothing was tried, because an earlier failure affects every number, or the run was interrupted.
    NotTried,
}

impl ItemOutcome {
    /// Returns the name, as JSON has it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Sent => "sent",
            Self::MismatchPersists => "mismatch-persists",
            Self::NotVisible => "not-visible",
            Self::Replaced => "replaced",
            Self::FromChanged => "from-changed",
            Self::NotPrimary => "not-primary",
            Self::ForeignKey => "foreign-key",
            Self::NotInSet => "not-in-set",
            Self::Failed => "failed",
            Self::NotTried => "not-tried",
        }
    }

    /// Returns what to do about it.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Valid => return None,
            Self::Sent | Self::NotVisible => "Audit the number in some minutes: `wa fleet audit`.",
            Self::MismatchPersists => "Re-register the number with the Cloud API, then apply again.",
            Self::Replaced => "Find out who uploads another key, before you apply again.",
            Self::FromChanged | Self::NotPrimary => "Make a new plan: `wa fleet plan`.",
            Self::ForeignKey => {
                "Import its private key with `wa keys import`. If nothing serves it, replace it with --take-over."
            }
            Self::NotInSet => "Remove the number from one of the sets, then make a new plan.",
            Self::Failed => "See the error of the call.",
            Self::NotTried => "Remove the cause, then run the same command again.",
        })
    }
}

impl fmt::Display for ItemOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl ItemReport {
    pub(super) fn new(item: &PlanItem, outcome: ItemOutcome) -> Self {
        Self {
            phone_number_id: item.phone_number_id.clone(),
            set: item.set.clone(),
            to: item.to,
            outcome,
            uploads: 0,
            registered: None,
            detail: None,
            remedy: outcome.remedy().map(str::to_owned),
        }
    }

    /// Creates the report of an item whose set, or all of whose calls, fail.
    pub(super) fn failed(item: &PlanItem, error: &FleetError) -> Self {
        let outcome = match error {
            FleetError::NotPrimary { .. } => ItemOutcome::NotPrimary,
            _ => ItemOutcome::Failed,
        };
        Self {
            detail: Some(error.to_string()),
            remedy: error.remedy().map(Into::into),
            ..Self::new(item, outcome)
        }
    }

    /// Creates the report of an item whose upload was refused.
    pub(super) fn call(item: &PlanItem, uploads: u32, error: Option<&RegistryError>) -> Self {
        Self {
            uploads,
            detail: error.map(ToString::to_string),
            remedy: error.and_then(RegistryError::remedy).map(Into::into),
            ..Self::new(item, ItemOutcome::Failed)
        }
    }
}

/// The counts of a run of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApplyReport {
    /// The items by outcome.
    pub outcomes: BTreeMap<ItemOutcome, usize>,
    /// Why a token was not used further, or the run ended.
    pub stopped: Vec<String>,
    /// True if the run was asked to stop.
    pub interrupted: bool,
}

impl ApplyReport {
    /// Returns the number of items.
    #[must_use]
    pub fn total(&self) -> usize {
        self.outcomes.values().sum()
    }

    /// Returns the number of items with an outcome.
    #[must_use]
    pub fn count(&self, outcome: ItemOutcome) -> usize {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// Returns true if every number of the plan has its key.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.count(ItemOutcome::Valid) == self.total()
    }
}
