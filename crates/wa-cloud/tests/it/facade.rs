//! The facade against the emulator.

use wa_cloud::keys::{KeyError, PrivateKey};
use wa_cloud::prelude::*;
use wa_cloud::{BuildError, WhatsAppBuilder};
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_ACCOUNT_ID, DEFAULT_PHONE_NUMBER_ID, Emulator};

fn builder(emulator: &Emulator) -> WhatsAppBuilder {
    WhatsApp::builder()
        .phone_number_id(DEFAULT_PHONE_NUMBER_ID)
        .access_token(DEFAULT_ACCESS_TOKEN)
        .base_url(emulator.base_url())
}

#[tokio::test]
async fn a_key_is_taken_as_text_as_bytes_and_as_a_key() {
    let emulator = Emulator::builder().start().await.unwrap();
    let encryption = builder(&emulator).build().unwrap().encryption();
    let private = PrivateKey::generate().unwrap();
    let key = private.public_key();
    let pem = key.to_pem();

    encryption.set_business_public_key(pem.as_str()).await.unwrap();
    encryption.set_business_public_key(&pem).await.unwrap();
    encryption.set_business_public_key(key.as_der()).await.unwrap();
    encryption
        .set_business_public_key(pem.clone().into_bytes())
        .await
        .unwrap();
    encryption.set_business_public_key(key.clone()).await.unwrap();
    assert_eq!(emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads, 5);

    assert!(encryption.verify(key).await.unwrap().is_valid());
    assert!(encryption.register(pem).await.unwrap().is_valid());
    let found = encryption.get_business_public_key().await.unwrap();
    assert_eq!((found.public_key(), found.is_usable()), (Some(key), true));
}

#[tokio::test]
async fn what_is_no_public_key_is_refused_before_anything_is_sent() {
    let emulator = Emulator::builder().start().await.unwrap();
    let encryption = builder(&emulator).build().unwrap().encryption();
    let private = PrivateKey::generate().unwrap();
    for text in ["", "not a key", private.secret_pkcs8_pem().expose_secret()] {
        let error = encryption.set_business_public_key(text).await.unwrap_err();
        let Error::Key(problem) = &error else {
            unreachable!("{error:?}")
        };
        let _: &KeyError = problem;
        assert!(error.code().is_none());
    }
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn errors_are_handled_by_code() {
    let emulator = Emulator::builder().start().await.unwrap();
    emulator
        .drop_permission("default", "whatsapp_business_messaging")
        .unwrap();
    let encryption = builder(&emulator).build().unwrap().encryption();
    let private = PrivateKey::generate().unwrap();
    let error = encryption
        .set_business_public_key(private.public_key())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::new(10)));
    assert!(error.remedy().unwrap().contains("whatsapp_business_messaging"));
    assert!(
        error
            .graph()
            .is_some_and(wa_cloud::graph::GraphError::is_permission)
    );
}

#[tokio::test]
async fn one_client_serves_several_numbers() {
    let emulator = Emulator::builder().start().await.unwrap();
    let ids = emulator.add_numbers(DEFAULT_ACCOUNT_ID, 3).unwrap();
    let whatsapp = builder(&emulator).build().unwrap();
    let private = PrivateKey::generate().unwrap();
    for id in ids {
        let number = whatsapp.for_phone_number(id.parse().unwrap());
        assert!(
            number
                .encryption()
                .register(private.public_key())
                .await
                .unwrap()
                .is_valid()
        );
        assert_eq!(emulator.number(&id).unwrap().uploads, 1);
    }
    assert_eq!(emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads, 0);
}

#[test]
fn settings_that_are_wrong_are_named() {
    let complete = || WhatsApp::builder().phone_number_id("1065").access_token("EAA1");
    assert!(complete().build().is_ok());
    assert!(matches!(
        WhatsApp::builder().build(),
        Err(BuildError::Missing { .. })
    ));
    assert!(matches!(
        complete().phone_number_id("+1 555 0100").build(),
        Err(BuildError::PhoneNumberId(_))
    ));
    assert!(matches!(
        complete().access_token("Bearer x").build(),
        Err(BuildError::Secret(_))
    ));
    assert!(matches!(
        complete().app_secret(" ").build(),
        Err(BuildError::Secret(_))
    ));
    assert!(matches!(
        complete().api_version("25").build(),
        Err(BuildError::ApiVersion(_))
    ));
    assert!(matches!(
        complete().base_url("http://graph.example").build(),
        Err(BuildError::Client(_))
    ));
}
