//! The fold: every transition of the table, and what a log must never do.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::EventId;

fn fingerprint(digit: u8) -> Fingerprint {
    format!("{digit:02x}").repeat(32).parse().unwrap()
}

fn at(day: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(24 * day)
}

fn event(number: u64, change: Change) -> Event {
    Event {
        number,
        id: EventId::random().unwrap(),
        change,
        at: at(number),
        stored_at: None,
        by: "test".to_owned(),
        note: None,
    }
}

fn log(changes: impl IntoIterator<Item = Change>) -> SetLog {
    let mut log = SetLog::default();
    for change in changes {
        let number = log.last() + 1;
        log.push(event(number, change));
    }
    log
}

fn added(key: u8) -> Change {
    Change::Added {
        key: fingerprint(key),
        imported: false,
    }
}

fn promoted(key: u8, from: Option<u8>) -> Change {
    Change::Promoted {
        key: fingerprint(key),
        from: from.map(fingerprint),
    }
}

fn disabled(key: u8, compromised: bool) -> Change {
    Change::Disabled {
        key: fingerprint(key),
        compromised,
    }
}

fn states(log: &SetLog) -> Vec<KeyState> {
    log.keys().iter().map(|key| key.state).collect()
}

#[test]
fn a_rotation_makes_the_old_primary_enabled_and_the_new_key_primary() {
    use KeyState::{Enabled, Primary};

    let log = log([added(1), promoted(1, None), added(2), promoted(2, Some(1))]);
    assert_eq!(states(&log), [Enabled, Primary]);
    assert_eq!(log.primary().unwrap().fingerprint, fingerprint(2));
    assert_eq!(log.key(fingerprint(1)).unwrap().grace_since, Some(at(4)));
    let promotion = log.promotion().unwrap();
    assert_eq!(
        (promotion.to, promotion.from),
        (fingerprint(2), Some(fingerprint(1)))
    );
    let served: Vec<_> = log.served().map(|key| key.fingerprint).collect();
    assert_eq!(served, [fingerprint(2), fingerprint(1)]);
}

#[test]
fn an_imported_key_is_enabled_and_no_candidate_for_a_rotation() {
    let imported = Change::Added {
        key: fingerprint(1),
        imported: true,
    };
    let log = log([imported]);
    assert_eq!(states(&log), [KeyState::Enabled]);
    assert_eq!(log.pending(), None);
    assert_eq!(log.keys()[0].grace_since, Some(at(1)));
}

#[test]
fn the_whole_life_of_a_key() {
    let key = fingerprint(1);
    let mut log = log([added(1), promoted(1, None), added(2), promoted(2, Some(1))]);
    let life = [
        (Change::Replaced { key }, KeyState::Enabled),
        (disabled(1, false), KeyState::Disabled),
        (Change::Enabled { key }, KeyState::Enabled),
        (disabled(1, false), KeyState::Disabled),
        (Change::DestroyScheduled { key }, KeyState::DestroyScheduled),
        (disabled(1, false), KeyState::Disabled),
        (Change::DestroyScheduled { key }, KeyState::DestroyScheduled),
        (Change::Enabled { key }, KeyState::Enabled),
        (disabled(1, false), KeyState::Disabled),
        (Change::DestroyScheduled { key }, KeyState::DestroyScheduled),
        (Change::Destroyed { key }, KeyState::Destroyed),
    ];
    for (change, state) in life {
        let number = log.last() + 1;
        log.push(event(number, change));
        assert_eq!(log.key(key).unwrap().state, state, "event {number}");
    }
    assert_eq!(log.faults(), []);
    assert_eq!(log.key(key).unwrap().servable_since, 12, "the last `enabled`");
}

#[test]
fn the_primary_is_never_disabled_and_a_compromised_key_never_comes_back() {
    let key = fingerprint(1);
    let log = log([
        added(1),
        promoted(1, None),
        disabled(1, true),
        added(2),
        promoted(2, Some(1)),
        disabled(1, true),
        Change::Enabled { key },
        promoted(1, Some(2)),
    ]);
    assert_eq!(states(&log), [KeyState::Disabled, KeyState::Primary]);
    let without_effect: Vec<u64> = log
        .faults()
        .iter()
        .map(|fault| match fault {
            LogFault::NoEffect { number, .. } => *number,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(without_effect, [3, 7, 8]);
    assert!(log.is_writable(), "events without effect do no harm");
}

#[test]
fn a_disabled_key_can_still_be_marked_compromised() {
    let log = log([
        added(1),
        disabled(1, false),
        disabled(1, false),
        disabled(1, true),
        disabled(1, true),
    ]);
    let key = log.key(fingerprint(1)).unwrap();
    assert!(key.compromised);
    assert_eq!(key.state_since, at(2), "it was disabled then");
    assert_eq!(log.faults().len(), 2);
}

#[test]
fn a_promotion_from_another_primary_than_the_present_one_has_no_effect() {
    let log = log([added(1), promoted(1, None), added(2), promoted(2, None)]);
    assert_eq!(log.primary().unwrap().fingerprint, fingerprint(1));
    assert_eq!(log.faults().len(), 1);
}

#[test]
fn numbers_are_added_and_removed_and_what_is_left_out_stays() {
    let configured = |add: &[&str], remove: &[&str], endpoint: Option<&str>| Change::Configured {
        add: add.iter().map(ToString::to_string).collect(),
        remove: remove.iter().map(ToString::to_string).collect(),
        endpoint: endpoint.map(str::to_owned),
        title: None,
    };
    let log = log([
        configured(&["1", "2"], &[], Some("https://example.com/flow")),
        configured(&["3"], &["1"], None),
    ]);
    assert_eq!(log.numbers().collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(log.endpoint(), Some("https://example.com/flow"));
}

#[test]
fn nothing_is_applied_after_what_is_missing_or_not_understood() {
    let unknown = Change::Unknown {
        event: "frozen".to_owned(),
    };
    let after_unknown = log([added(1), unknown, promoted(1, None)]);
    assert_eq!(states(&after_unknown), [KeyState::Pending]);
    assert!(!after_unknown.is_writable());

    let mut gap = log([added(1)]);
    gap.push(event(3, promoted(1, None)));
    assert_eq!(gap.faults(), [LogFault::Missing { number: 2 }]);
    assert_eq!(states(&gap), [KeyState::Pending]);
    assert!(!gap.is_writable());
}

#[test]
fn elapsed_time_counts_from_the_later_of_two_clocks() {
    let mut behind = event(1, added(1));
    behind.stored_at = Some(at(9));
    assert_eq!(behind.since(), at(9));
    behind.stored_at = Some(at(0));
    assert_eq!(behind.since(), at(1), "the writer's clock is ahead");
}

#[test]
fn an_event_survives_its_json_and_unknown_members_are_ignored() {
    let changes = [
        Change::Configured {
            add: vec!["1".to_owned()],
            remove: vec!["2".to_owned()],
            endpoint: Some("https://example.com/".to_owned()),
            title: Some("Bookings".to_owned()),
        },
        Change::Added {
            key: fingerprint(1),
            imported: true,
        },
        promoted(1, Some(2)),
        Change::Replaced { key: fingerprint(1) },
        disabled(1, true),
        Change::Enabled { key: fingerprint(1) },
        Change::DestroyScheduled { key: fingerprint(1) },
        Change::Destroyed { key: fingerprint(1) },
    ];
    for change in changes {
        let event = event(7, change);
        let mut json: serde_json::Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        json["of a later version"] = serde_json::json!([1]);
        let read = Event::from_json(7, json.to_string().as_bytes(), None).unwrap();
        assert_eq!(read, event);
    }
    let frozen = r#"{"event":"frozen","at":"2027-01-01T00:00:00Z","by":"x","id":"0f"}"#;
    let read = Event::from_json(1, frozen.as_bytes(), None).unwrap();
    assert_eq!(read.change.label(), "frozen");
}

fn any_change() -> impl Strategy<Value = Change> {
    let key = 1..4_u8;
    let from = proptest::option::of(1..4_u8);
    (0..7_u8, key, from, any::<bool>()).prop_map(|(kind, key, from, flag)| match kind {
        0 => Change::Added {
            key: fingerprint(key),
            imported: flag,
        },
        1 => promoted(key, from),
        2 => Change::Replaced {
            key: fingerprint(key),
        },
        3 => disabled(key, flag),
        4 => Change::Enabled {
            key: fingerprint(key),
        },
        5 => Change::DestroyScheduled {
            key: fingerprint(key),
        },
        _ => Change::Destroyed {
            key: fingerprint(key),
        },
    })
}

proptest! {
    #[test]
    fn after_the_first_promotion_there_is_exactly_one_primary(
        changes in proptest::collection::vec(any_change(), 0..60)
    ) {
        let mut log = SetLog::default();
        let mut promoted = false;
        for change in changes {
            let number = log.last() + 1;
            let allowed = log.allows(&change);
            promoted |= allowed && matches!(change, Change::Promoted { .. });
            let before = (log.keys().to_vec(), log.faults().len());
            log.push(event(number, change));
            let primaries = log.keys().iter().filter(|key| key.state == KeyState::Primary).count();
            prop_assert_eq!(primaries, usize::from(promoted));
            if !allowed {
                prop_assert_eq!((log.keys().to_vec(), log.faults().len()), (before.0, before.1 + 1));
            }
        }
    }
}

proptest! {
    #[test]
    fn no_stored_json_makes_a_reader_panic(text in ".{0,200}", number in 0..u64::MAX) {
        let _ = Event::from_json(number, text.as_bytes(), None);
        let _ = crate::InstanceRecord::from_json(text.as_bytes(), None);
    }

    #[test]
    fn members_of_any_kind_are_read_or_refused(
        member in "(event|key|from|at|by|id|add|imported|sets|instance|boot)",
        value in prop_oneof![
            Just("null".to_owned()), Just("[]".to_owned()), Just("{}".to_owned()), "-?[0-9]{1,30}",
            "\"[a-z0-9:T-]{0,70}\"", Just("true".to_owned()),
        ],
    ) {
        let valid = r#""event":"added","key":"x","at":"2027-01-01T00:00:00Z","by":"x","id":"0f""#;
        let json = format!("{{{valid},\"{member}\":{value}}}");
        let _ = Event::from_json(1, json.as_bytes(), None);
        let record = format!("{{\"instance\":\"a\",\"boot\":\"1\",\"at\":\"2027-01-01T00:00:00Z\",\"{member}\":{value}}}");
        let _ = crate::InstanceRecord::from_json(record.as_bytes(), None);
    }
}
