//! How the phone reads correct and faulty responses.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::json;
use wa_emulator::{Fault, FaultRule};
use wa_phone::{FlowMessage, Outcome, ResponseFault, SendError, Spelling};

use crate::endpoint::{Endpoint, OLD, RawResponse, Received, correct};
use crate::phone::fixed;
use crate::started;

async fn outcome_of(behaviour: impl Fn(&Received) -> RawResponse + Send + Sync + 'static) -> Outcome {
    let endpoint = Endpoint::start(&OLD, behaviour).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    phone.send(&FlowMessage::init("t")).await.unwrap().outcome
}

#[tokio::test]
async fn a_427_has_its_message_encrypted_or_plain() {
    let text = json!({"error_msg": "This offer has ended"});
    let plain = text.to_string();
    let encrypted = move |received: &Received| {
        (
            427,
            "text/plain",
            received.opened.as_ref().unwrap().encrypt_response(&text),
        )
    };
    let outcome = outcome_of(encrypted).await;
    assert!(
        matches!(
            &outcome,
            Outcome::FlowTokenInvalid { message: Some(message), encrypted: true } if message == "This offer has ended"
        ),
        "{outcome:?}"
    );
    let outcome = outcome_of(move |_| (427, "application/json", plain.clone())).await;
    assert!(
        matches!(
            &outcome,
            Outcome::FlowTokenInvalid {
                message: Some(_),
                encrypted: false
            }
        ),
        "{outcome:?}"
    );
    let outcome = outcome_of(|_| (427, "", String::new())).await;
    assert!(
        matches!(
            &outcome,
            Outcome::FlowTokenInvalid {
                message: None,
                encrypted: false
            }
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn other_statuses_have_their_own_outcomes() {
    assert!(matches!(
        outcome_of(|_| (432, "", String::new())).await,
        Outcome::SignatureRefused
    ));
    assert!(matches!(
        outcome_of(|_| (500, "", "oops".to_owned())).await,
        Outcome::UnexpectedStatus(500)
    ));
    assert!(matches!(
        outcome_of(|_| (302, "", String::new())).await,
        Outcome::UnexpectedStatus(302)
    ));
}

/// A faulty response to `INIT`, and the expected fault.
type Case = (fn(&Received) -> RawResponse, fn(&ResponseFault) -> bool);

async fn each_is_named<const N: usize>(cases: [Case; N]) {
    for (index, (wrong, expected)) in cases.into_iter().enumerate() {
        let outcome = outcome_of(wrong).await;
        assert!(
            matches!(&outcome, Outcome::Unreadable(fault) if expected(fault)),
            "case {index}: {outcome:?}"
        );
    }
}

fn ok(body: String) -> RawResponse {
    (200, "text/plain", body)
}

#[tokio::test]
async fn faults_in_the_encoding_are_named() {
    each_is_named([
        (
            |received| ok(format!("\"{}\"", correct(received).2)),
            |fault| *fault == ResponseFault::Spelling(Spelling::Quoted),
        ),
        (
            |received| (200, "application/json", format!("\"{}\"", correct(received).2)),
            |fault| *fault == ResponseFault::Spelling(Spelling::Quoted),
        ),
        (
            |_| {
                (
                    200,
                    "application/json",
                    r#"{"screen":"NEXT","data":{}}"#.to_owned(),
                )
            },
            |fault| *fault == ResponseFault::NotEncrypted,
        ),
        (
            |_| ok("no base64!".to_owned()),
            |fault| *fault == ResponseFault::NotBase64,
        ),
        (
            |received| {
                let mut body = correct(received).2;
                body.insert(20, '\n');
                ok(body)
            },
            |fault| *fault == ResponseFault::Spelling(Spelling::Wrapped),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_response_is_read_with_any_content_type_and_a_line_end() {
    for content_type in ["", "text/plain; charset=utf-8", "text/html", "application/json"] {
        let outcome = outcome_of(move |received| (200, content_type, correct(received).2)).await;
        assert!(outcome.payload().is_some(), "{content_type:?}: {outcome:?}");
    }
    for end in ["\n", "\r\n"] {
        let outcome = outcome_of(move |received| ok(correct(received).2 + end)).await;
        assert!(outcome.payload().is_some(), "{end:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn faults_in_the_content_are_named() {
    each_is_named([
        (|_| ok(String::new()), |fault| *fault == ResponseFault::TooShort),
        (
            |_| ok(BASE64.encode(&[0; 15])),
            |fault| *fault == ResponseFault::TooShort,
        ),
        (
            |received| {
                let opened = received.opened.as_ref().unwrap();
                ok(opened.encrypt(b"{}", opened.iv))
            },
            |fault| *fault == ResponseFault::UnflippedVector,
        ),
        (
            |received| {
                let mut body = BASE64.decode(correct(received).2.as_bytes()).unwrap();
                body[0] ^= 1;
                ok(BASE64.encode(&body))
            },
            |fault| *fault == ResponseFault::NotDecrypted,
        ),
        (
            |received| ok(received.opened.as_ref().unwrap().encrypt_response(&json!("text"))),
            |fault| *fault == ResponseFault::NotJson,
        ),
        (
            |received| {
                ok(received
                    .opened
                    .as_ref()
                    .unwrap()
                    .encrypt_response(&json!({"data": {}})))
            },
            |fault| {
                matches!(
                    fault,
                    ResponseFault::Schema { payload, .. } if payload.expose() == &json!({"data": {}})
                )
            },
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_ping_and_an_error_notification_have_their_own_schema() {
    let endpoint = Endpoint::start(&OLD, |received| {
        (
            200,
            "text/plain",
            received
                .opened
                .as_ref()
                .unwrap()
                .encrypt_response(&json!({"screen": "S", "data": {}})),
        )
    })
    .await;
    let phone = fixed(&endpoint.url).build().unwrap();
    for message in [
        FlowMessage::ping(),
        FlowMessage::error_notification("t", "S", "e", "m"),
    ] {
        let exchange = phone.send(&message).await.unwrap();
        assert!(
            matches!(
                exchange.outcome,
                Outcome::Unreadable(ResponseFault::Schema { .. })
            ),
            "{message:?}"
        );
    }
    let raw = FlowMessage::raw(json!({"version": "3.0", "action": "ping", "unknown": [1, 2]}));
    assert!(phone.send(&raw).await.unwrap().outcome.payload().is_some());
    assert_eq!(
        endpoint.received()[2].opened.as_ref().unwrap().json()["unknown"],
        json!([1, 2])
    );
}

#[tokio::test]
async fn the_reasons_for_no_response_are_distinguished() {
    // Any server that never responds is sufficient.
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::Silence));
    let phone = fixed(emulator.base_url())
        .timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    let outcome = phone.send(&FlowMessage::ping()).await.unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::NoResponse(SendError::TimedOut { .. })),
        "{outcome:?}"
    );
    let phone = fixed("http://127.0.0.1:1/").build().unwrap();
    let outcome = phone.send(&FlowMessage::ping()).await.unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::NoResponse(SendError::Connection { .. })),
        "{outcome:?}"
    );
    let outcome = outcome_of(|_| (200, "text/plain", "A".repeat(3 * 1024 * 1024))).await;
    assert!(
        matches!(outcome, Outcome::NoResponse(SendError::TooLarge { .. })),
        "{outcome:?}"
    );
}
