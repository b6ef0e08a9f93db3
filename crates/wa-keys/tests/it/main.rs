//! Parsing, inspecting, generating and storing keys, with the files of other programs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests"
)]

mod canary;
mod damage;
#[cfg(unix)]
mod files;
mod forgiving;
#[cfg(feature = "generate")]
mod generate;
mod hostile;
mod inspect;
mod interop;
mod matrix;
mod refusals;
mod robustness;
mod support;
mod weak;
