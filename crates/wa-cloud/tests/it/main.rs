//! The facade and its examples, against the emulator.

#![allow(clippy::unwrap_used, reason = "tests")]

mod canary;
mod examples;
mod facade;
#[cfg(feature = "keystore")]
mod follow;
