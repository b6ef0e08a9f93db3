//! Fixed scenarios for rare orders of steps. Each violates an invariant without its rule, and none with it.

use futures_util::FutureExt as _;
use wa_keystore::{Change, Clock as StoreClock};

use super::instance::{Poll, open, write};
use super::operators::Command;
use super::scheduler::Simulation;
use super::world::{DAY, SET, World};
use crate::rules::Rule;

const A: usize = 0;
const B: usize = 1;

/// The scenarios, each with the rule that it needs.
pub(super) const SCENES: [(Rule, &str); 8] = [
    (Rule::Guard, "an upload that was decided nine days ago"),
    (
        Rule::AckHead,
        "a record from before the key was disabled and enabled",
    ),
    (
        Rule::ProveAgain,
        "a key that is disabled and enabled between proof and promotion",
    ),
    (
        Rule::ReadBeforeAudit,
        "a key that is found registered while it is retired",
    ),
    (
        Rule::DestroyEventFirst,
        "a rollback to a key while its private half is deleted",
    ),
    (Rule::NeverGoBack, "a store that is restored from an older backup"),
    (Rule::AckBlock, "an instance that lost the store and still serves"),
    (
        Rule::AckBlock,
        "an instance that lost the store, with a clock that is slow",
    ),
];

/// What a scenario led to.
pub(super) struct Played {
    pub(super) violation: Option<String>,
    pub(super) trace: Vec<(u64, String)>,
}

/// Plays a scenario.
pub(super) async fn play(at: usize, off: Option<Rule>) -> Played {
    let mut simulation = Simulation::new(7, off, true);
    match at {
        0 => sleeping_upload(&mut simulation, off.is_some()).await,
        1 => old_record(&mut simulation).await,
        2 => disabled_and_enabled(&mut simulation).await,
        3 => retired_while_replaced(&mut simulation).await,
        4 => collected_during_a_rollback(&mut simulation).await,
        5 => older_backup(&mut simulation).await,
        6 => lost_store(&mut simulation, 0).await,
        _ => lost_store(&mut simulation, -600_000).await,
    }
    // Instances follow what was written.
    simulation.advance(20_000);
    simulation.check();
    let state = simulation.world.lock();
    Played {
        violation: state.violation.clone(),
        trace: state.trace.clone(),
    }
}

impl Simulation {
    /// Runs a command to its end.
    async fn go(&mut self, at: usize, command: Command) {
        self.start(at, command, 1);
        self.finish(at).await;
    }

    pub(super) async fn finish(&mut self, at: usize) {
        for _ in 0..400 {
            self.step(at).await;
            self.check();
        }
        assert!(!self.operators[at].is_busy(), "a command does not end");
    }

    /// Runs a command until it has stopped at a call for the given time, which does not go on.
    async fn until(&mut self, at: usize, call: &str, times: usize) {
        let mut seen = Vec::new();
        for _ in 0..400 {
            let ids: Vec<u64> = {
                let state = self.world.lock();
                let matching = state.calls.iter().filter(|pending| pending.actor == at);
                matching
                    .filter(|pending| pending.what.contains(call))
                    .map(|pending| pending.id)
                    .collect()
            };
            for id in ids {
                if !seen.contains(&id) {
                    seen.push(id);
                }
            }
            if seen.len() >= times {
                return;
            }
            self.step(at).await;
            self.check();
        }
        panic!("the command never came to {call:?}");
    }
}

/// A repair decides to upload K1 and sleeps; K1 is replaced and retired meanwhile.
async fn sleeping_upload(simulation: &mut Simulation, unguarded: bool) {
    simulation.world.lock().numbers[1].mismatch = true;
    simulation.start(A, Command::Apply, 0);
    if unguarded {
        simulation.until(A, "sleep", 1).await;
    } else {
        simulation.until(A, "read number 2", 2).await;
    }
    simulation.go(B, Command::Rotate).await;
    simulation.advance(9 * DAY);
    simulation.go(B, Command::Retire).await;
    simulation.advance(3 * DAY);
    simulation.finish(A).await;
}

/// K1 is disabled and enabled again; the record of g2 is from before, because it could not write a later one.
async fn old_record(simulation: &mut Simulation) {
    simulation.go(A, Command::Rotate).await;
    simulation.advance(8 * DAY);
    let world = simulation.world.clone();
    let before = open(&world, None).records().now_or_never().unwrap().unwrap();
    let before = before.into_iter().find(|record| record.instance == "g2").unwrap();
    simulation.go(A, Command::Retire).await;
    simulation.instances[1].poll(&world, Poll::Start);
    write(&world, &before);
    simulation.instances[1].is_cut_off = true;
    simulation.go(A, Command::Enable).await;
    simulation.instances[0].poll(&world, Poll::Start);
    // The balancer sends every ping to g1.
    simulation.only_pinged = Some(0);
    simulation.go(A, Command::RollBack).await;
}

/// The pending key is disabled and enabled between proof and promotion; g1 has just dropped it.
async fn disabled_and_enabled(simulation: &mut Simulation) {
    simulation.start(A, Command::Rotate, 1);
    simulation.until(A, "ping", 2).await;
    simulation.step(A).await;
    simulation.go(B, Command::Disable).await;
    let world = simulation.world.clone();
    simulation.instances[0].poll(&world, Poll::Start);
    simulation.instances[0].is_cut_off = true;
    simulation.go(B, Command::Enable).await;
    simulation.finish(A).await;
}

/// K1 is retired after eight days, while the rotation that was interrupted finds it registered and replaces
/// it.
async fn retired_while_replaced(simulation: &mut Simulation) {
    simulation.start(A, Command::Rotate, 1);
    simulation.until(A, "response to the upload to 1", 1).await;
    simulation.advance(8 * DAY);
    simulation.start(B, Command::Retire, 0);
    simulation.until(B, "read number", 1).await;
    simulation.finish(A).await;
    simulation.finish(B).await;
}

/// Garbage collection has asked the registry; then K0 is enabled and rolled back to.
async fn collected_during_a_rollback(simulation: &mut Simulation) {
    let world = simulation.world.clone();
    let clock = world.clone();
    let store = open(&world, None).with_clock(StoreClock::new(move || clock.time()));
    let set = store.set(SET).unwrap();
    let key = World::key(0).fingerprint();
    let mut log = set.read().now_or_never().unwrap().unwrap();
    let scheduled = Change::DestroyScheduled { key };
    if log.key(key).unwrap().state == wa_keystore::KeyState::Disabled {
        set.append(&mut log, scheduled, None)
            .now_or_never()
            .unwrap()
            .unwrap();
    }
    simulation.advance(8 * DAY);
    simulation.start(A, Command::Collect, 0);
    simulation.until(A, "read number", 2).await;
    simulation.step(A).await;
    simulation.step(A).await;
    simulation.go(B, Command::Enable).await;
    simulation.go(B, Command::RollBack).await;
    simulation.finish(A).await;
}

/// The events are replaced by those of a backup from before a rotation.
async fn older_backup(simulation: &mut Simulation) {
    let is_event = |path: &str| path.starts_with("sets/");
    let backup = simulation.world.lock().objects.clone();
    simulation.go(A, Command::Rotate).await;
    {
        let mut state = simulation.world.lock();
        state.objects.retain(|path, _| !is_event(path));
        state
            .objects
            .extend(backup.into_iter().filter(|(path, _)| is_event(path)));
        state.version += 1;
    }
    simulation.world.log("the store is restored from a backup");
    simulation.advance(20_000);
    simulation.check();
    simulation.go(B, Command::Apply).await;
}

/// g2 loses the store and serves on; a rotation must wait for it.
async fn lost_store(simulation: &mut Simulation, skew: i64) {
    let world = simulation.world.clone();
    for instance in &mut simulation.instances {
        instance.skew = skew;
        instance.write_record(&world);
    }
    simulation.instances[1].is_cut_off = true;
    simulation.only_pinged = Some(0);
    simulation.advance(20_000);
    simulation.go(A, Command::Rotate).await;
}
