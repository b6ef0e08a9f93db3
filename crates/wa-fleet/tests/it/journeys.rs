//! A set rotates, rolls back and ends the life of its keys.

use wa_fleet::{Decision, DisableOptions, FleetError, RollbackOptions, RotateOptions, Stage as Step};
use wa_keystore::KeyState;

use crate::support::{SET, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_set_rotates_rolls_back_and_disables_a_leaked_key() {
    let stage = Stage::new().await;
    let operator = stage.operator();

    // The first rotation creates the set.
    let first = operator.rotate(&stage.first()).await.unwrap();
    assert_eq!(first.decision, Decision::NewKey);
    assert_eq!(first.stage, Some(Step::Retired));
    assert!(first.is_valid(), "{first:?}");
    assert_eq!(stage.registered(), Some(first.key));

    // A second one makes no new key on the same day.
    let again = operator.rotate(&RotateOptions::default()).await.unwrap();
    assert_eq!((again.decision, again.key), (Decision::Finish, first.key));
    assert_eq!(again.numbers[0].uploads, 0);

    let forced = RotateOptions {
        force: true,
        ..RotateOptions::default()
    };
    let second = operator.rotate(&forced).await.unwrap();
    assert_eq!(second.previous, Some(first.key));
    assert_eq!(stage.registered(), Some(second.key));
    assert_eq!(second.kept[0].key, first.key, "inside its grace time");

    let back = operator.roll_back(&RollbackOptions::default()).await.unwrap();
    assert_eq!((back.decision, back.key), (Decision::RollBack, first.key));
    assert_eq!(stage.registered(), Some(first.key));
    let error = operator.roll_back(&RollbackOptions::default()).await.unwrap_err();
    assert!(matches!(error, FleetError::RolledBack { .. }), "{error}");

    // The new key leaked: it is disabled without grace time.
    let error = operator
        .disable(second.key, DisableOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, FleetError::InGrace { .. }), "{error}");
    let leaked = DisableOptions { compromised: true };
    operator.disable(second.key, leaked).await.unwrap();
    let error = operator.enable(second.key).await.unwrap_err();
    assert!(matches!(error, FleetError::Compromised { .. }), "{error}");
    let error = operator.disable(first.key, leaked).await.unwrap_err();
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

    let log = stage.store.set(SET).unwrap().read().await.unwrap();
    assert_eq!(log.faults(), []);
    let report = serde_json::to_value(&back).unwrap();
    assert_eq!(report["key"], first.key.to_string());
}
