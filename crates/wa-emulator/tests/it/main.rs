//! The emulator over real sockets, tested with an independent client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod authority;
mod client;
mod control;
mod curl;
mod encodings;
mod endpoint;
mod errors;
mod faults;
mod key_endpoint;
mod lifecycle;
mod limits;
mod log;
mod paging;
mod phone;
mod phone_keys;
mod phone_responses;
mod robust;
