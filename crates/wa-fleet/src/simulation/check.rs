//! The invariants, checked after every step and at the end.

use wa_keystore::{Change, KeyState};

use super::scheduler::Simulation;
use super::world::{KEEP, LAG, Number, State, moment};
use crate::rules::Rule;

impl Simulation {
    /// Checks the invariants.
    pub(super) fn check(&mut self) {
        let found = self.find_violation();
        if let Some(found) = found {
            self.world.violate(found);
        }
    }

    fn find_violation(&mut self) -> Option<String> {
        let world = self.world.clone();
        let (numbers, now) = {
            let state = world.lock();
            (state.numbers.clone(), state.now)
        };
        for number in &numbers {
            let registered = number.history.last().unwrap().key;
            if !world.lock().has_private(registered) {
                let key = world.name(registered);
                return Some(format!(
                    "I1 {} has {key}, whose private key is not in the store",
                    number.id
                ));
            }
            for had in &number.history {
                if had.until.is_some_and(|until| until + LAG + KEEP < now) {
                    continue;
                }
                for instance in self.instances.iter().filter(|instance| instance.is_up) {
                    if !instance.ring.contains(&had.key) {
                        let (name, key) = (&instance.name, world.name(had.key));
                        let why = if had.until.is_none() {
                            "registered"
                        } else {
                            "open Flow"
                        };
                        return Some(format!(
                            "I2 {name} cannot open a request to {} with {key} ({why})",
                            number.id
                        ));
                    }
                }
            }
        }
        let log = self.log();
        let primaries = log.keys().iter().filter(|key| key.state == KeyState::Primary);
        (primaries.count() != 1).then(|| "I3 not exactly one primary".to_owned())
    }

    pub(super) fn check_end(&mut self) {
        let primary = self.log().primary().map(|key| key.fingerprint);
        let numbers = self.world.lock().numbers.clone();
        for number in &numbers {
            let registered = number.history.last().unwrap().key;
            if Some(registered) != primary {
                let key = self.world.name(registered);
                self.world.violate(format!(
                    "I4 does not converge: {} has {key}, not the primary",
                    number.id
                ));
            } else if number.mismatch {
                self.world
                    .violate(format!("I4 does not converge: {} stays MISMATCH", number.id));
            }
        }
        self.check_fights(&numbers);
    }

    /// I6: an earlier primary is uploaded again, longer than the window after another was promoted, without a
    /// rollback.
    fn check_fights(&mut self, numbers: &[Number]) {
        let shows = |word: &str, state: &State| state.trace.iter().any(|(_, text)| text.contains(word));
        let (returns, late) = {
            let state = self.world.lock();
            (
                shows("starts RollBack", &state) || shows("starts Enable", &state),
                shows("late", &state),
            )
        };
        if returns || late {
            return;
        }
        let promotions: Vec<_> = self
            .log()
            .events()
            .iter()
            .filter_map(|event| match event.change {
                Change::Promoted { key, .. } => Some((key, event.stored_at.unwrap_or(event.at))),
                _ => None,
            })
            .collect();
        let intent_first = self.world.holds(Rule::IntentFirst);
        for number in numbers {
            for (at, had) in number.history.iter().enumerate() {
                let again = number.history[..at].iter().any(|earlier| earlier.key == had.key);
                let start = moment(had.from);
                let last = promotions.iter().rev().find(|(_, at)| *at <= start);
                let stale = last.is_some_and(|(key, at)| {
                    *key != had.key && start.duration_since(*at).unwrap().as_secs() > 30
                });
                if again && (stale || !intent_first) {
                    let key = self.world.name(had.key);
                    self.world
                        .violate(format!("I6 uploads fight over {}: {key} again", number.id));
                }
            }
        }
    }
}
