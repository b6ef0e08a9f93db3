//! What the phone side makes of answers, right and wrong.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::json;
use wa_emulator::{DeliveryFailure, Fault, FaultRule, FlowMessage, Outcome, ReplyFault, Spelling};

use crate::client::started;
use crate::endpoint::{Endpoint, OLD, Received, Reply, honest};
use crate::phone::fixed;

async fn outcome_of(behaviour: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Outcome {
    let endpoint = Endpoint::start(&OLD, behaviour).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    phone.send(&FlowMessage::init("t")).await.unwrap().outcome
}

#[tokio::test]
async fn a_427_is_told_with_its_message_in_either_form() {
    let text = json!({"error_msg": "This offer has ended"});
    let plain = text.to_string();
    let sealed =
        move |received: &Received| (427, "text/plain", received.opened.as_ref().unwrap().seal(&text));
    let outcome = outcome_of(sealed).await;
    assert!(
        matches!(&outcome, Outcome::FlowTokenInvalid { message: Some(message), encrypted: true } if message == "This offer has ended"),
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
async fn other_statuses_have_outcomes_of_their_own() {
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

/// A wrong answer to the opening of a Flow, and the fault that it has to be called.
type Case = (fn(&Received) -> Reply, fn(&ReplyFault) -> bool);

async fn each_is_named<const N: usize>(cases: [Case; N]) {
    for (index, (wrong, expected)) in cases.into_iter().enumerate() {
        let outcome = outcome_of(wrong).await;
        assert!(
            matches!(&outcome, Outcome::Unreadable(fault) if expected(fault)),
            "case {index}: {outcome:?}"
        );
    }
}

fn ok(body: String) -> Reply {
    (200, "text/plain", body)
}

#[tokio::test]
async fn each_fault_in_the_form_of_an_answer_is_named() {
    each_is_named([
        (
            |received| ok(format!("\"{}\"", honest(received).2)),
            |fault| *fault == ReplyFault::Spelling(Spelling::Quoted),
        ),
        (
            |received| (200, "application/json", format!("\"{}\"", honest(received).2)),
            |fault| *fault == ReplyFault::Spelling(Spelling::Quoted),
        ),
        (
            |_| {
                (
                    200,
                    "application/json",
                    r#"{"screen":"NEXT","data":{}}"#.to_owned(),
                )
            },
            |fault| *fault == ReplyFault::NotEncrypted,
        ),
        (
            |_| ok("no base64!".to_owned()),
            |fault| *fault == ReplyFault::NotBase64,
        ),
        (
            |received| {
                let mut body = honest(received).2;
                body.insert(20, '\n');
                ok(body)
            },
            |fault| *fault == ReplyFault::Spelling(Spelling::Wrapped),
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_answer_is_read_whatever_its_content_type_and_with_a_line_end_after_it() {
    for content_type in ["", "text/plain; charset=utf-8", "text/html", "application/json"] {
        let outcome = outcome_of(move |received| (200, content_type, honest(received).2)).await;
        assert!(outcome.payload().is_some(), "{content_type:?}: {outcome:?}");
    }
    for end in ["\n", "\r\n"] {
        let outcome = outcome_of(move |received| ok(honest(received).2 + end)).await;
        assert!(outcome.payload().is_some(), "{end:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn each_fault_in_what_an_answer_holds_is_named() {
    each_is_named([
        (|_| ok(String::new()), |fault| *fault == ReplyFault::TooShort),
        (|_| ok(BASE64.encode(&[0; 15])), |fault| *fault == ReplyFault::TooShort),
        (
            |received| {
                let opened = received.opened.as_ref().unwrap();
                ok(opened.encrypt(b"{}", opened.iv))
            },
            |fault| *fault == ReplyFault::UnflippedVector,
        ),
        (
            |received| {
                let mut body = BASE64.decode(honest(received).2.as_bytes()).unwrap();
                body[0] ^= 1;
                ok(BASE64.encode(&body))
            },
            |fault| *fault == ReplyFault::NotDecrypted,
        ),
        (
            |received| ok(received.opened.as_ref().unwrap().seal(&json!("text"))),
            |fault| *fault == ReplyFault::NotJson,
        ),
        (
            |received| ok(received.opened.as_ref().unwrap().seal(&json!({"data": {}}))),
            |fault| matches!(fault, ReplyFault::Schema { payload, .. } if payload.expose() == &json!({"data": {}})),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_ping_and_a_notice_are_held_to_their_own_answers() {
    let endpoint = Endpoint::start(&OLD, |received| {
        (
            200,
            "text/plain",
            received
                .opened
                .as_ref()
                .unwrap()
                .seal(&json!({"screen": "S", "data": {}})),
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
            matches!(exchange.outcome, Outcome::Unreadable(ReplyFault::Schema { .. })),
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
async fn no_answer_is_told_apart() {
    // Any server that keeps silent will do.
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::Silence));
    let phone = fixed(emulator.base_url())
        .timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    let outcome = phone.send(&FlowMessage::ping()).await.unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::NoAnswer(DeliveryFailure::TimedOut { .. })),
        "{outcome:?}"
    );
    let phone = fixed("http://127.0.0.1:1/").build().unwrap();
    let outcome = phone.send(&FlowMessage::ping()).await.unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::NoAnswer(DeliveryFailure::Connection { .. })),
        "{outcome:?}"
    );
    let outcome = outcome_of(|_| (200, "text/plain", "A".repeat(3 * 1024 * 1024))).await;
    assert!(
        matches!(outcome, Outcome::NoAnswer(DeliveryFailure::TooLarge { .. })),
        "{outcome:?}"
    );
}
