//! Many numbers: what they are, which keys they have, what to upload, and doing it.

mod apply;
mod audit;
mod config;
mod connect;
mod finding;
mod inventory;
mod plan;
mod stop;
mod view;
mod watch;
mod waves;

pub use apply::{ApplyEvent, ApplyReport, ItemOutcome, ItemReport};
pub use audit::AuditSummary;
pub use config::{
    AccountConfig, ConfigError, FilterConfig, FleetConfig, GraphConfig, InventoryConfig, SecretConfig,
    StoreConfig, WatchConfig,
};
pub use connect::{ConnectError, ConnectOptions, Fleet, FleetClients, WaitObserver, app_secret_of_account};
pub use finding::{Finding, Reason};
pub use inventory::{Inventory, InventoryError, InventoryNumber, NumberFilter};
pub use plan::{Plan, PlanError, PlanItem, RepairPolicy, UnknownPolicy};
pub use stop::Stop;
pub use view::StoreView;
pub use watch::{Breaker, Healer, Metrics, Watch, WatchChange, next_audit, post_changes};
pub use waves::{SetReport, WaveOptions, WaveReport, WaveSet};
