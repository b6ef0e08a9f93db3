//! What is measured, in which order, and what it is compared with.

use std::time::Duration;

use crate::load::{Requests, Waiting, closed_loop, exchanges, hold_open, open_loop, pings};
use crate::process::{Role, move_to};
use crate::server::round;

const CONNECTIONS: usize = 16;

pub(crate) fn run() {
    let (pings, exchanges) = (pings(), exchanges());
    let mut server = Role::start("serve", "0");
    let port = server.line().parse().unwrap();
    closed_loop(
        port,
        &pings,
        CONNECTIONS,
        Duration::from_millis(500),
        Waiting::Spinning,
    );

    ratios(&server, port, &pings, &exchanges);
    let peak = median(
        (0..3)
            .map(|_| closed_loop(port, &exchanges, CONNECTIONS, round(), Waiting::Spinning).rate())
            .collect(),
    );
    println!("peak on one core: {peak:.0} exchanges/s");
    latency(port, &exchanges, peak);
    overload(port, &exchanges, peak);
    memory(&server, port, &pings);
    drop(server);
    two_cores(&exchanges);
}

/// Exchanges against private operations, both per CPU-second on the same core.
fn ratios(server: &Role, port: u16, pings: &Requests, exchanges: &Requests) {
    let rounds = std::env::var("WA_BENCH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5);
    let (mut raws, mut of_pings, mut of_exchanges) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let raw = || Role::start("raw", "0").line().parse::<f64>().unwrap();
        let before = raw();
        let ping = per_cpu_second(server, port, pings);
        let between = raw();
        let exchange = per_cpu_second(server, port, exchanges);
        raws.extend([before, between]);
        of_pings.push(ping / before);
        of_exchanges.push(exchange / between);
        println!("  raw {before:.0} {between:.0}, ping {ping:.0}, 1 KB {exchange:.0} per CPU-second");
    }
    println!("raw private operations: {:.0} per CPU-second", median(raws));
    verdict("ping / raw", median(of_pings), 0.92, true);
    verdict("1 KB exchange / raw", median(of_exchanges), 0.92, true);
}

fn per_cpu_second(server: &Role, port: u16, requests: &Requests) -> f64 {
    let before = server.cpu_seconds();
    let outcome = closed_loop(port, requests, CONNECTIONS, round(), Waiting::Spinning);
    assert_eq!(outcome.count(200), outcome.exchanges.len(), "all are answered");
    outcome.count(200) as f64 / (server.cpu_seconds() - before)
}

fn latency(port: u16, requests: &Requests, peak: f64) {
    let outcome = open_loop(port, requests, peak * 0.7, round() * 3);
    let shed = outcome.exchanges.len() - outcome.count(200);
    let (p50, p90) = (outcome.percentile(200, 0.5), outcome.percentile(200, 0.9));
    println!("at 70 % load: p50 {p50:.2} ms, p90 {p90:.2} ms, {shed} shed");
    verdict("p99 at 70 % load, ms", outcome.percentile(200, 0.99), 8.0, false);
}

fn overload(port: u16, requests: &Requests, peak: f64) {
    let outcome = open_loop(port, requests, peak * 2.0, round() * 3);
    println!(
        "at 200 % load: {} answered, {} shed, answered p99 {:.1} ms",
        outcome.count(200),
        outcome.count(503),
        outcome.percentile(200, 0.99)
    );
    verdict("slowest 503, ms", outcome.percentile(503, 1.0), 50.0, false);
    verdict("answered / peak", outcome.rate() / peak, 0.9, true);
}

fn memory(server: &Role, port: u16, requests: &Requests) {
    let megabytes = hold_open(port, requests, 1000, || server.memory());
    verdict("memory with 1,000 connections, MB", megabytes, 50.0, false);
}

/// One core and two by turns. The load has no core of its own in the second, so it sleeps while it waits; what it costs
/// still comes off the second core.
fn two_cores(requests: &Requests) {
    let mut of_two = Vec::new();
    for _ in 0..3 {
        move_to("1");
        let one = {
            let mut server = Role::start("serve", "0");
            closed_loop(
                server.line().parse().unwrap(),
                requests,
                CONNECTIONS,
                round(),
                Waiting::Sleeping,
            )
            .rate()
        };
        move_to("0,1");
        let two = {
            let mut server = Role::start("serve2", "0,1");
            closed_loop(
                server.line().parse().unwrap(),
                requests,
                CONNECTIONS,
                round(),
                Waiting::Sleeping,
            )
            .rate()
        };
        println!("  one core {one:.0}, two cores {two:.0} exchanges/s");
        of_two.push(two / one);
    }
    verdict("two cores / one core", median(of_two), 1.8, true);
}

fn verdict(what: &str, value: f64, limit: f64, at_least: bool) {
    let met = if at_least { value >= limit } else { value <= limit };
    let (sign, word) = (
        if at_least { "≥" } else { "≤" },
        if met { "met" } else { "MISSED" },
    );
    println!("{what}: {value:.3} ({sign} {limit}: {word})");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
