//! The smallest list of uploads that brings a fleet to its keys, as a value and as a file.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use wa_graph::{PhoneNumberId, WabaId};
use wa_keys::Fingerprint;
use wa_keystore::StoreId;

use super::finding::{Finding, Reason};
use crate::text;

/// The format of plans that this version writes.
const FORMAT: u32 = 1;

/// Which numbers get the primary key of their set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RepairPolicy {
    /// Numbers without a key.
    CreateOnly,
    /// Also numbers whose signature status is `MISMATCH`.
    Repair,
    /// Also numbers with an earlier, pending or disabled key of their set.
    Sync,
}

impl RepairPolicy {
    /// Returns true if a number with this reason gets the primary key.
    ///
    /// Keys of others and of other sets stay, unless `take_over`.
    #[must_use]
    pub const fn uploads(self, reason: Reason, take_over: bool) -> bool {
        match reason {
            Reason::NoneRegistered => true,
            Reason::Mismatch => matches!(self, Self::Repair | Self::Sync),
            Reason::OutdatedKey | Reason::PendingKey | Reason::DisabledKey => matches!(self, Self::Sync),
            Reason::ForeignKey | Reason::OtherSet | Reason::UnreadableKey => take_over,
            _ => false,
        }
    }

    /// Returns the name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::CreateOnly => "create-only",
            Self::Repair => "repair",
            Self::Sync => "sync",
        }
    }
}

/// A text is not the name of a policy.
#[derive(Debug, thiserror::Error)]
#[error("expected create-only, repair or sync")]
pub struct UnknownPolicy;

impl FromStr for RepairPolicy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "create-only" => Ok(Self::CreateOnly),
            "repair" => Ok(Self::Repair),
            "sync" => Ok(Self::Sync),
            _ => Err(UnknownPolicy),
        }
    }
}

/// A list of uploads. It names what it expects to find, so that it can be reviewed, stored, and applied
/// later: items whose expectation no longer holds are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    format: u32,
    /// The id of the key store.
    pub store: String,
    /// The policy.
    pub policy: RepairPolicy,
    /// True if keys of others are replaced.
    #[serde(default)]
    pub take_over: bool,
    /// When it was made, in RFC 3339.
    pub created: String,
    /// The uploads.
    pub items: Vec<PlanItem>,
}

/// One upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanItem {
    /// The number.
    pub phone_number_id: PhoneNumberId,
    /// Its account, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<WabaId>,
    /// Its key set.
    pub set: String,
    /// The registered key; `None` if there is none, or it is not readable.
    #[serde(with = "text::optional", default)]
    pub from: Option<Fingerprint>,
    /// True if the registered key is `VALID`.
    #[serde(default)]
    pub from_valid: bool,
    /// The primary key of the set.
    #[serde(with = "text")]
    pub to: Fingerprint,
    /// Why.
    pub reason: Reason,
}

/// A plan cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The text is not a plan.
    #[error("it is not a plan: {0}")]
    Syntax(#[source] serde_json::Error),
    /// A later version wrote it.
    #[error("the plan has format {found}; this version reads format 1")]
    NewerFormat {
        /// Its format.
        found: u32,
    },
    /// It was made for another key store.
    #[error("the plan was made for key store {plan}, not for {store}")]
    OtherStore {
        /// The store of the plan.
        plan: String,
        /// The store that is to be used.
        store: String,
    },
}

impl PlanError {
    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Syntax(_) | Self::OtherStore { .. } => "Make a new plan with `wa fleet plan`.",
            Self::NewerFormat { .. } => "Use the version that wrote the plan, or a later one.",
        }))
    }
}

impl Plan {
    /// Creates a plan without items.
    #[must_use]
    pub fn new(store: StoreId, policy: RepairPolicy, take_over: bool, now: SystemTime) -> Self {
        Self {
            format: FORMAT,
            store: store.to_string(),
            policy,
            take_over,
            created: humantime::format_rfc3339_seconds(now).to_string(),
            items: Vec::new(),
        }
    }

    /// Adds the upload for a number, if the policy uploads its key.
    pub fn add(&mut self, finding: &Finding) {
        let (Some(set), Some(to)) = (&finding.set, finding.primary) else {
            return;
        };
        if self.policy.uploads(finding.reason, self.take_over) {
            self.items.push(PlanItem {
                phone_number_id: finding.phone_number_id.clone(),
                account: finding.account.clone(),
                set: set.clone(),
                from: finding.registered,
                from_valid: finding.is_valid,
                to,
                reason: finding.reason,
            });
        }
    }

    /// Returns how many requests it takes, and how long at a pace of so many calls an hour.
    #[must_use]
    pub fn cost(&self, calls_per_hour: Option<u32>) -> (usize, Option<Duration>) {
        let requests = self.items.len() * 3;
        let time = calls_per_hour
            .filter(|calls| *calls > 0)
            .map(|calls| Duration::from_secs(requests as u64 * 3600 / u64::from(calls)));
        (requests, time)
    }

    /// Parses the text of a plan.
    ///
    /// # Errors
    ///
    /// [`PlanError`] if it is not a plan of this version.
    pub fn parse(text: &[u8]) -> Result<Self, PlanError> {
        let plan: Self = serde_json::from_slice(text).map_err(PlanError::Syntax)?;
        if plan.format > FORMAT {
            return Err(PlanError::NewerFormat { found: plan.format });
        }
        Ok(plan)
    }

    /// Fails if the plan was made for another key store.
    ///
    /// # Errors
    ///
    /// [`PlanError::OtherStore`].
    pub fn check_store(&self, store: StoreId) -> Result<(), PlanError> {
        let store = store.to_string();
        if self.store == store {
            return Ok(());
        }
        let plan = self.store.clone();
        Err(PlanError::OtherStore { plan, store })
    }
}
