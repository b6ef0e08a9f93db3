//! Operations on key sets, against the Meta emulator and an endpoint that serves from the key store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unchecked_time_subtraction,
    reason = "tests"
)]

mod doctor;
mod fake;
mod journeys;
mod many;
mod rules;
mod support;
