//! A deterministic simulation: the real operations and the real key store, in a random order with faults.
//!
//! Operators run rotations, rollbacks, repairs and so on as tasks. A task stops at each call to the outside
//! (store, registry, endpoint, clock), and the scheduler decides with a seeded generator which call goes on,
//! how much time passes, what fails, and which task is killed. Instances poll the store, may lag, be cut off
//! or killed; phones keep a key for two days. Invariants are checked after every step. A seed is one run, and
//! reproduces.
//!
//! `WA_SIMULATION_SEEDS=10000 cargo test -p wa-fleet simulation -- --nocapture` runs more seeds than the
//! default;
//! `WA_SIMULATION_SEED=7` prints the trace of one, and `WA_SIMULATION_OFF=guard` switches a rule off in it.

mod backend;
mod check;
mod instance;
mod operators;
mod outside;
mod prepare;
mod scenes;
mod scheduler;
mod tests;
mod world;
