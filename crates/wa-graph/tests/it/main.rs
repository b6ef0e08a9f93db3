//! The client against servers that behave well, badly, and not at all.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod calls;
mod client;
mod encoding;
mod node_kind;
mod pacing;
mod paging;
mod retry;
mod support;
mod tls;
mod transport;
