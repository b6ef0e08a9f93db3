//! The emulator over real sockets, tested with an independent client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod authority;
mod canary;
mod client;
mod consistency;
mod control;
mod curl;
mod encodings;
mod errors;
mod faults;
mod flows;
mod key_endpoint;
mod lifecycle;
mod limits;
mod log;
mod paging;
mod robust;
mod scale;
