//! The endpoint, its key ring and its replay protection, with the client side and with requests of others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod canary;
mod endpoint;
mod field;
mod load;
mod log;
#[cfg(all(feature = "media", feature = "fixtures"))]
mod media;
mod refresh;
mod replay;
mod ring;
mod support;
