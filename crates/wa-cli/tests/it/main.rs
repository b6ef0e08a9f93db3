//! Tests of the program, in one binary: each module starts `wa` as a process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

#[cfg(unix)]
mod advice;
mod doctor;
mod encryption;
mod fleet;
mod flow;
#[cfg(unix)]
mod gateway;
mod generate;
mod input;
mod key_store;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod many_numbers;
mod media;
mod program;
#[cfg(unix)]
mod rotate_commands;
mod rotation;
#[cfg(unix)]
mod secrets;
mod set_endpoint;
mod support;
mod transcripts;
