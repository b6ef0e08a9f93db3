//! Operations on a key set, made of steps.

mod collect;
mod disable;
mod plan;
mod repair;
mod rollback;
mod rotate;

pub use collect::Collected;
pub use disable::DisableOptions;
pub use repair::RepairOptions;
pub use rollback::RollbackOptions;
pub use rotate::RotateOptions;
