//! The conformance check against endpoints that are right, and wrong in one way each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod canary;
mod endpoint;
mod fault;
mod faults;
mod field;
mod python;
mod right;
mod signature;
