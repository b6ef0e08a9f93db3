//! Key sets in a key store: several writers, faults of the store, and what an event implies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod canary;
mod conformance;
mod disk;
mod faults;
mod follower;
mod integrity;
mod life;
mod records;
mod roles;
#[cfg(any(feature = "s3", feature = "azure"))]
mod servers;
mod support;
mod writers;
