//! Whole journeys against the emulator.

use std::time::Duration;

use wa_emulator::{
    AccountSpec, BusinessSpec, DEFAULT_ACCESS_TOKEN, DEFAULT_ACCOUNT_ID, DEFAULT_APP_ID, DEFAULT_APP_SECRET,
    DEFAULT_BUSINESS_ID, DEFAULT_PHONE_NUMBER_ID, Fault, FaultRule, NoKeyShape, WireShape,
};
use wa_encryption::{EncryptionApi, EncryptionError, ReadBack, RegisteredKey, SignatureStatus, Verification};
use wa_graph::{AccessToken, AppSecret, AppSecretProof, NodeKind};

use crate::support::{KEYS, Stage, stage, stage_with};

#[tokio::test]
async fn a_key_is_registered_read_back_and_good() {
    let Stage {
        emulator,
        encryption,
        clock,
    } = stage().await;
    let verification = encryption.register(&KEYS[0]).await.unwrap();
    assert_eq!(
        verification,
        Verification::Valid {
            fingerprint: KEYS[0].fingerprint()
        }
    );
    assert_eq!(encryption.verify(&KEYS[0]).await.unwrap(), verification);
    let found = encryption.get_business_public_key().await.unwrap();
    assert!(found.is_usable());
    assert_eq!(found.public_key(), Some(&KEYS[0]));
    let there = emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap();
    assert_eq!(
        (there.uploads, there.business_public_key),
        (1, Some(KEYS[0].to_pem()))
    );
    assert!(
        clock.sleeps().is_empty(),
        "a key that shows at once is not waited for"
    );
}

#[tokio::test]
async fn a_number_without_a_key_is_told_so_in_every_shape() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    for shape in [
        NoKeyShape::Blank,
        NoKeyShape::EmptyData,
        NoKeyShape::Null,
        NoKeyShape::Absent,
    ] {
        for flat in [false, true] {
            emulator.set_wire_shape(WireShape::new().no_key(shape).flat(flat));
            let found = encryption.get_business_public_key().await.unwrap();
            assert!(matches!(found.registered(), RegisteredKey::Absent), "{shape:?}");
            let verification = encryption.verify(&KEYS[0]).await.unwrap();
            assert_eq!(
                verification,
                Verification::NotRegistered {
                    expected: KEYS[0].fingerprint()
                }
            );
        }
    }
}

#[tokio::test]
async fn other_shapes_of_the_answers_make_no_difference() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    emulator.set_wire_shape(WireShape::new().flat(true).success_as_text(true));
    assert!(encryption.register(&KEYS[0]).await.unwrap().is_valid());
}

#[tokio::test]
async fn a_number_that_is_registered_again_is_a_mismatch_until_the_key_is_set_again() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    encryption.register(&KEYS[0]).await.unwrap();
    emulator.reregister_number(DEFAULT_PHONE_NUMBER_ID).unwrap();
    let found = encryption.get_business_public_key().await.unwrap();
    assert_eq!(found.signature_status(), Some(&SignatureStatus::Mismatch));
    assert!(!found.is_usable());
    let verification = encryption.verify(&KEYS[0]).await.unwrap();
    assert_eq!(
        verification,
        Verification::Mismatch {
            fingerprint: KEYS[0].fingerprint()
        }
    );
    assert!(encryption.register(&KEYS[0]).await.unwrap().is_valid());
}

#[tokio::test]
async fn another_key_is_found_and_replaced() {
    let Stage {
        emulator: _emulator,
        encryption,
        ..
    } = stage().await;
    encryption.register(&KEYS[1]).await.unwrap();
    let verification = encryption.verify(&KEYS[0]).await.unwrap();
    let expected = Verification::AnotherKey {
        expected: KEYS[0].fingerprint(),
        registered: KEYS[1].fingerprint(),
        status: Some(SignatureStatus::Valid),
    };
    assert_eq!(verification, expected);
    assert!(encryption.register(&KEYS[0]).await.unwrap().is_valid());
}

#[tokio::test]
async fn a_key_that_shows_late_is_read_again_after_growing_pauses() {
    let Stage {
        emulator,
        encryption,
        clock,
    } = stage().await;
    let stale = r#"{"data":[{"business_public_key":" ","business_public_key_signature_status":"MISMATCH"}]}"#;
    let fault = Fault::Status {
        status: 200,
        body: stale.into(),
        content_type: "application/json".into(),
    };
    emulator.queue_fault(FaultRule::new(fault.clone()).method("GET").times(3));
    assert!(encryption.register(&KEYS[0]).await.unwrap().is_valid());
    assert_eq!(clock.sleeps(), [1, 2, 3].map(Duration::from_secs));

    emulator.queue_fault(FaultRule::new(fault).method("GET").always());
    let impatient = encryption
        .clone()
        .read_back(ReadBack::default().reads(2).pause(Duration::from_secs(9)));
    let verification = impatient.register(&KEYS[0]).await.unwrap();
    let (expected, shown) = (KEYS[0].fingerprint(), None);
    assert_eq!(verification, Verification::NotVisible { expected, shown });
    assert!(!verification.is_valid() && !verification.is_registered());
    assert_eq!(clock.sleeps()[3..], [Duration::from_secs(9)]);
}

#[tokio::test]
async fn a_key_that_was_set_but_cannot_be_read_back_is_told_so() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    emulator.queue_fault(FaultRule::new(Fault::BadGateway).method("GET").always());
    let error = encryption.register(&KEYS[0]).await.unwrap_err();
    assert!(matches!(error, EncryptionError::ReadBack { .. }), "{error:?}");
    assert!(error.is_transient());
    assert_eq!(emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads, 1);
}

#[tokio::test]
async fn every_number_of_an_account_gets_the_key_through_one_client() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    emulator.add_numbers(DEFAULT_ACCOUNT_ID, 120).unwrap();
    let client = encryption.client();
    let numbers = client
        .phone_numbers(&DEFAULT_ACCOUNT_ID.parse().unwrap())
        .all()
        .await
        .unwrap();
    assert_eq!(numbers.len(), 121);
    for number in numbers.iter().rev().take(3) {
        let encryption = EncryptionApi::new(client.clone(), number.id.clone());
        assert!(
            encryption.register(&KEYS[0]).await.unwrap().is_valid(),
            "{}",
            number.id
        );
    }
}

#[tokio::test]
async fn an_app_that_wants_the_proof_gets_it_in_both_forms() {
    for form in [AppSecretProof::Classic, AppSecretProof::Timed] {
        let Stage {
            emulator, encryption, ..
        } = stage_with(|builder| {
            let secret = AppSecret::new(DEFAULT_APP_SECRET).unwrap();
            builder
                .app_secret(secret)
                .app_secret_proof(form)
                .clock(wa_graph::SystemClock::default())
        })
        .await;
        emulator.require_proof(DEFAULT_APP_ID, true).unwrap();
        assert!(
            encryption.register(&KEYS[0]).await.unwrap().is_valid(),
            "{form:?}"
        );
    }
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    emulator.require_proof(DEFAULT_APP_ID, true).unwrap();
    let error = encryption.set_business_public_key(&KEYS[0]).await.unwrap_err();
    assert!(error.remedy().unwrap().contains("WA_APP_SECRET"), "{error}");
}

#[tokio::test]
async fn a_fleet_is_found_from_its_business_down_to_each_number() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    emulator.set_wire_shape(WireShape::new().numeric_account_ids(true));
    let client_business = emulator.add_business(&BusinessSpec::new()).unwrap();
    for number in 0..150 {
        let account = AccountSpec::new()
            .name(format!("Client {number}"))
            .owned_by(&client_business)
            .shared_with(DEFAULT_BUSINESS_ID);
        emulator.add_account(&account).unwrap();
    }
    let (client, business) = (encryption.client(), DEFAULT_BUSINESS_ID.parse().unwrap());
    let owned = client.owned_accounts(&business).all().await.unwrap();
    assert_eq!(
        owned
            .iter()
            .map(|account| account.id.as_str())
            .collect::<Vec<_>>(),
        [DEFAULT_ACCOUNT_ID]
    );
    assert_eq!(client.client_accounts(&business).all().await.unwrap().len(), 150);
    let numbers = client.phone_numbers(&owned[0].id).all().await.unwrap();
    assert_eq!(&numbers[0].id, encryption.phone_number_id());
    assert_eq!(
        numbers[0].display_phone_number.as_deref(),
        Some("+1 555-025-3483")
    );
}

#[tokio::test]
async fn a_token_is_inspected_by_its_app() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    let secret = AppSecret::new(DEFAULT_APP_SECRET).unwrap();
    let app = encryption
        .client()
        .with_access_token(AccessToken::for_app(DEFAULT_APP_ID, &secret).unwrap());
    let token = AccessToken::new(DEFAULT_ACCESS_TOKEN).unwrap();
    let info = app.debug_token(&token).await.unwrap();
    assert!(info.is_valid && info.has_scope_for("whatsapp_business_messaging", DEFAULT_ACCOUNT_ID));
    assert_eq!(info.app_id.as_deref(), Some(DEFAULT_APP_ID));

    emulator
        .drop_permission("default", "whatsapp_business_messaging")
        .unwrap();
    assert!(
        !app.debug_token(&token)
            .await
            .unwrap()
            .has_scope("whatsapp_business_messaging")
    );
    emulator.expire_token("default").unwrap();
    let info = app.debug_token(&token).await.unwrap();
    assert!(!info.is_valid);
    assert_eq!(info.error.and_then(|error| error.code), Some(190));
}

#[tokio::test]
async fn an_upload_that_does_not_replace_the_shown_key_yet_is_not_called_a_foreign_key() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    let status = "VALID";
    let old = serde_json::json!({"data": [{"business_public_key": KEYS[1].to_pem(),
        "business_public_key_signature_status": status}]});
    let fault = Fault::Status {
        status: 200,
        body: old.to_string(),
        content_type: "application/json".into(),
    };
    emulator.queue_fault(FaultRule::new(fault).method("GET").always());
    let verification = encryption.register(&KEYS[0]).await.unwrap();
    let (expected, shown) = (KEYS[0].fingerprint(), Some(KEYS[1].fingerprint()));
    assert_eq!(verification, Verification::NotVisible { expected, shown });
    assert_eq!(verification.other_key(), shown);
}

#[tokio::test]
async fn the_id_of_an_account_is_told_apart_from_a_bad_key() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    let of = |id: &str| EncryptionApi::new(encryption.client().clone(), id.parse().unwrap());
    let account = of(DEFAULT_ACCOUNT_ID);
    let refused = account.set_business_public_key(&KEYS[0]).await.unwrap_err();
    let explained = account.explain(refused).await;
    let EncryptionError::NotAPhoneNumber { node, .. } = &explained else {
        panic!("{explained:?}")
    };
    let phone_numbers = vec![DEFAULT_PHONE_NUMBER_ID.parse().unwrap()];
    assert_eq!(node, &NodeKind::Account { phone_numbers });
    assert_eq!(
        explained.to_string(),
        format!("{DEFAULT_ACCOUNT_ID} is the id of a WhatsApp Business Account, not of a phone number")
    );
    assert!(explained.code().is_some() && explained.remedy().is_some());

    // A number that refuses the key itself keeps its error, as does an id that does not exist.
    let fault = || {
        Fault::Error(wa_emulator::ErrorResponse::new(
            400,
            100,
            "Business public key is invalid",
        ))
    };
    emulator.queue_fault(FaultRule::new(fault()).method("POST"));
    let refused = encryption.set_business_public_key(&KEYS[0]).await.unwrap_err();
    assert!(matches!(
        encryption.explain(refused).await,
        EncryptionError::Graph(_)
    ));
    let nothing = of("999");
    let refused = nothing.get_business_public_key().await.unwrap_err();
    assert!(matches!(
        nothing.explain(refused).await,
        EncryptionError::Graph(_)
    ));
}
