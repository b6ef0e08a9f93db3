//! Key sets in a key store: several writers, faults of the store, and what an event implies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod faults;
mod follower;
mod life;
mod records;
mod support;
mod writers;
