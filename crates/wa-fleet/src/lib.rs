//! Keys of many phone numbers over their whole life, without an outage.
//!
//! A rotation stores a new key, waits until every instance serves it, proves it by pings to the endpoint,
//! promotes it, uploads it to the numbers, reads it back, and retires keys that are no longer used. State is
//! in the key store and in the Graph API, so every operation can be interrupted anywhere and run again.
//!
//! - [`SetOperator`] runs operations on one key set: [`rotate`](SetOperator::rotate),
//!   [`roll_back`](SetOperator::roll_back), [`repair`](SetOperator::repair),
//!   [`disable`](SetOperator::disable), [`enable`](SetOperator::enable),
//!   [`collect_garbage`](SetOperator::collect_garbage).
//! - [`Fleet`] works on many numbers: [`audit`](Fleet::audit), [`apply`](Fleet::apply) of a [`Plan`],
//!   [`rotate`](Fleet::rotate) in waves. [`FleetConfig`] is `fleet.toml`, [`Inventory`] the numbers;
//!   [`Watch`] and [`Healer`] compare repeated audits and decide on repairs.
//! - [`Doctor`] examines one number in depth, and returns a [`Diagnosis`]: evidence and remedies, the first
//!   cause first.
//! - [`Progress`] is what it reports meanwhile, [`RotationReport`] and [`RotationPlan`] what it did and would
//!   do; all are values with serde.
//! - [`Registry`], [`Prober`], [`KeySource`] and [`Clock`] are what it needs of the outside;
//!   [`GraphRegistry`], [`HttpProber`], [`GeneratedKeys`] and [`SystemClock`] are real.

mod aws;
mod doctor;
mod error;
mod fleet;
mod hook;
mod operations;
mod operator;
mod outside;
mod policy;
mod progress;
mod report;
mod rules;
mod steps;
mod text;
mod timekeeper;

#[cfg(test)]
mod simulation;

pub use aws::{aws_command, is_external};
pub use doctor::{
    Check, CheckResult, Diagnosis, Doctor, LocalFile, LocalKeys, ProbeError, StoredKey, StoredSet, Verdict,
};
pub use error::FleetError;
pub use fleet::{
    AccountConfig, ApplyEvent, ApplyReport, AuditSummary, Breaker, ConfigError, ConnectError, ConnectOptions,
    FilterConfig, Finding, Fleet, FleetClients, FleetConfig, GraphConfig, Healer, Inventory, InventoryConfig,
    InventoryError, InventoryNumber, ItemOutcome, ItemReport, Metrics, NumberFilter, Plan, PlanError,
    PlanItem, Reason, RepairPolicy, SecretConfig, SetReport, Stop, StoreConfig, StoreView, UnknownPolicy,
    WaitObserver, Watch, WatchChange, WatchConfig, WaveOptions, WaveReport, WaveSet, app_secret_of_account,
    next_audit, post_changes,
};
pub use hook::{CommandHook, Hook, StepContext};
pub use operations::{Collected, DisableOptions, RepairOptions, RollbackOptions, RotateOptions};
pub use operator::{Safeguards, SetOperator};
pub use outside::{
    Clock, Effect, GeneratedKeys, GraphRegistry, HttpProber, KeySource, Pong, Prober, ProberError,
    Registered, RegisteredKey, Registry, RegistryError, SystemClock,
};
pub use policy::Policy;
pub use progress::{Progress, Stage};
pub use report::{Decision, Kept, NumberReport, Outcome, PlannedNumber, RotationPlan, RotationReport};
