//! Whole journeys through a running gateway.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    reason = "tests"
)]

mod admin;
mod attack;
mod canary;
mod config;
mod conformance;
mod connections;
mod drain;
mod exchange;
mod key_store;
mod keys;
mod reload;
mod replay;
mod support;
mod tls;
mod upstream;
