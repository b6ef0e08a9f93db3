//! Fuzz targets for every parser of untrusted input.
//!
//! A target accepts any bytes, and panics if an invariant is violated: a crate panics, a key changes when
//! it is written and read again, an endpoint responds with 500. On stable, targets run on random mutations
//! of their seeds (`cargo xtask fuzz --smoke`); with nightly, they run under libFuzzer without a time limit
//! (`cargo xtask fuzz NAME`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a target reports by panicking"
)]

mod emulator;
mod flows;
mod gateway;
mod graph;
mod keys;
mod local;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of the target, of its directory in `fuzz/corpus` and of its program in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Runs the target on one input.
    pub run: fn(&[u8]),
    /// Further directories with seeds, relative to the root of the workspace.
    pub seeds: &'static [&'static str],
}

/// The test keys of `wa-keys`, valid and invalid.
const KEYS: &[&str] = &["crates/wa-keys/tests/data"];

/// All targets.
pub const TARGETS: &[Target] = &[
    target("key", keys::key, KEYS),
    target("inspect", keys::inspect, KEYS),
    target("envelope", flows::envelope, &[]),
    target("request", flows::request, &[]),
    target("signature", flows::signature, &[]),
    target("flow_token", flows::flow_token, &[]),
    target("media", flows::media, &[]),
    target("graph", graph::response, &[]),
    target("emulator", emulator::upload, &[]),
    target("gateway_config", gateway::config, &[]),
    target("secret_file", gateway::secret_file, &[]),
];

const fn target(name: &'static str, run: fn(&[u8]), seeds: &'static [&'static str]) -> Target {
    Target { name, run, seeds }
}

/// Runs the target `name` on one input. The libFuzzer programs call it.
///
/// # Panics
///
/// If no target has that name, or if the target finds a fault.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("no such target").run)(data);
}
