//! What is fuzzed: every place that reads what someone else wrote.
//!
//! A target takes any bytes. It panics if a promise is broken: an input that panics inside the crates, a key that does not
//! survive being written and read, an endpoint that answers 500. Each runs on stable with random changes of its seeds
//! (`cargo xtask fuzz --smoke`), and for as long as one likes under libFuzzer with nightly (`cargo xtask fuzz NAME`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a target reports by a panic"
)]

mod emulator;
mod flows;
mod gateway;
mod graph;
mod keys;
mod local;

/// A target with its name and its seeds.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its folder in `fuzz/corpus` and of its program in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Runs it on one input.
    pub run: fn(&[u8]),
    /// Folders with further seeds, from the root of the workspace.
    pub seeds: &'static [&'static str],
}

/// The test keys of `wa-keys`, good and bad.
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

/// Runs a target by its name; for the programs of libFuzzer.
///
/// # Panics
/// If there is no such target, or if the target finds something.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("no such target").run)(data);
}
