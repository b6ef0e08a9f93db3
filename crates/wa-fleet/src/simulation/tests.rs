//! Seeds without a violation, and a violation for every rule that is switched off.

use std::time::Instant;

use super::operators::Command;
use super::scheduler::Simulation;
use super::world::DAY;
use crate::rules::Rule;

const STEPS: usize = 300;
/// Seeds in which a violation is searched.
const MOST: u64 = 3000;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// Runs a seed; returns the violation and the trace.
fn run(seed: u64, off: Option<Rule>) -> (Option<String>, Vec<(u64, String)>) {
    runtime().block_on(async {
        let mut simulation = Simulation::new(seed, off, false);
        let violation = simulation.run(STEPS).await;
        let trace = simulation.world.lock().trace.clone();
        (violation, trace)
    })
}

fn print(trace: &[(u64, String)]) {
    for (at, text) in trace {
        let (days, rest) = (at / DAY, at % DAY);
        println!("{days:>4}d {:>7}.{:03}s  {text}", rest / 1000, rest % 1000);
    }
}

/// The seeds to run: a number of them, or a range such as `5000..10000`.
fn seeds() -> std::ops::Range<u64> {
    let text = std::env::var("WA_SIMULATION_SEEDS").unwrap_or_else(|_| "200".to_owned());
    let (first, end) = text.split_once("..").unwrap_or(("0", &text));
    first.parse().unwrap()..end.parse().unwrap()
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
    for seed in seeds() {
        let (violation, trace) = run(seed, None);
        if let Some(violation) = violation {
            print(&trace);
            panic!("seed {seed}: {violation}");
        }
    }
    println!("seeds {:?} without a violation in {:?}", seeds(), start.elapsed());
}

#[test]
fn a_seed_reproduces() {
    for seed in [3, 4] {
        let (first, second) = (run(seed, None), run(seed, None));
        assert_eq!(first.1, second.1, "seed {seed}");
    }
}

/// Rules whose violation needs an order of steps that random runs rarely find; a scenario shows it.
#[test]
fn a_rare_order_violates_an_invariant_only_without_its_rule() {
    for (at, (rule, what)) in super::scenes::SCENES.iter().enumerate() {
        let with = runtime().block_on(super::scenes::play(at, None));
        if with.violation.is_some() {
            print(&with.trace);
            panic!("{what}, with {}: {:?}", rule.label(), with.violation);
        }
        let without = runtime().block_on(super::scenes::play(at, Some(*rule)));
        println!("without {:<20} {what}: {:?}", rule.label(), without.violation);
        if without.violation.is_none() {
            print(&without.trace);
            panic!("{what}: no violation without {}", rule.label());
        }
    }
}

/// Rules whose violation random runs find, each with a seed that found one. If the code has changed since,
/// others are tried.
const FOUND: [(Rule, u64); 7] = [
    (Rule::IntentFirst, 214),
    (Rule::NumbersInLog, 257),
    (Rule::StoreClock, 305),
    (Rule::GraceLastSeen, 208),
    (Rule::DisableGrace, 327),
    (Rule::RollbackServes, 157),
    (Rule::Join, 1525),
];

#[test]
fn a_seed_violates_an_invariant_without_a_rule() {
    for (rule, known) in FOUND {
        let violation = |seed| run(seed, Some(rule)).0.map(|violation| (seed, violation));
        let found = violation(known).or_else(|| (0..MOST).find_map(violation));
        println!("without {:<20} {found:?}", rule.label());
        assert!(
            found.is_some(),
            "no violation without {} in {MOST} seeds",
            rule.label()
        );
    }
}

/// A process that is killed between any two calls leaves nothing that the same command does not continue.
#[test]
fn a_rotation_that_is_killed_at_any_call_is_continued_by_the_next() {
    for steps in 0..200 {
        let mut simulation = Simulation::new(11, None, true);
        let keys = runtime().block_on(async {
            simulation.start(0, Command::Rotate, 0);
            for _ in 0..steps {
                simulation.step(0).await;
                simulation.check();
            }
            simulation.operators[0].kill();
            simulation.start(0, Command::Rotate, 0);
            simulation.finish(0).await;
            simulation.check_end();
            assert_eq!(
                simulation.world.lock().violation,
                None,
                "killed after {steps} calls"
            );
            simulation.log().keys().len()
        });
        assert_eq!(keys, 3, "killed after {steps} calls: one new key");
    }
}

#[test]
fn every_rule_is_shown_to_be_needed() {
    let shown = FOUND
        .iter()
        .map(|(rule, _)| *rule)
        .chain(super::scenes::SCENES.map(|(rule, _)| rule));
    let shown: Vec<Rule> = shown.collect();
    assert!(Rule::ALL.iter().all(|rule| shown.contains(rule)));
}
