//! Each fault, as a client observes it on its socket.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wa_emulator::{
    DEFAULT_ACCOUNT_ID, DEFAULT_PHONE_NUMBER_ID, ErrorResponse, Fault, FaultRule, SignatureStatus,
};

use crate::client::{PUBLIC_KEY, bearer, get, key_path, send, set_key, started};

#[tokio::test]
async fn a_bad_gateway_is_an_html_page() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::BadGateway));
    let response = set_key(&emulator, PUBLIC_KEY).await;
    assert_eq!(
        (response.status, response.header("content-type")),
        (502, Some("text/html; charset=utf-8"))
    );
    assert!(response.text().starts_with("<!DOCTYPE html>"));
    assert_eq!(
        emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads,
        0,
        "the call was not carried out"
    );
}

#[tokio::test]
async fn any_status_and_body_can_be_sent() {
    let emulator = started().await;
    let fault = Fault::Status {
        status: 503,
        body: "{".to_owned(),
        content_type: "application/json".to_owned(),
    };
    emulator.queue_fault(FaultRule::new(fault).header("Retry-After", "2"));
    let response = get(&emulator, &key_path()).await;
    assert_eq!((response.status, response.text().as_str()), (503, "{"));
    assert_eq!(response.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn a_redirect_names_its_target() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::Redirect {
        location: "http://elsewhere.example/".to_owned(),
    }));
    let response = get(&emulator, &key_path()).await;
    assert_eq!(
        (response.status, response.header("location")),
        (302, Some("http://elsewhere.example/"))
    );
}

#[tokio::test]
async fn a_reset_ends_the_connection_before_or_after_the_work() {
    let emulator = started().await;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("business_public_key", PUBLIC_KEY)
        .finish();
    for (fault, uploads) in [(Fault::Reset, 0), (Fault::ResetAfter, 1)] {
        emulator.queue_fault(FaultRule::new(fault.clone()));
        let headers = [("Authorization", &*bearer())];
        let outcome = send(
            emulator.local_addr(),
            "POST",
            &key_path(),
            &headers,
            form.as_bytes(),
        )
        .await;
        assert_eq!(
            outcome.err().map(|error| error.kind()),
            Some(ErrorKind::ConnectionReset),
            "{fault:?}"
        );
        assert_eq!(
            emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads,
            uploads,
            "{fault:?}"
        );
    }
    assert_eq!(
        emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().signature_status,
        SignatureStatus::Valid
    );
    let statuses: Vec<_> = emulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, None]);
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_its_length() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::Truncate { keep: 9 }));
    let response = get(&emulator, &key_path()).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.body.len(), 9);
    assert!(
        response
            .header("content-length")
            .unwrap()
            .parse::<usize>()
            .unwrap()
            > 9
    );
}

#[tokio::test]
async fn a_drip_arrives_in_pieces_and_complete() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::Drip {
        chunk: 1,
        every_ms: 5,
    }));
    let mut stream = TcpStream::connect(emulator.local_addr()).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\n\r\n",
        key_path(),
        bearer()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut pieces = 0;
    let mut received = Vec::new();
    while stream.read_buf(&mut received).await.unwrap() > 0 {
        pieces += 1;
    }
    assert!(pieces > 10, "{pieces} pieces");
    assert!(received.ends_with(b"\"}]}"));
}

#[tokio::test]
async fn a_delay_changes_only_the_time() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::delay(Duration::from_hours(1))));
    let early = timeout(Duration::from_millis(50), get(&emulator, &key_path())).await;
    assert!(early.is_err(), "no response yet");
    emulator.queue_fault(FaultRule::new(Fault::delay(Duration::from_millis(1))));
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}

#[tokio::test]
async fn silence_affects_only_its_own_call() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::Silence));
    let silent = timeout(Duration::from_millis(100), get(&emulator, &key_path())).await;
    assert!(silent.is_err(), "no response");
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}

#[tokio::test]
async fn rate_limit_faults_have_usage_headers() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::AppRateLimit));
    emulator.queue_fault(FaultRule::new(Fault::AccountRateLimit));
    let response = get(&emulator, &key_path()).await;
    assert_eq!(
        (response.status, &response.json()["error"]["code"]),
        (429, &json!(4))
    );
    assert!(
        response
            .header("x-app-usage")
            .unwrap()
            .contains("\"call_count\":100")
    );
    let response = get(&emulator, &key_path()).await;
    assert_eq!(
        (response.status, &response.json()["error"]["code"]),
        (400, &json!(80007))
    );
    let usage: serde_json::Value =
        serde_json::from_str(response.header("x-business-use-case-usage").unwrap()).unwrap();
    assert_eq!(
        usage[DEFAULT_ACCOUNT_ID][0]["estimated_time_to_regain_access"],
        19
    );
    assert!(response.header("x-app-usage").is_some());
}

#[tokio::test]
async fn a_rule_applies_to_matching_calls_and_as_often_as_configured() {
    let emulator = started().await;
    let other = emulator.add_numbers(DEFAULT_ACCOUNT_ID, 1).unwrap().remove(0);
    let rule = FaultRule::new(Fault::Error(ErrorResponse::temporary()));
    emulator.queue_fault(
        rule.clone()
            .method("post")
            .path("encryption")
            .number(DEFAULT_PHONE_NUMBER_ID)
            .times(2),
    );
    assert_eq!(get(&emulator, &key_path()).await.status, 200, "another method");
    let elsewhere = format!("/v25.0/{other}/whatsapp_business_encryption");
    let headers = [("Authorization", &*bearer())];
    let response = send(emulator.local_addr(), "POST", &elsewhere, &headers, b"")
        .await
        .unwrap();
    assert_eq!(response.status, 400, "another number");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(set_key(&emulator, PUBLIC_KEY).await.status);
    }
    assert_eq!(statuses, [500, 500, 200]);
    assert!(emulator.faults().is_empty());
    emulator.queue_fault(rule.clone().always());
    for _ in 0..5 {
        assert_eq!(get(&emulator, &key_path()).await.status, 500);
    }
    assert_eq!(emulator.faults().len(), 1);
    emulator.clear_faults();
    emulator.queue_fault(rule.times(0));
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}
