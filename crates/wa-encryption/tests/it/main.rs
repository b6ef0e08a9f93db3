//! The Encryption API, call by call against a mock and journey by journey against the emulator.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod calls;
mod canary;
mod errors;
mod faults;
mod journeys;
mod support;
