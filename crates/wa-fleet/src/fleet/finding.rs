//! What an audit finds about one number.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use wa_graph::{PhoneNumberId, WabaId};
use wa_keys::Fingerprint;
use wa_keystore::{KeyState, SetLog};

use super::inventory::InventoryNumber;
use super::view::StoreView;
use crate::outside::{Registered, RegisteredKey, RegistryError};

/// What an audit found about one number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The number.
    pub phone_number_id: PhoneNumberId,
    /// Its account, if it is known.
    pub account: Option<WabaId>,
    /// Its key set: the one that has it, or the one to which it will be added.
    pub set: Option<String>,
    /// True if the key set does not have the number yet.
    pub is_new: bool,
    /// The registered key.
    #[serde(serialize_with = "digits")]
    pub registered: Option<Fingerprint>,
    /// True if Meta's signature over the registered key is `VALID`.
    pub is_valid: bool,
    /// The state of the registered key in the key set.
    pub state: Option<KeyState>,
    /// The primary key of the set.
    #[serde(serialize_with = "digits")]
    pub primary: Option<Fingerprint>,
    /// The result.
    pub reason: Reason,
    /// Details, for example the error of the call.
    pub detail: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// The result for one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// The primary key is registered and `VALID`.
    Ok,
    /// No key is registered.
    NoneRegistered,
    /// The primary key is registered, but Meta's signature does not match.
    Mismatch,
    /// The signature status stays `MISMATCH` after three uploads.
    MismatchPersists,
    /// A key is registered that was the primary before; it is still served.
    OutdatedKey,
    /// A key is registered that was not promoted yet; it is served.
    PendingKey,
    /// A key is registered that is no longer served: Flows fail.
    DisabledKey,
    /// A key of another key set is registered.
    OtherSet,
    /// A key is registered that the store does not have.
    ForeignKey,
    /// A text is registered that is not one readable key.
    UnreadableKey,
    /// The key set has no primary key yet, or does not exist.
    NoPrimary,
    /// It is not known to which key set the number belongs.
    NoSet,
    /// The number is in two key sets.
    TwoSets,
    /// The log of the key set is damaged, or written by a later version.
    DamagedSet,
    /// Graph refused the call, or did not respond.
    Unreachable,
    /// Nothing was tried, because an earlier failure affects every number, or the run was interrupted.
    NotTried,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 16] = [
        Self::Ok,
        Self::NoneRegistered,
        Self::Mismatch,
        Self::MismatchPersists,
        Self::OutdatedKey,
        Self::PendingKey,
        Self::DisabledKey,
        Self::OtherSet,
        Self::ForeignKey,
        Self::UnreadableKey,
        Self::NoPrimary,
        Self::NoSet,
        Self::TwoSets,
        Self::DamagedSet,
        Self::Unreachable,
        Self::NotTried,
    ];

    /// Returns the name, as JSON and metrics have it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoneRegistered => "none-registered",
            Self::Mismatch => "mismatch",
            Self::MismatchPersists => "mismatch-persists",
            Self::OutdatedKey => "outdated-key",
            Self::PendingKey => "pending-key",
            Self::DisabledKey => "disabled-key",
            Self::OtherSet => "other-set",
            Self::ForeignKey => "foreign-key",
            Self::UnreadableKey => "unreadable-key",
            Self::NoPrimary => "no-primary",
            Self::NoSet => "no-set",
            Self::TwoSets => "two-sets",
            Self::DamagedSet => "damaged-set",
            Self::Unreachable => "unreachable",
            Self::NotTried => "not-tried",
        }
    }

    /// Returns true if phones can use Flows of the number: a served key is registered and valid.
    #[must_use]
    pub const fn is_served(self) -> bool {
        matches!(self, Self::Ok | Self::OutdatedKey | Self::PendingKey)
    }

    /// Returns what to do about it.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Ok => return None,
            Self::NoneRegistered => "Upload the primary key: `wa fleet apply` with any policy.",
            Self::Mismatch => "Upload the primary key again: `wa fleet apply` with the policy repair.",
            Self::MismatchPersists => "Re-register the number with the Cloud API, then apply again.",
            Self::OutdatedKey | Self::PendingKey => {
                "Upload the primary key: `wa fleet apply` with the policy sync."
            }
            Self::DisabledKey => {
                "Upload the primary key now: `wa fleet apply` with the policy sync. Nothing serves the registered key."
            }
            Self::OtherSet => {
                "Move the number to that set, or replace the key with --take-over if it was moved to this one."
            }
            Self::ForeignKey => {
                "Import its private key with `wa keys import`. If nothing serves it, replace it with --take-over."
            }
            Self::UnreadableKey => "Replace it with --take-over: no client can use it.",
            Self::NoPrimary => "Make a key: `wa keys rotate --set SET`, or `wa fleet rotate`.",
            Self::NoSet => "Name its account in the inventory, or its set in the file of numbers.",
            Self::TwoSets => "Remove the number from one of the sets.",
            Self::DamagedSet => "Check the key store: `wa store check`.",
            Self::Unreachable => "See the error of the call.",
            Self::NotTried => "Remove the cause, then run the same command again.",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl Finding {
    /// Creates the finding about a number that was not tried.
    #[must_use]
    pub fn not_tried(number: &InventoryNumber) -> Self {
        Self::new(number, None, true, Reason::NotTried)
    }

    fn new(number: &InventoryNumber, set: Option<&str>, is_new: bool, reason: Reason) -> Self {
        Self {
            phone_number_id: number.phone_number_id.clone(),
            account: number.account.clone(),
            set: set.map(str::to_owned),
            is_new,
            registered: None,
            is_valid: false,
            state: None,
            primary: None,
            reason,
            detail: None,
            remedy: reason.remedy().map(str::to_owned),
        }
    }

    /// Judges what is registered for a number. `set` is the key set to which the number belongs if the store
    /// does not say.
    pub(crate) fn judge(
        view: &StoreView,
        number: &InventoryNumber,
        set: Option<&str>,
        read: &Result<Registered, RegistryError>,
    ) -> Self {
        let sets = view.sets_of(number.phone_number_id.as_str());
        let set = sets.first().map(String::as_str).or(set);
        let log = set.and_then(|set| view.set(set));
        let mut finding = Self::new(number, set, sets.is_empty(), Reason::NoSet);
        finding.primary = log.and_then(SetLog::primary).map(|key| key.fingerprint);
        let registered = match read {
            Ok(registered) => registered,
            Err(error) => {
                finding.reason = Reason::Unreachable;
                finding.detail = Some(error.to_string());
                finding.remedy = error.remedy().map(Into::into);
                return finding;
            }
        };
        finding.registered = registered.fingerprint();
        finding.is_valid = registered.is_valid;
        finding.state = finding
            .registered
            .and_then(|key| log?.key(key))
            .map(|key| key.state);
        let reason = if let [first, second, ..] = sets {
            finding.detail = Some(format!("the number is in the key sets {first} and {second}"));
            Reason::TwoSets
        } else {
            reason(view, set, registered)
        };
        if reason == Reason::OtherSet
            && let Some((owner, _)) = finding.registered.and_then(|key| view.owners(key).first())
        {
            finding.detail = Some(format!("the registered key belongs to key set {owner}"));
        }
        finding.reason = reason;
        finding.remedy = reason.remedy().map(str::to_owned);
        finding
    }
}

fn reason(view: &StoreView, set: Option<&str>, registered: &Registered) -> Reason {
    let log = set.and_then(|set| view.set(set));
    if log.is_some_and(|log| !log.is_writable()) {
        return Reason::DamagedSet;
    }
    let known = log.is_some_and(|log| log.primary().is_some());
    let key = match registered.key {
        _ if set.is_none() => return Reason::NoSet,
        RegisteredKey::None if known => return Reason::NoneRegistered,
        RegisteredKey::None => return Reason::NoPrimary,
        RegisteredKey::Unreadable => return Reason::UnreadableKey,
        RegisteredKey::Key(key) => key,
    };
    match log.and_then(|log| log.key(key)).map(|key| key.state) {
        Some(KeyState::Primary) if registered.is_valid => Reason::Ok,
        Some(KeyState::Primary) => Reason::Mismatch,
        Some(_) if !known => Reason::NoPrimary,
        Some(KeyState::Enabled) => Reason::OutdatedKey,
        Some(KeyState::Pending) => Reason::PendingKey,
        Some(_) => Reason::DisabledKey,
        None if !view.owners(key).is_empty() => Reason::OtherSet,
        None => Reason::ForeignKey,
    }
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
fn digits<S: Serializer>(key: &Option<Fingerprint>, serializer: S) -> Result<S::Ok, S::Error> {
    match key {
        Some(key) => serializer.collect_str(key),
        None => serializer.serialize_none(),
    }
}
