//! Which numbers are repaired without being asked, and when.

use std::collections::HashMap;
use std::time::Duration;

use wa_graph::PhoneNumberId;

use crate::fleet::apply::{ItemOutcome, ItemReport};
use crate::fleet::finding::{Finding, Reason};

/// A number is repaired if it was found bad twice, at least so far apart.
const TWICE: Duration = Duration::from_mins(10);
/// The longest time between two repairs of a number that stays bad.
const MAX_BACKOFF: Duration = Duration::from_hours(24);
/// Nothing is repaired if more numbers than this, and more than this percentage, turned bad.
const BREAKER: (usize, usize) = (3, 5);

/// Decides which numbers are repaired: those without a key, or with the status `MISMATCH`, found so twice ten
/// minutes apart.
///
/// If a repair does not help, the next one waits twice as long. If more than 3 numbers and more than 5 % of
/// all are bad at the same time, nothing is repaired: the cause is then not a single number.
#[derive(Debug, Default)]
pub struct Healer {
    bad: HashMap<PhoneNumberId, Bad>,
}

#[derive(Debug)]
struct Bad {
    since: Duration,
    last: Duration,
    /// Repairs so far.
    repairs: u32,
    not_before: Duration,
}

/// Too many numbers turned bad, so none is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bad} of {total} numbers turned bad, so none is repaired")]
#[non_exhaustive]
pub struct Breaker {
    /// Numbers that are bad.
    pub bad: usize,
    /// All numbers.
    pub total: usize,
}

impl Healer {
    /// Records a finding. `now` is the time of a clock that never goes back.
    pub fn note(&mut self, finding: &Finding, now: Duration) {
        match finding.reason {
            Reason::NoneRegistered | Reason::Mismatch => {
                let bad = self.bad.entry(finding.phone_number_id.clone()).or_insert(Bad {
                    since: now,
                    last: now,
                    repairs: 0,
                    not_before: Duration::ZERO,
                });
                bad.last = now;
            }
            // Nothing is known about it.
            Reason::NotTried | Reason::Unreachable => {}
            _ => drop(self.bad.remove(&finding.phone_number_id)),
        }
    }

    /// Returns whether a number is to be repaired now.
    #[must_use]
    pub fn is_due(&self, number: &PhoneNumberId, now: Duration) -> bool {
        self.bad.get(number).is_some_and(|bad| {
            bad.last == now && bad.last.saturating_sub(bad.since) >= TWICE && now >= bad.not_before
        })
    }

    /// Checks that not too many numbers are bad. `total` is the number of all numbers.
    ///
    /// # Errors
    ///
    /// [`Breaker`] if nothing may be repaired.
    pub fn check(&self, total: usize) -> Result<(), Breaker> {
        let bad = self.bad.len();
        let (numbers, percent) = BREAKER;
        if bad > numbers && bad * 100 > total * percent {
            return Err(Breaker { bad, total });
        }
        Ok(())
    }

    /// Records the result of a repair: the next one of this number waits, twice as long every time.
    pub fn repaired(&mut self, report: &ItemReport, now: Duration) {
        if report.outcome == ItemOutcome::NotTried {
            return;
        }
        if let Some(bad) = self.bad.get_mut(&report.phone_number_id) {
            let backoff = TWICE.saturating_mul(1 << bad.repairs.min(12)).min(MAX_BACKOFF);
            bad.repairs += 1;
            bad.not_before = now.saturating_add(backoff);
        }
    }

    /// Forgets numbers that are no longer in the inventory.
    pub fn retain(&mut self, is_known: impl Fn(&PhoneNumberId) -> bool) {
        self.bad.retain(|number, _| is_known(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::inventory::InventoryNumber;

    const MINUTE: Duration = Duration::from_mins(1);

    fn number(id: usize) -> PhoneNumberId {
        (1000 + id).to_string().parse().unwrap()
    }

    fn finding(id: usize, reason: Reason) -> Finding {
        let mut finding = Finding::not_tried(&InventoryNumber::new(number(id)));
        finding.reason = reason;
        finding
    }

    fn report(id: usize) -> ItemReport {
        let text = format!(
            r#"{{"phone_number_id":"{}","set":"s","to":"{}","outcome":"mismatch-persists","uploads":3}}"#,
            number(id),
            "0".repeat(64)
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_number_is_repaired_when_it_was_bad_twice_ten_minutes_apart_and_then_less_and_less_often() {
        let mut healer = Healer::default();
        let mut repairs = Vec::new();
        for minute in (0..24 * 60).step_by(5) {
            let now = MINUTE * minute;
            healer.note(&finding(1, Reason::Mismatch), now);
            assert_eq!(healer.check(1), Ok(()), "one number of one is repaired");
            if healer.is_due(&number(1), now) {
                repairs.push(minute);
                healer.repaired(&report(1), now);
            }
        }
        assert_eq!(repairs, [10, 20, 40, 80, 160, 320, 640, 1280]);
        healer.note(&finding(1, Reason::Ok), MINUTE * 1440);
        healer.note(&finding(1, Reason::Mismatch), MINUTE * 1445);
        assert!(!healer.is_due(&number(1), MINUTE * 1445), "it starts again");
    }

    #[test]
    fn many_numbers_that_turn_bad_are_not_repaired() {
        for (total, bad, is_open) in [
            (100, 5, false),
            (100, 6, true),
            (10, 3, false),
            (10, 4, true),
            (1000, 50, false),
        ] {
            let mut healer = Healer::default();
            for id in 0..bad {
                healer.note(&finding(id, Reason::NoneRegistered), Duration::ZERO);
            }
            assert_eq!(healer.check(total).is_err(), is_open, "{bad} of {total}");
        }
    }

    #[test]
    fn other_results_are_never_repaired() {
        for reason in Reason::ALL {
            let mut healer = Healer::default();
            healer.note(&finding(1, reason), Duration::ZERO);
            healer.note(&finding(1, reason), MINUTE * 10);
            let is_due = healer.is_due(&number(1), MINUTE * 10);
            assert_eq!(
                is_due,
                matches!(reason, Reason::NoneRegistered | Reason::Mismatch),
                "{reason}"
            );
        }
    }
}
