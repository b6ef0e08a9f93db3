//! Why an operation on a key set stopped.

use std::borrow::Cow;
use std::time::Duration;

use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;
use wa_keystore::{KeyState, StoreError};

use crate::outside::RegistryError;
use crate::progress::Stage;

/// The reason why an operation on a key set stopped. Everything that it did until then is in the store and in
/// the registry; the same command, run again, continues.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// The key store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registered key of a number cannot be read, or every upload would fail.
    #[error("the call for phone number {number} failed")]
    Registry {
        /// The number.
        number: PhoneNumberId,
        /// The cause.
        #[source]
        source: RegistryError,
    },
    /// A new key cannot be generated.
    #[error("a new key cannot be generated")]
    NewKey(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The set has no numbers.
    #[error("key set {set} has no phone numbers")]
    NoNumbers {
        /// The set.
        set: String,
    },
    /// The set has no primary key.
    #[error("key set {set} has no primary key")]
    NoPrimary {
        /// The set.
        set: String,
    },
    /// A number is not a phone number id.
    #[error("{text:?} in key set {set} is not a phone number id")]
    NumberId {
        /// The set.
        set: String,
        /// What the log has.
        text: String,
    },
    /// A number is in two sets of the store.
    #[error("phone number {number} is in two key sets: {set} and {other}")]
    TwoSets {
        /// The number.
        number: PhoneNumberId,
        /// The set.
        set: String,
        /// The other set.
        other: String,
    },
    /// A number has a key that the set does not have.
    #[error("phone number {number} has a key that is not in key set {set}: {}", key.map_or_else(|| "an \
             unreadable one".to_owned(), |key| key.short()))]
    ForeignKey {
        /// The set.
        set: String,
        /// The number.
        number: PhoneNumberId,
        /// The key, if it is readable.
        key: Option<Fingerprint>,
        /// The set of the same store that has the key.
        owner: Option<String>,
    },
    /// No instance has a record.
    #[error("no running instance has a record in the key store, so nothing is known about what it serves")]
    NoInstances,
    /// Instances do not serve the key yet.
    #[error("{} not serving key {} after {}: {}", if lagging.len() == 1 { "one instance \
             is" } else { "instances \
             are" }, key.short(), humantime::format_duration(*waited), lagging.join("; "))]
    NotServed {
        /// The key.
        key: Fingerprint,
        /// The instances, each with the reason.
        lagging: Vec<String>,
        /// How long they were waited for.
        waited: Duration,
    },
    /// The set has no endpoint.
    #[error("key set {set} has no endpoint URL to prove the key with")]
    NoEndpoint {
        /// The set.
        set: String,
    },
    /// The endpoint does not prove the key.
    #[error("{endpoint} does not serve key {} after {}: \
             {problem}", key.short(), humantime::format_duration(*waited))]
    NotProved {
        /// The endpoint.
        endpoint: String,
        /// The key.
        key: Fingerprint,
        /// The last failure.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// How long it was tried.
        waited: Duration,
    },
    /// Another key became the primary.
    #[error("key {} is no longer the primary of key set {set}: {by} promoted \
             {}", key.short(), primary.map_or_else(|| "no key".to_owned(), |key| key.short()))]
    NotPrimary {
        /// The set.
        set: String,
        /// The key that was to be uploaded.
        key: Fingerprint,
        /// The primary now.
        primary: Option<Fingerprint>,
        /// The author of the promotion.
        by: String,
    },
    /// The state of the key does not allow the operation.
    #[error("key {} is {state}, so it cannot be {action}", key.short())]
    State {
        /// The key.
        key: Fingerprint,
        /// Its state.
        state: KeyState,
        /// What was to be done.
        action: &'static str,
    },
    /// The private key may be known to others.
    #[error("key {} is compromised", key.short())]
    Compromised {
        /// The key.
        key: Fingerprint,
    },
    /// The set does not have the key.
    #[error("key set {set} has no key {key}")]
    UnknownKey {
        /// The set.
        set: String,
        /// The fingerprint, or its beginning.
        key: String,
    },
    /// Several keys begin with these digits.
    #[error("several keys of key set {set} begin with {key}")]
    AmbiguousKey {
        /// The set.
        set: String,
        /// The beginning of the fingerprint.
        key: String,
    },
    /// The key is inside its grace time.
    #[error("key {} is inside its grace time, for another \
             {}", key.short(), humantime::format_duration(*left))]
    InGrace {
        /// The key.
        key: Fingerprint,
        /// The rest of the grace time.
        left: Duration,
    },
    /// The key is registered.
    #[error("key {} is registered for phone number {number}", key.short())]
    IsRegistered {
        /// The key.
        key: Fingerprint,
        /// A number that has it.
        number: PhoneNumberId,
    },
    /// A number that AWS hosts may have the key.
    #[error("the key of {number} cannot be read, because AWS hosts the number; it may be {}", key.short())]
    External {
        /// The key.
        key: Fingerprint,
        /// A number that AWS hosts.
        number: String,
    },
    /// Requests use the key.
    #[error("a request to {instance} used key {} {} ago", key.short(), humantime::format_duration(*ago))]
    InUse {
        /// The key.
        key: Fingerprint,
        /// The instance.
        instance: String,
        /// When.
        ago: Duration,
    },
    /// The clock of this machine is wrong.
    #[error("the clock of this machine is {} {} that of Graph, so nothing is \
             written", humantime::format_duration(*by), if *is_ahead { "ahead of" } else { "behind" })]
    WrongClock {
        /// The difference.
        by: Duration,
        /// True if this machine's clock is ahead.
        is_ahead: bool,
    },
    /// Other writers were faster, again and again.
    #[error("other operators change key set {set} all the time")]
    Contended {
        /// The set.
        set: String,
    },
    /// There is no key to return to.
    #[error("key set {set} has no key to return to")]
    NothingToRollBackTo {
        /// The set.
        set: String,
    },
    /// The last promotion was a rollback, and it is complete.
    #[error("key set {set} was rolled back to {} already", key.short())]
    RolledBack {
        /// The set.
        set: String,
        /// The primary.
        key: Fingerprint,
        /// The key that was the primary before.
        from: Option<Fingerprint>,
    },
    /// A hook failed.
    #[error("the hook failed after step {stage}: {problem}")]
    Hook {
        /// The step.
        stage: Stage,
        /// What happened.
        problem: String,
    },
}

impl FleetError {
    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::Store(error) => return error.remedy(),
            Self::Registry { source, .. } => return source.remedy(),
            Self::NewKey(_) => return None,
            Self::NoNumbers { .. } => "Name the numbers with --phone-number-id; the set remembers them.",
            Self::NoPrimary { .. } => "Rotate the key set first.",
            Self::NumberId { .. } => "Remove it from the set, and add the id that the App Dashboard shows.",
            Self::TwoSets { .. } => "Remove the number from one of the sets.",
            Self::ForeignKey { owner: Some(_), .. } => {
                "Rotate that set, or replace its key with --take-over after the number was moved to this set."
            }
            Self::ForeignKey { .. } => {
                "Import its private key with `wa keys import`. If nothing serves it, replace it with \
                 --take-over."
            }
            Self::NoInstances => {
                "Start the gateway with this key store. For endpoints that do not write records, pass \
                 --no-instances: the proof by pings then stands alone."
            }
            Self::NotServed { .. } => {
                "Check that the instance runs and reads the key store, and run the same command again. If it \
                 no longer runs, pass --ignore-instance NAME."
            }
            Self::NoEndpoint { .. } => {
                "Name it with --endpoint URL; the set remembers it. Without a proof, pass --no-proof."
            }
            Self::NotProved { remedy, .. } => {
                return Some(remedy.clone().map_or_else(
                    || {
                        "Make the endpoint serve the keys of this key store, then run the same command again."
                            .into()
                    },
                    Cow::Owned,
                ));
            }
            Self::NotPrimary { .. } => {
                "Show the state of the set with `wa keys status`, and agree with the other operator."
            }
            Self::State {
                key,
                state: KeyState::Disabled | KeyState::DestroyScheduled,
                ..
            } => {
                let key = key.short();
                return Some(format!("Enable the key first with `wa keys enable {key}`.").into());
            }
            Self::State { .. } | Self::UnknownKey { .. } | Self::AmbiguousKey { .. } => {
                "Show the keys and their states with `wa keys status`."
            }
            Self::Compromised { .. } => "Rotate to a new key.",
            Self::InGrace { .. } => {
                "Wait: phones may still use the key. If its private key leaked, disable it with \
                 --compromised."
            }
            Self::IsRegistered { .. } => "Rotate first, so that the number has another key.",
            Self::External { .. } => {
                "Check the number with `aws socialmessaging get-whatsapp-business-public-key`, then pass \
                 --aws-checked."
            }
            Self::InUse { .. } => "Wait until no request has used the key for three days.",
            Self::WrongClock { .. } => "Set the clock of this machine.",
            Self::Contended { .. } => "Run the same command again when the other operators have finished.",
            Self::NothingToRollBackTo { .. } => "Name an earlier key with --to FINGERPRINT.",
            Self::RolledBack { .. } => "To return to another key, name it with --to FINGERPRINT.",
            Self::Hook { .. } => "Repair the hook, then run the same command again: it continues.",
        };
        Some(text.into())
    }
}
