//! The measurements, in their order, and the limits that they are compared with.

use std::time::{Duration, Instant};

use crate::load::{
    Requests, Waiting, arrivals, closed_loop, exchanges, hold_open, open_loop, percentile, pings,
};
use crate::process::{Role, cpu_seconds, move_to};
use crate::server::{round, rounds};

const CONNECTIONS: usize = 16;

pub(crate) fn run() {
    let (pings, exchanges) = (pings(), exchanges());
    let mut server = Role::start("serve 1", "0");
    let port = server.line().parse().unwrap();
    closed_loop(
        port,
        &pings,
        CONNECTIONS,
        Duration::from_millis(500),
        Waiting::Spinning,
    );

    ratios(&server, port, &pings, &exchanges);
    loads(&server, port, &exchanges);
    memory(&server, port, &pings);
    drop(server);
    two_cores(&exchanges);
}

/// Compares exchanges with private key operations, both per CPU-second on the same core.
fn ratios(server: &Role, port: u16, pings: &Requests, exchanges: &Requests) {
    let (mut raws, mut of_pings, mut of_exchanges) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds() {
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

/// Measures in turns the peak rate, the latency at 70 % of it, and the rate of responses at 200 %.
///
/// The latency is compared with that of private key operations that are due at the same times on the same
/// core and wait only for each other, and with the computed latency of a queue with the same CPU time per
/// exchange, which no server on this core can undercut.
fn loads(server: &Role, port: u16, requests: &Requests) {
    let (mut p99s, mut of_operations, mut slowest, mut of_peak) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds() {
        let peak = closed_loop(port, requests, CONNECTIONS, round(), Waiting::Spinning).rate();
        let rate = peak * 0.7;
        let alone: f64 = Role::start(&format!("queue {rate}"), "0").line().parse().unwrap();

        let cpu = server.cpu_seconds();
        let at_70 = open_loop(port, requests, rate, round());
        let cpu = (server.cpu_seconds() - cpu) / at_70.exchanges.len() as f64 * 1e3;
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| at_70.percentile(200, share));
        println!(
            "  peak {peak:.0}/s; at 70 %: p50 {p50:.2}, p90 {p90:.2}, p99 {p99:.2} ms, {} shed, \
             {cpu:.3} ms of CPU each (p99 of operations alone {alone:.2} ms, computed {:.2} ms)",
            at_70.count(503),
            queued_p99(rate, cpu)
        );
        p99s.push(p99);
        of_operations.push(p99 / alone);

        let at_200 = open_loop(port, requests, peak * 2.0, round());
        let (answered, shed) = (at_200.count(200), at_200.count(503));
        let p99 = at_200.percentile(200, 0.99);
        println!("  at 200 %: {answered} answered, p99 {p99:.1} ms; {shed} shed");
        assert_eq!(answered + shed, at_200.exchanges.len());
        slowest.push(at_200.percentile(503, 1.0));
        of_peak.push(at_200.rate() / peak);
    }
    println!(
        "p99 at 70 % load / p99 of operations alone: {:.2}",
        median(of_operations)
    );
    verdict("p99 at 70 % load, ms", median(p99s), 8.0, false);
    verdict(
        "slowest 503, ms",
        slowest.into_iter().fold(0.0, f64::max),
        50.0,
        false,
    );
    verdict("answered at 200 % load / peak", median(of_peak), 0.9, true);
}

/// Returns the 99th percentile of the latency in milliseconds if each exchange takes the same time and waits
/// for those before it.
fn queued_p99(rate: f64, each: f64) -> f64 {
    let started = Instant::now();
    let each = Duration::from_secs_f64(each / 1e3);
    let mut free = started;
    let mut latencies: Vec<_> = arrivals(started, rate)
        .take(100_000)
        .map(|due| {
            free = free.max(due) + each;
            free - due
        })
        .collect();
    percentile(&mut latencies, 0.99)
}

fn memory(server: &Role, port: u16, requests: &Requests) {
    let megabytes = hold_open(port, requests, 1000, || server.memory());
    verdict("memory with 1,000 connections, MB", megabytes, 50.0, false);
}

/// Measures one core and two cores in turns.
///
/// With two cores the load has no core of its own: it sleeps while it waits, and the CPU time that it still
/// needs reduces the rate. So the rate per CPU-second of the server is compared, and the CPU shares of server
/// and load show whether the server waited for anything else.
fn two_cores(requests: &Requests) {
    let (mut of_rate, mut of_cpu) = (Vec::new(), Vec::new());
    for _ in 0..rounds() {
        let one = on_cores(1, "0", "1", requests);
        let two = on_cores(2, "0,1", "0,1", requests);
        println!(
            "  one core {:.0}/s, two cores {:.0}/s with {:.2} cores for the server and {:.2} for the load",
            one.rate, two.rate, two.server, two.load
        );
        of_rate.push(two.rate / one.rate);
        of_cpu.push(2.0 * (two.rate / two.server) / (one.rate / one.server));
    }
    println!("two cores / one core by the clock: {:.3}", median(of_rate));
    verdict("two cores / one core per CPU-second", median(of_cpu), 1.8, true);
}

/// A rate, and the number of cores that server and load kept busy.
struct Scale {
    rate: f64,
    server: f64,
    load: f64,
}

fn on_cores(count: usize, cores: &str, load_cores: &str, requests: &Requests) -> Scale {
    move_to(load_cores);
    let mut server = Role::start(&format!("serve {count}"), cores);
    let port = server.line().parse().unwrap();
    let (of_server, of_load) = (server.cpu_seconds(), cpu_seconds("self"));
    let outcome = closed_loop(port, requests, CONNECTIONS, round(), Waiting::Sleeping);
    let lasted = outcome.lasted.as_secs_f64();
    Scale {
        rate: outcome.rate(),
        server: (server.cpu_seconds() - of_server) / lasted,
        load: (cpu_seconds("self") - of_load) / lasted,
    }
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
