//! The conformance check against a correct endpoint, and against endpoints with one fault each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod canary;
mod correct;
mod endpoint;
mod fault;
mod faults;
mod field;
mod python;
mod signature;
