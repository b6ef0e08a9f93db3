//! Each error that Graph documents for this endpoint, as the emulator answers it, with its outcome here.

use std::time::Duration;

use wa_emulator::{
    DEFAULT_ACCOUNT_ID, DEFAULT_PHONE_NUMBER_ID, ErrorResponse, Fault, FaultRule, NumberState, RateLimits,
    TokenSpec,
};
use wa_encryption::{EncryptionApi, EncryptionError};
use wa_graph::AccessToken;

use crate::support::{KEYS, Stage, stage};

/// Sets a key, which must fail, and returns the error after checks that hold for every error of Graph's.
async fn refused(encryption: &EncryptionApi, code: i64) -> EncryptionError {
    let error = encryption.set_business_public_key(&KEYS[0]).await.unwrap_err();
    assert_eq!(
        error.code().map(wa_graph::ErrorCode::number),
        Some(code),
        "{error}"
    );
    assert!(
        error
            .fbtrace_id()
            .is_some_and(|id| error.to_string().contains(id)),
        "{error}"
    );
    assert!(error.remedy().is_some(), "{error}");
    error
}

#[tokio::test]
async fn tokens_expired_revoked_and_unknown() {
    let Stage {
        emulator,
        encryption,
        clock,
    } = stage().await;
    let unknown = AccessToken::new("EAAunknowntoken").unwrap();
    let unknown_client = EncryptionApi::new(
        encryption.client().with_access_token(unknown),
        encryption.phone_number_id().clone(),
    );
    let error = refused(&unknown_client, 190).await;
    assert!(error.is_token() && !error.is_transient());

    emulator.expire_token("default").unwrap();
    let error = refused(&encryption, 190).await;
    assert_eq!(error.api().unwrap().subcode(), Some(463));
    assert!(error.remedy().unwrap().contains("system user"), "{error}");

    let revoked = AccessToken::new("EAArevokedtoken").unwrap();
    emulator
        .add_token(&TokenSpec::new("gone", "EAArevokedtoken"))
        .unwrap();
    emulator.revoke_token("gone").unwrap();
    let other = EncryptionApi::new(
        encryption.client().with_access_token(revoked),
        encryption.phone_number_id().clone(),
    );
    assert_eq!(refused(&other, 190).await.api().unwrap().subcode(), Some(467));
    assert!(clock.sleeps().is_empty(), "a refused token is not tried again");
}

#[tokio::test]
async fn a_dropped_permission_and_one_for_another_account() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    emulator
        .drop_permission("default", "whatsapp_business_messaging")
        .unwrap();
    let error = refused(&encryption, 10).await;
    assert!(error.is_permission() && error.remedy().unwrap().contains("whatsapp_business_messaging"));

    emulator
        .grant_permission("default", "whatsapp_business_messaging")
        .unwrap();
    emulator.restrict_token("default", Some(Vec::new())).unwrap();
    assert!(refused(&encryption, 200).await.is_permission());
    emulator.restrict_token("default", None).unwrap();
    assert!(encryption.register(&KEYS[0]).await.unwrap().is_valid());
}

#[tokio::test]
async fn field_9_the_remedy_for_an_id_that_is_not_that_of_a_number_names_the_phone_number_id() {
    let Stage {
        emulator: _emulator,
        encryption,
        ..
    } = stage().await;
    for id in [DEFAULT_ACCOUNT_ID, "999999999999999"] {
        let other = EncryptionApi::new(encryption.client().clone(), id.parse().unwrap());
        let error = other.set_business_public_key(&KEYS[0]).await.unwrap_err();
        let code = error.code().unwrap().number();
        assert!([100, 803].contains(&code), "{error}");
        let remedy = error.remedy().unwrap();
        assert!(remedy.contains("the phone number id"), "{remedy}");
        assert!(other.get_business_public_key().await.is_err());
    }
}

#[tokio::test]
async fn numbers_that_cannot_have_a_key() {
    let Stage {
        emulator,
        encryption,
        clock,
    } = stage().await;
    for (state, code, word) in [
        (NumberState::NotEligible, 100, "not eligible"),
        (NumberState::NotRegistered, 133_010, "/register"),
        (NumberState::NotAllowlisted, 10, "allowlisted"),
        (NumberState::Deleted, 33, "GET /WABA_ID/phone_numbers"),
    ] {
        emulator.set_number_state(DEFAULT_PHONE_NUMBER_ID, state).unwrap();
        let error = refused(&encryption, code).await;
        assert!(
            error.remedy().unwrap().contains(word),
            "{state:?}: {:?}",
            error.remedy()
        );
        assert!(!error.is_transient(), "{state:?}");
    }
    assert!(clock.sleeps().is_empty());
}

#[tokio::test]
async fn a_key_that_graph_refuses_is_explained() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    let refusal = ErrorResponse::invalid_key("not a valid 2048-bit RSA public key in PEM");
    emulator.queue_fault(FaultRule::new(Fault::Error(refusal)));
    let error = refused(&encryption, 100).await;
    assert!(
        error.to_string().contains("not a valid 2048-bit RSA public key"),
        "{error}"
    );
    assert!(error.remedy().unwrap().contains("2048-bit RSA public key in PEM"));
}

#[tokio::test]
async fn the_apps_limit_ends_with_the_time_to_come_back() {
    let Stage {
        emulator,
        encryption,
        clock,
    } = stage().await;
    emulator.set_rate_limits(RateLimits::new().app(1).retry_after(1800));
    encryption.set_business_public_key(&KEYS[0]).await.unwrap();
    let error = refused(&encryption, 4).await;
    assert!(error.is_rate_limited() && error.is_transient());
    let graph = error.graph().unwrap();
    assert_eq!(graph.retry_in(), Some(Duration::from_mins(30)));
    assert_eq!(graph.attempts(), 1);
    assert!(
        graph.usage().highest().is_some_and(|percent| percent >= 100),
        "{:?}",
        graph.usage()
    );
    assert!(
        clock.sleeps().is_empty(),
        "the wait is longer than the policy allows"
    );
}

#[tokio::test]
async fn the_accounts_limit_tells_the_minutes_until_access_returns() {
    let Stage {
        emulator,
        encryption,
        clock,
    } = stage().await;
    emulator.queue_fault(FaultRule::new(Fault::AccountRateLimit).always());
    let error = refused(&encryption, 80_007).await;
    let graph = error.graph().unwrap();
    let wait = graph.retry_in().unwrap();
    assert!(
        wait >= Duration::from_mins(2) && wait.as_secs().is_multiple_of(60),
        "{wait:?}"
    );
    assert_eq!(graph.retry_at(), wa_graph::Clock::now(&clock).checked_add(wait));
    assert!(error.to_string().contains("call again in"), "{error}");
}

#[tokio::test]
async fn a_short_limit_is_waited_out() {
    let Stage {
        emulator,
        encryption,
        clock,
    } = stage().await;
    emulator.queue_fault(FaultRule::new(Fault::AppRateLimit).header("retry-after", "20"));
    assert!(encryption.register(&KEYS[0]).await.unwrap().is_valid());
    assert_eq!(clock.sleeps(), [Duration::from_secs(20)]);
}

#[tokio::test]
async fn passing_trouble_is_overcome_and_lasting_trouble_explained() {
    for (answer, code) in [
        (ErrorResponse::temporary(), 2),
        (ErrorResponse::something_went_wrong(), 131_000),
    ] {
        let Stage {
            emulator,
            encryption,
            clock,
        } = stage().await;
        emulator.queue_fault(
            FaultRule::new(Fault::Error(answer.clone()))
                .method("POST")
                .times(2),
        );
        assert!(encryption.register(&KEYS[0]).await.unwrap().is_valid());
        assert_eq!(clock.sleeps().len(), 2);

        emulator.queue_fault(FaultRule::new(Fault::Error(answer)).method("POST").always());
        let error = refused(&encryption, code).await;
        assert!(
            error.is_transient() && error.to_string().contains("after 4 attempts"),
            "{error}"
        );
    }
}
