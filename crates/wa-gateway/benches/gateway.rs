//! The gateway over HTTP against what the private key operation alone allows.
//!
//! The gateway runs in a process of its own, pinned to the first core; the phones and a trivial backend run
//! on the second. Exchanges per CPU-second of the gateway's process are compared with private operations per
//! CPU-second on the same core, in interleaved rounds, by medians. Everything stays on the loopback
//! interface.
//!
//! `WA_BENCH_SECONDS` sets the length of a round (2), `WA_BENCH_ROUNDS` their number (5).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program that measures, run by hand"
)]

#[path = "gateway/load.rs"]
mod load;
#[path = "gateway/process.rs"]
mod process;
#[path = "gateway/roles.rs"]
mod roles;

use load::{Load, Requests};
use process::Role;

/// The share of the raw rate that must be reached.
const AT_LEAST: f64 = 0.75;

fn main() {
    match std::env::var("WA_BENCH_ROLE").as_deref() {
        Ok("gateway") => roles::gateway(),
        Ok("raw") => roles::raw(),
        Ok("drive") => drive(),
        _ => process::drive_from_core_1(),
    }
}

fn drive() {
    let load = Load::new();
    let upstream = load.upstream();
    let mut gateway = Role::start("gateway", "0", &[("WA_BENCH_UPSTREAM", &upstream)]);
    let port = gateway.line().parse().unwrap();
    let (pings, exchanges) = (load::pings(), load::exchanges());
    load.run(port, &exchanges, roles::round() / 2);

    let (mut of_pings, mut of_exchanges) = (Vec::new(), Vec::new());
    for _ in 0..process::rounds() {
        let raw = raw_per_cpu_second();
        let ping = per_cpu_second(&load, &gateway, port, &pings);
        let exchange = per_cpu_second(&load, &gateway, port, &exchanges);
        let raw_after = raw_per_cpu_second();
        let mean = f64::midpoint(raw, raw_after);
        of_pings.push(ping / mean);
        of_exchanges.push(exchange / mean);
        println!(
            "  raw {raw:.0} {raw_after:.0}, ping {ping:.0}, 1 KB with upstream {exchange:.0} per CPU-second"
        );
    }
    println!("ping answered by the gateway / raw: {:.3}", median(of_pings));
    let ratio = median(of_exchanges);
    let verdict = if ratio >= AT_LEAST { "met" } else { "MISSED" };
    println!("1 KB exchange with upstream / raw: {ratio:.3} (≥ {AT_LEAST}: {verdict})");
}

fn raw_per_cpu_second() -> f64 {
    Role::start("raw", "0", &[]).line().parse().unwrap()
}

fn per_cpu_second(load: &Load, gateway: &Role, port: u16, requests: &Requests) -> f64 {
    let before = gateway.cpu_seconds();
    let answered = load.run(port, requests, roles::round());
    f64::from(answered) / (gateway.cpu_seconds() - before)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
