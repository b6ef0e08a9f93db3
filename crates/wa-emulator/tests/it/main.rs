//! The emulator over real sockets, tested with an independent client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod authority;
mod canary;
mod client;
mod control;
mod curl;
mod encodings;
mod errors;
mod faults;
mod key_endpoint;
mod lifecycle;
mod limits;
mod log;
mod paging;
mod robust;
