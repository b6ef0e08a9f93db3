//! The key that the phone encrypts with, and its retry after a 421.

use std::time::Duration;

use serde_json::Value;
use wa_emulator::{DEFAULT_PHONE_NUMBER_ID, Fault, FaultRule, NoKeyShape, WireShape};
use wa_phone::{ClientKind, FlowMessage, Outcome, PhoneError};

use crate::endpoint::{Endpoint, NEW, OLD, correct};
use crate::phone::{fetching, fixed, payload};
use crate::started;

#[tokio::test]
async fn after_a_421_a_phone_fetches_the_key_again_and_succeeds() {
    let endpoint = Endpoint::start(&NEW, correct).await;
    let emulator = started().await;
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let phone = fetching(&emulator, &endpoint.url).build().unwrap();
    phone.open().await.unwrap();
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&NEW.pem))
        .unwrap();
    let exchange = phone.send(&FlowMessage::init("t")).await.unwrap();
    assert_eq!(payload(&exchange)["screen"], "NEXT");
    assert_eq!((exchange.attempts, emulator.requests().len()), (2, 2));
    let exchange = phone.send(&FlowMessage::init("t")).await.unwrap();
    assert_eq!(exchange.attempts, 1, "the new key is kept");
    let bodies: Vec<Value> = endpoint
        .received()
        .iter()
        .map(|received| serde_json::from_slice(&received.body).unwrap())
        .collect();
    assert_ne!(
        bodies[0]["initial_vector"], bodies[1]["initial_vector"],
        "a retry has its own vector"
    );
}

#[tokio::test]
async fn whatsapp_web_keeps_the_key_that_it_opened_the_flow_with() {
    let endpoint = Endpoint::start(&NEW, correct).await;
    let emulator = started().await;
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let web = fetching(&emulator, &endpoint.url)
        .kind(ClientKind::Web)
        .build()
        .unwrap();
    web.open().await.unwrap();
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&NEW.pem))
        .unwrap();
    let exchange = web.send(&FlowMessage::init("t")).await.unwrap();
    assert!(matches!(exchange.outcome, Outcome::KeyRefused));
    assert_eq!((exchange.attempts, emulator.requests().len()), (2, 1));
    web.open().await.unwrap();
    assert_eq!(
        web.send(&FlowMessage::init("t")).await.unwrap().attempts,
        1,
        "opening the Flow again fetches the new key"
    );
}

#[tokio::test]
async fn a_421_is_retried_once_and_an_error_notification_never() {
    let endpoint = Endpoint::start(&NEW, correct).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    let exchange = phone.send(&FlowMessage::init("t")).await.unwrap();
    assert!(matches!(exchange.outcome, Outcome::KeyRefused));
    assert_eq!(endpoint.received().len(), 2);
    let notification = FlowMessage::error_notification("t", "S", "timeout_error", "late");
    assert_eq!(phone.send(&notification).await.unwrap().attempts, 1);
    assert_eq!(endpoint.received().len(), 3);
}

#[tokio::test]
async fn without_a_valid_key_no_request_is_sent() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let emulator = started().await;
    let send = async || {
        let phone = fetching(&emulator, &endpoint.url).build().unwrap();
        phone.send(&FlowMessage::ping()).await.unwrap_err()
    };
    assert!(matches!(send().await, PhoneError::NoKey));
    emulator.set_wire_shape(WireShape::new().no_key(NoKeyShape::EmptyData));
    assert!(matches!(send().await, PhoneError::NoKey));
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    emulator.reregister_number(DEFAULT_PHONE_NUMBER_ID).unwrap();
    assert!(matches!(send().await, PhoneError::SignatureMismatch));
    emulator.expire_token("default").unwrap();
    assert!(matches!(
        send().await,
        PhoneError::KeyRefused {
            status: 401,
            code: Some(190)
        }
    ));
    let fault = Fault::Status {
        status: 200,
        body: "{".to_owned(),
        content_type: String::new(),
    };
    emulator.queue_fault(FaultRule::new(fault));
    assert!(matches!(send().await, PhoneError::KeyUnreadable));
    emulator.queue_fault(FaultRule::new(Fault::Reset).always());
    assert!(matches!(send().await, PhoneError::KeyUnreachable { .. }));
    assert!(endpoint.received().is_empty());
}

#[tokio::test]
async fn the_flat_shape_of_a_key_is_accepted() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let emulator = started().await;
    emulator.set_wire_shape(WireShape::new().flat(true));
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let phone = fetching(&emulator, &endpoint.url).build().unwrap();
    assert!(
        phone
            .send(&FlowMessage::ping())
            .await
            .unwrap()
            .outcome
            .payload()
            .is_some()
    );
}

#[tokio::test]
async fn whatsapp_web_keeps_the_old_key_for_a_set_time() {
    let endpoint = Endpoint::start(&NEW, correct).await;
    let emulator = started().await;
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let web = fetching(&emulator, &endpoint.url)
        .kind(ClientKind::Web)
        .key_lifetime(Duration::from_millis(400))
        .build()
        .unwrap();
    web.open().await.unwrap();
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&NEW.pem))
        .unwrap();
    let exchange = web.send(&FlowMessage::init("t")).await.unwrap();
    assert!(
        matches!(exchange.outcome, Outcome::KeyRefused),
        "the old key is kept"
    );
    tokio::time::sleep(Duration::from_millis(450)).await;
    let exchange = web.send(&FlowMessage::init("t")).await.unwrap();
    assert_eq!(
        (exchange.attempts, payload(&exchange)["screen"].as_str()),
        (1, Some("NEXT"))
    );
}
