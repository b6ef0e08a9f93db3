//! What goes wrong below Graph: each fault of the emulator with its outcome here.

use std::time::Duration;

use wa_emulator::{DEFAULT_PHONE_NUMBER_ID, Fault, FaultRule};
use wa_encryption::EncryptionError;
use wa_graph::{BodyKind, GraphErrorKind, RetryPolicy, TransportErrorKind};

use crate::support::{KEYS, Stage, stage, stage_with};

/// For faults that end in the timeout; a slow machine may not turn any other fault into one.
const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(30);

/// The error of a single attempt to set a key while a fault strikes.
async fn struck_by(fault: Fault, timeout: Duration) -> EncryptionError {
    let Stage {
        emulator, encryption, ..
    } = stage_with(|builder| builder.retry(RetryPolicy::none()).request_timeout(timeout)).await;
    emulator.queue_fault(FaultRule::new(fault));
    encryption.set_business_public_key(&KEYS[0]).await.unwrap_err()
}

fn transport(error: &EncryptionError) -> TransportErrorKind {
    match error.graph().unwrap().kind() {
        GraphErrorKind::Transport(transport) => transport.kind(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn broken_connections_are_interruptions() {
    for fault in [Fault::Reset, Fault::ResetAfter, Fault::Truncate { keep: 5 }] {
        let error = struck_by(fault.clone(), LONG).await;
        assert_eq!(transport(&error), TransportErrorKind::Interrupted, "{fault:?}");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn silence_delay_and_drip_run_into_the_timeout() {
    for fault in [
        Fault::Silence,
        Fault::delay(Duration::from_mins(1)),
        Fault::Drip {
            chunk: 1,
            every_ms: 100,
        },
    ] {
        assert_eq!(
            transport(&struck_by(fault.clone(), SHORT).await),
            TransportErrorKind::Timeout,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn field_14_a_gateways_html_page_is_an_unexpected_response_with_its_status() {
    let error = struck_by(Fault::BadGateway, LONG).await;
    let GraphErrorKind::Unexpected(answer) = error.graph().unwrap().kind() else {
        panic!("{error:?}")
    };
    assert_eq!((answer.status().as_u16(), answer.body()), (502, BodyKind::Html));
    assert!(error.is_transient());
}

#[tokio::test]
async fn an_error_without_a_code_is_neither_a_key_nor_the_absence_of_one() {
    for body in [r#"{"error":"x"}"#, r#"{"error":{"message":"no"},"success":true}"#] {
        let fault = Fault::Status {
            status: 200,
            body: body.to_owned(),
            content_type: "application/json".to_owned(),
        };
        let Stage {
            emulator, encryption, ..
        } = stage().await;
        emulator.queue_fault(FaultRule::new(fault).always());
        for error in [
            encryption.get_business_public_key().await.unwrap_err(),
            encryption.verify(&KEYS[0]).await.unwrap_err(),
            encryption.set_business_public_key(&KEYS[0]).await.unwrap_err(),
        ] {
            assert!(
                matches!(error.graph().unwrap().kind(), GraphErrorKind::Unexpected(_)),
                "{error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_redirect_is_refused() {
    let location = "https://elsewhere.example/".into();
    let error = struck_by(Fault::Redirect { location }, LONG).await;
    assert!(
        matches!(error.graph().unwrap().kind(), GraphErrorKind::Redirect { host: Some(host), .. } if host == "elsewhere.example")
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn every_passing_fault_is_overcome_by_trying_again() {
    for fault in [
        Fault::Reset,
        Fault::ResetAfter,
        Fault::Truncate { keep: 5 },
        Fault::BadGateway,
        Fault::Status {
            status: 503,
            body: String::new(),
            content_type: String::new(),
        },
    ] {
        let Stage {
            emulator,
            encryption,
            clock,
        } = stage().await;
        emulator.queue_fault(FaultRule::new(fault.clone()).method("POST"));
        emulator.queue_fault(FaultRule::new(fault.clone()).method("GET"));
        assert!(
            encryption.register(&KEYS[0]).await.unwrap().is_valid(),
            "{fault:?}"
        );
        assert_eq!(clock.sleeps().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_key_set_although_the_answer_was_lost_is_set_again_without_harm() {
    let Stage {
        emulator, encryption, ..
    } = stage().await;
    emulator.queue_fault(FaultRule::new(Fault::ResetAfter).method("POST"));
    assert!(encryption.register(&KEYS[0]).await.unwrap().is_valid());
    assert_eq!(emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads, 2);
}
