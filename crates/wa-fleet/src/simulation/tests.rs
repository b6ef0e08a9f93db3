//! Seeds without a violation, and a violation for every rule that is switched off.

use std::time::Instant;

use super::scheduler::Simulation;
use crate::rules::Rule;

const STEPS: usize = 300;

/// Runs a seed; returns the violation and the trace.
fn run(seed: u64, off: Option<Rule>) -> (Option<String>, Vec<(u64, String)>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut simulation = Simulation::new(seed, off, false);
        let violation = simulation.run(STEPS).await;
        let trace = simulation.world.lock().trace.clone();
        (violation, trace)
    })
}

fn print(trace: &[(u64, String)]) {
    for (at, text) in trace {
        println!(
            "{:>4}d {:>8.1}s  {text}",
            at / super::world::DAY,
            (at % super::world::DAY) as f64 / 1000.0
        );
    }
}

fn seeds() -> u64 {
    std::env::var("WA_SIMULATION_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200)
}

#[test]
fn no_seed_violates_an_invariant() {
    if let Some(seed) = std::env::var("WA_SIMULATION_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
    {
        let off = std::env::var("WA_SIMULATION_OFF").ok().map(|name| {
            *Rule::ALL
                .iter()
                .find(|rule| rule.label() == name)
                .expect("a rule")
        });
        let (violation, trace) = run(seed, off);
        print(&trace);
        println!("seed {seed}: {violation:?}");
        return;
    }
    let start = Instant::now();
    for seed in 0..seeds() {
        let (violation, trace) = run(seed, None);
        if let Some(violation) = violation {
            print(&trace);
            panic!("seed {seed}: {violation}");
        }
    }
    println!("{} seeds without a violation in {:?}", seeds(), start.elapsed());
}

#[test]
fn a_seed_reproduces() {
    let key = |trace: Vec<(u64, String)>| trace;
    for seed in [3, 4] {
        let (first, second) = (run(seed, None), run(seed, None));
        assert_eq!(key(first.1), key(second.1), "seed {seed}");
    }
}

#[test]
#[ignore = "searches long"]
fn search() {
    let most: u64 = std::env::var("WA_SIMULATION_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2000);
    for rule in Rule::ALL {
        let start = Instant::now();
        let found = (0..most).find_map(|seed| run(seed, Some(*rule)).0.map(|violation| (seed, violation)));
        println!("{:<22} {found:?} {:?}", rule.label(), start.elapsed());
    }
}
