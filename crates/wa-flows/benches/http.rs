//! Compares the throughput of the endpoint over HTTP with that of the private key operation alone.
//!
//! A server process is pinned to one core, and the load runs on the other. Exchanges per CPU-second of the
//! server are compared with private key operations per CPU-second on the same core, in interleaved rounds, by
//! their medians. Then latency at 70 % load, overload, memory and two cores are measured. All traffic stays
//! on the loopback interface.
//!
//! `WA_BENCH_SECONDS` sets the length of a round (default 2), `WA_BENCH_ROUNDS` their number (default 5).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark, run manually"
)]

#[path = "http/load.rs"]
mod load;
#[path = "http/phases.rs"]
mod phases;
#[path = "http/process.rs"]
mod process;
#[path = "http/server.rs"]
mod server;

fn main() {
    let role = std::env::var("WA_BENCH_ROLE").unwrap_or_default();
    match role.split_once(' ').unwrap_or((&role, "")) {
        ("serve", cores) => server::serve(cores.parse().unwrap()),
        ("raw", _) => server::raw(),
        ("queue", rate) => server::queue(rate.parse().unwrap()),
        ("drive", _) => phases::run(),
        _ => process::drive_from_core_1(),
    }
}
