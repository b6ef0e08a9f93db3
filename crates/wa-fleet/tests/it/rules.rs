//! What an operation refuses, waits for and survives.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use wa_fleet::{
    Decision, DisableOptions, Effect, FleetError, Hook, Outcome, Pong, RollbackOptions, RotateOptions,
    Safeguards, Stage, StepContext,
};
use wa_keystore::{Backend as _, Change, KeyState, KeyStore, StoreError};

use crate::fake::{ENDPOINT, Fake, SET, key, number, record};

const DAY: Duration = Duration::from_hours(24);

fn options(numbers: &[u32]) -> RotateOptions {
    RotateOptions {
        numbers: numbers.iter().map(|id| number(*id)).collect(),
        endpoint: Some(ENDPOINT.to_owned()),
        ..RotateOptions::default()
    }
}

fn forced() -> RotateOptions {
    RotateOptions {
        force: true,
        ..RotateOptions::default()
    }
}

/// Without instances: most tests are about other rules.
fn alone(fake: &Fake, store: &KeyStore, set: &str) -> wa_fleet::SetOperator {
    fake.operator(store, set).safeguards(Safeguards {
        no_instances: true,
        ..Safeguards::default()
    })
}

async fn events(store: &KeyStore) -> Vec<String> {
    let log = store.set(SET).unwrap().read().await.unwrap();
    log.events()
        .iter()
        .map(|event| event.change.label().to_owned())
        .collect()
}

#[tokio::test]
async fn a_key_of_another_store_is_not_replaced_unless_it_is_taken_over() {
    let fake = Fake::new([1]);
    let (one, other) = (fake.store().await, fake.store().await);
    let first = alone(&fake, &one, SET).rotate(&options(&[1])).await.unwrap();
    let error = alone(&fake, &other, SET)
        .rotate(&options(&[1]))
        .await
        .unwrap_err();
    assert!(matches!(error, FleetError::ForeignKey { .. }), "{error}");
    assert_eq!(events(&other).await, Vec::<String>::new());
    assert_eq!(fake.registered(1), Some(first.key));

    let operator = fake.operator(&other, SET).safeguards(Safeguards {
        no_instances: true,
        take_over: true,
        ..Safeguards::default()
    });
    let taken = operator.rotate(&options(&[1])).await.unwrap();
    assert_eq!(fake.registered(1), Some(taken.key));
}

#[tokio::test]
async fn a_number_whose_status_stays_mismatch_is_named_and_the_set_can_be_rolled_back() {
    let fake = Fake::new([1, 2, 3]);
    let store = fake.store().await;
    let operator = alone(&fake, &store, SET);
    let first = operator.rotate(&options(&[1, 2, 3])).await.unwrap();
    fake.set(3, |entry| entry.is_stuck = true);
    let second = operator.rotate(&forced()).await.unwrap();
    let outcomes: Vec<_> = second.numbers.iter().map(|report| report.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Valid, Outcome::Valid, Outcome::MismatchPersists]
    );
    assert!(!second.is_valid());
    assert!(second.numbers[2].remedy.as_ref().unwrap().contains("Re-register"));

    fake.set(3, |entry| entry.is_stuck = false);
    let back = operator.roll_back(&RollbackOptions::default()).await.unwrap();
    assert!(back.is_valid());
    assert_eq!([1, 2, 3].map(|id| fake.registered(id)), [Some(first.key); 3]);
}

#[tokio::test]
async fn imported_keys_are_adopted_if_all_numbers_have_one_and_never_count_as_new() {
    let fake = Fake::new([1, 2]);
    let store = fake.store().await;
    let set = store.set(SET).unwrap();
    let mut log = set.read().await.unwrap();
    for imported in [6, 7] {
        set.import(&mut log, &key(imported)).await.unwrap();
    }
    let (old, older) = (key(6).fingerprint(), key(7).fingerprint());
    let has = |id, key| fake.set(id, |entry| (entry.key, entry.is_valid) = (Some(key), true));
    has(1, old);
    has(2, older);
    let operator = alone(&fake, &store, SET);
    let plan = operator.plan_rotation(&options(&[1, 2])).await.unwrap();
    assert_eq!((plan.decision, plan.key), (Decision::NewKey, None));

    has(2, old);
    let report = operator.rotate(&options(&[1, 2])).await.unwrap();
    assert_eq!((report.decision, report.key), (Decision::Adopt, old));
    assert!(fake.uploads.lock().unwrap().is_empty());
    let report = operator.rotate(&forced()).await.unwrap();
    assert_eq!(report.key, key(0).fingerprint());
}

#[tokio::test]
async fn garbage_collection_of_one_set_keeps_the_copy_of_another() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    let leaked = key(7);
    for name in [SET, "other"] {
        let set = store.set(name).unwrap();
        let mut log = set.read().await.unwrap();
        set.import(&mut log, &leaked).await.unwrap();
    }
    let operator = alone(&fake, &store, SET);
    operator.rotate(&options(&[1])).await.unwrap();
    fake.clock.advance(8 * DAY);
    operator
        .disable(leaked.fingerprint(), DisableOptions::default())
        .await
        .unwrap();
    let kept = operator.collect_garbage().await.unwrap();
    assert_eq!(kept.kept.len(), 1, "disabled just now");
    fake.clock.advance(30 * DAY);
    assert_eq!(
        operator.collect_garbage().await.unwrap().scheduled,
        [leaked.fingerprint()]
    );
    fake.clock.advance(7 * DAY);
    assert_eq!(
        operator.collect_garbage().await.unwrap().destroyed,
        [leaked.fingerprint()]
    );
    let stored = |set: &str| store.set(set).unwrap();
    assert!(stored(SET).private_key(leaked.fingerprint()).await.is_err());
    assert!(stored("other").private_key(leaked.fingerprint()).await.is_ok());
}

#[tokio::test]
async fn an_earlier_encryption_stays_until_every_instance_reads_a_later_one() {
    let fake = Fake::new([1]);
    let memory = fake.memory();
    let store = fake.store_in(memory.clone()).await;
    let operator = alone(&fake, &store, SET);
    let report = operator.rotate(&options(&[1])).await.unwrap();
    let again = format!("private/{SET}/{}.2.pem", report.key);
    memory
        .create(&again, "as if encrypted again".into())
        .await
        .unwrap();
    record(&store, "gw-1", None).await;
    assert_eq!(operator.collect_garbage().await.unwrap().encryptions, 0);

    let mut records = store.records().await.unwrap();
    let keys = &mut records[0].sets.get_mut(SET).unwrap().keys;
    keys.get_mut(&report.key).unwrap().revision = 2;
    store.write_record(&records[0]).await.unwrap();
    assert_eq!(operator.collect_garbage().await.unwrap().encryptions, 1);
    assert!(memory.read(&again).await.unwrap().is_some());
}

#[tokio::test]
async fn a_machine_with_a_wrong_clock_writes_nothing() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    let operator = alone(&fake, &store, SET);
    for skew in [-9 * 86_400, -360, 360, 9 * 86_400] {
        *fake.skew.lock().unwrap() = skew;
        let error = operator.rotate(&options(&[1])).await.unwrap_err();
        assert!(
            matches!(error, FleetError::WrongClock { is_ahead, .. } if is_ahead == (skew < 0)),
            "{error}"
        );
        assert_eq!(events(&store).await, Vec::<String>::new());
    }
    *fake.skew.lock().unwrap() = 200;
    assert!(operator.rotate(&options(&[1])).await.unwrap().is_valid());
}

#[tokio::test]
async fn nothing_is_promoted_while_an_instance_lags_or_the_endpoint_does_not_open_the_key() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    let operator = fake.operator(&store, SET);
    let error = operator.rotate(&options(&[1])).await.unwrap_err();
    assert!(matches!(error, FleetError::NoInstances), "{error}");

    // gw-1 has read everything, gw-22 has not.
    let before = store.set(SET).unwrap().read().await.unwrap();
    record(&store, "gw-22", None).await;
    let mut lagging = store.records().await.unwrap().remove(0);
    let report = lagging.sets.get_mut(SET).unwrap();
    report.keys.clear();
    (report.last, report.id) = (1, Some(before.events()[0].id));
    store.write_record(&lagging).await.unwrap();
    record(&store, "gw-1", None).await;
    let error = operator.rotate(&options(&[1])).await.unwrap_err();
    assert!(
        error.to_string().contains("gw-22 has read event 1 of 2"),
        "{error}"
    );

    record(&store, "gw-22", None).await;
    *fake.pong.lock().unwrap() = Pong::NotOpened;
    let error = operator.rotate(&options(&[1])).await.unwrap_err();
    assert!(matches!(error, FleetError::NotProved { .. }), "{error}");
    assert_eq!(events(&store).await, ["configured", "added"]);
    assert_eq!(fake.registered(1), None);

    // The same command continues with the same key.
    *fake.pong.lock().unwrap() = Pong::Opened;
    let report = operator.rotate(&options(&[1])).await.unwrap();
    assert_eq!(
        (report.decision, report.key),
        (Decision::Continue, key(0).fingerprint())
    );
    assert!(report.is_valid());
}

#[tokio::test]
async fn an_instance_that_did_not_stop_cleanly_is_waited_for_a_day_unless_it_is_ignored() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    alone(&fake, &store, SET).rotate(&options(&[1])).await.unwrap();
    record(&store, "killed", None).await;
    fake.clock.advance(DAY - Duration::from_hours(1));
    let error = fake.operator(&store, SET).rotate(&forced()).await.unwrap_err();
    assert!(matches!(error, FleetError::NotServed { .. }), "{error}");
    fake.clock.advance(Duration::from_hours(2));
    let error = fake.operator(&store, SET).rotate(&forced()).await.unwrap_err();
    assert!(
        matches!(error, FleetError::NoInstances),
        "a day later nothing is known: {error}"
    );
    let ignoring = fake.operator(&store, SET).safeguards(Safeguards {
        ignored_instances: vec!["killed".to_owned()],
        no_instances: true,
        ..Safeguards::default()
    });
    assert!(ignoring.rotate(&forced()).await.unwrap().is_valid());
}

#[tokio::test]
async fn a_log_that_is_older_than_what_an_instance_has_read_is_refused() {
    let fake = Fake::new([1]);
    let memory = fake.memory();
    let store = fake.store_in(memory.clone()).await;
    let operator = alone(&fake, &store, SET);
    operator.rotate(&options(&[1])).await.unwrap();
    record(&store, "gw-1", None).await;
    memory
        .delete(&format!("sets/{SET}/events/00000003.json"))
        .await
        .unwrap();
    let error = operator.rotate(&RotateOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, FleetError::Store(StoreError::OlderLog { .. })),
        "{error}"
    );
}

/// Fails after one step.
#[derive(Debug)]
struct FailingHook(Stage, Mutex<Vec<StepContext>>);

#[async_trait]
impl Hook for FailingHook {
    async fn after(&self, context: &StepContext) -> Result<(), String> {
        self.1.lock().unwrap().push(context.clone());
        if context.stage == self.0 {
            return Err("exit status: 1".to_owned());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_hook_that_fails_stops_and_the_next_run_continues() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    let hook = Arc::new(FailingHook(Stage::Proved, Mutex::default()));
    let operator = alone(&fake, &store, SET);
    let error = operator
        .clone()
        .hook(hook.clone())
        .rotate(&options(&[1]))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            FleetError::Hook {
                stage: Stage::Proved,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(fake.registered(1), None);
    let seen: Vec<_> = hook
        .1
        .lock()
        .unwrap()
        .iter()
        .map(|context| context.stage)
        .collect();
    assert_eq!(seen, [Stage::Stored, Stage::Served, Stage::Proved]);
    let report = operator.rotate(&RotateOptions::default()).await.unwrap();
    assert_eq!(report.decision, Decision::Continue);
    assert!(report.is_valid());
}

#[tokio::test]
async fn a_key_is_disabled_only_if_nothing_can_need_it() {
    let fake = Fake::new([1, 2]);
    let store = fake.store().await;
    let operator = alone(&fake, &store, SET);
    let first = operator.rotate(&options(&[1, 2])).await.unwrap().key;
    let second = operator.rotate(&forced()).await.unwrap().key;
    let named = DisableOptions::default();
    let error = operator.disable(second, named).await.unwrap_err();
    assert!(
        matches!(
            error,
            FleetError::State {
                state: KeyState::Primary,
                ..
            }
        ),
        "{error}"
    );
    let error = operator.disable(first, named).await.unwrap_err();
    assert!(matches!(error, FleetError::InGrace { .. }), "{error}");

    fake.clock.advance(8 * DAY);
    fake.set(2, |entry| entry.key = Some(first));
    for options in [named, DisableOptions { compromised: true }] {
        let error = operator.disable(first, options).await.unwrap_err();
        assert!(matches!(error, FleetError::IsRegistered { .. }), "{error}");
    }
    fake.set(2, |entry| entry.fails = Some(Effect::Number));
    let error = operator.disable(first, named).await.unwrap_err();
    assert!(
        matches!(error, FleetError::Registry { .. }),
        "what cannot be read may have it: {error}"
    );
    fake.set(2, |entry| (entry.key, entry.fails) = (Some(second), None));

    record(&store, "gw-1", Some(Duration::from_hours(1))).await;
    let error = operator.disable(first, named).await.unwrap_err();
    assert!(matches!(error, FleetError::InUse { .. }), "{error}");
    record(&store, "gw-1", None).await;
    operator.disable(first, named).await.unwrap();
    operator.enable(first).await.unwrap();
    let error = operator.disable(first, named).await.unwrap_err();
    assert!(
        matches!(error, FleetError::InGrace { .. }),
        "enabled just now: {error}"
    );
}

#[tokio::test]
async fn a_late_upload_restarts_the_grace_time_of_the_key_that_it_replaces() {
    let fake = Fake::new([1, 2]);
    let store = fake.store().await;
    let operator = alone(&fake, &store, SET);
    let first = operator.rotate(&options(&[1, 2])).await.unwrap().key;
    fake.set(2, |entry| entry.fails = Some(Effect::Number));
    let second = operator.rotate(&forced()).await.unwrap();
    assert_eq!(second.numbers[1].outcome, Outcome::Failed);
    fake.clock.advance(8 * DAY);
    fake.set(2, |entry| entry.fails = None);
    let report = operator
        .rotate(&RotateOptions {
            max_age: Some(90 * DAY),
            ..RotateOptions::default()
        })
        .await;
    let report = report.unwrap();
    assert_eq!((report.decision, report.key), (Decision::Finish, second.key));
    assert!(report.is_valid());
    assert_eq!(report.kept[0].key, first);
    assert!(events(&store).await.contains(&"replaced".to_owned()));
}

#[tokio::test]
async fn a_number_in_two_sets_is_refused_by_both() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    for name in [SET, "other"] {
        let set = store.set(name).unwrap();
        let mut log = set.read().await.unwrap();
        let change = Change::Configured {
            add: vec!["1".to_owned()],
            remove: Vec::new(),
            endpoint: Some(ENDPOINT.to_owned()),
            title: None,
        };
        set.append(&mut log, change, None).await.unwrap();
    }
    for name in [SET, "other"] {
        let error = alone(&fake, &store, name)
            .rotate(&RotateOptions::default())
            .await
            .unwrap_err();
        assert!(matches!(error, FleetError::TwoSets { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_rotation_with_a_maximum_age_is_idempotent() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    let operator = alone(&fake, &store, SET);
    let first = operator.rotate(&options(&[1])).await.unwrap().key;
    let daily = RotateOptions {
        max_age: Some(90 * DAY),
        ..RotateOptions::default()
    };
    for _ in 0..3 {
        fake.clock.advance(20 * DAY);
        let report = operator.rotate(&daily).await.unwrap();
        assert_eq!((report.decision, report.key), (Decision::Finish, first));
    }
    fake.clock.advance(40 * DAY);
    let report = operator.rotate(&daily).await.unwrap();
    assert_eq!(report.decision, Decision::NewKey);
    assert_eq!(fake.uploads.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn two_rotations_at_once_make_one_key() {
    for _ in 0..20 {
        let fake = Fake::new([1, 2]);
        let store = fake.store().await;
        let operator = alone(&fake, &store, SET);
        let options = options(&[1, 2]);
        let (one, other) = tokio::join!(operator.rotate(&options), operator.rotate(&options));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.key, other.key);
        assert!(one.is_valid() && other.is_valid());
        let log = store.set(SET).unwrap().read().await.unwrap();
        assert_eq!(log.keys().len(), 1);
        assert_eq!(log.faults(), []);
    }
}

#[tokio::test]
async fn the_failure_of_one_number_stops_no_other_and_that_of_the_app_stops_all() {
    let fake = Fake::new([1, 2, 3]);
    let store = fake.store().await;
    let operator = alone(&fake, &store, SET);
    fake.set(1, |entry| entry.fails = Some(Effect::Number));
    let report = operator.rotate(&options(&[1, 2, 3])).await.unwrap();
    let outcomes: Vec<_> = report.numbers.iter().map(|report| report.outcome).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Valid, Outcome::Valid]);
    fake.set(1, |entry| entry.fails = Some(Effect::All));
    let error = operator.rotate(&RotateOptions::default()).await.unwrap_err();
    assert!(matches!(error, FleetError::Registry { .. }), "{error}");
}

#[tokio::test]
async fn a_leaked_primary_is_replaced_and_disabled_without_grace_time() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    let operator = alone(&fake, &store, SET);
    let leaked = operator.rotate(&options(&[1])).await.unwrap().key;
    let compromised = RotateOptions {
        compromised: Some(leaked),
        ..RotateOptions::default()
    };
    let report = operator.rotate(&compromised).await.unwrap();
    assert_eq!(report.decision, Decision::NewKey);
    assert_eq!(report.disabled, [leaked]);
    // Run again, it makes no further key.
    let again = operator.rotate(&compromised).await.unwrap();
    assert_eq!((again.decision, again.key), (Decision::Finish, report.key));
    let to = RollbackOptions { to: Some(leaked) };
    let error = operator.roll_back(&to).await.unwrap_err();
    assert!(matches!(error, FleetError::Compromised { .. }), "{error}");
}

#[tokio::test]
async fn a_spawned_rotation_ends_after_the_step_that_is_named() {
    let fake = Fake::new([1]);
    let store = fake.store().await;
    let operator = alone(&fake, &store, SET);
    for (until, stage) in [(Stage::Stored, 2), (Stage::Proved, 2)] {
        let operator = operator.clone();
        let options = RotateOptions {
            until: Some(until),
            ..options(&[1])
        };
        let report = tokio::spawn(async move { operator.rotate(&options).await })
            .await
            .unwrap()
            .unwrap();
        assert_eq!(report.stage, Some(until));
        assert_eq!(events(&store).await.len(), stage);
    }
    assert_eq!(fake.registered(1), None);
}
