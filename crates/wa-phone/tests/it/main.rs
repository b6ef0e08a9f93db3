//! The phone against endpoints with one fault each and the emulator, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod canary;
mod conformance;
mod endpoint;
mod phone;
mod phone_keys;
mod phone_responses;

/// Starts an emulator with the default objects.
async fn started() -> wa_emulator::Emulator {
    wa_emulator::Emulator::builder().start().await.unwrap()
}
