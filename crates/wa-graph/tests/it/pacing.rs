//! The pacer in the client: calls wait for the time that Graph names, and no call is made before it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use httpmock::prelude::*;
use serde_json::{Value, json};
use wa_graph::{ErrorCode, GraphErrorKind, GraphRequest, HeldCalls, LimitScope, Pacer, RetryPolicy, WabaId};

use crate::support::{self, TestClock};

const NUMBER: &str = "1001/whatsapp_business_encryption";
const MINUTE: Duration = Duration::from_mins(1);

fn account_limit(minutes: u32) -> String {
    json!({"77": [{
        "type": "whatsapp_business_management", "call_count": 100, "total_cputime": 1, "total_time": 1,
        "estimated_time_to_regain_access": minutes,
    }]})
    .to_string()
}

fn waba(id: &str) -> WabaId {
    id.parse().unwrap()
}

#[tokio::test]
async fn no_call_about_an_account_is_made_before_the_time_that_graph_named() {
    let server = MockServer::start();
    let limited = server.mock(|when, then| {
        when.path("/v25.0/77/phone_numbers");
        then.status(400)
            .header("x-business-use-case-usage", account_limit(19))
            .json_body(json!({"error": {"message": "m", "type": "OAuthException", "code": 80_007}}));
    });
    let others = server.mock(|when, then| {
        when.path_includes("whatsapp_business_encryption");
        then.status(200).json_body(json!({"data": []}));
    });
    let clock = TestClock::default();
    let client = support::builder(&server.base_url())
        .clock(clock.clone())
        .build()
        .unwrap();
    let error = client
        .execute::<Value>(GraphRequest::get("77/phone_numbers"))
        .await
        .unwrap_err();
    assert_eq!(error.retry_in(), Some(MINUTE * 19));
    for request in [
        GraphRequest::get("77/phone_numbers"),
        GraphRequest::get(NUMBER).account(waba("77")),
    ] {
        let error = client.execute::<Value>(request).await.unwrap_err();
        assert!(
            matches!(error.kind(), GraphErrorKind::Held { calls: HeldCalls::Object(id) } if id == "77"),
            "{error}"
        );
        assert!(error.is_rate_limited() && error.is_transient() && !error.affects_every_call());
        assert_eq!(error.limit_scope(), Some(LimitScope::Account));
        assert_eq!((error.attempts(), error.code()), (0, None));
        let end = UNIX_EPOCH + TestClock::START + MINUTE * 19;
        assert_eq!(error.retry_at(), Some(end));
        assert!(
            error
                .to_string()
                .ends_with("not sent: the rate limit of account 77 lasts; call again in 19 min"),
            "{error}"
        );
    }
    assert_eq!((limited.calls(), others.calls()), (1, 0));
    let other = GraphRequest::get(NUMBER).account(waba("78"));
    assert!(client.execute::<Value>(other).await.is_ok());
    // Another token has limits of its own.
    let token = wa_graph::AccessToken::new("EAAother").unwrap();
    let call = GraphRequest::get(NUMBER).account(waba("77"));
    assert!(
        client
            .with_access_token(token)
            .execute::<Value>(call)
            .await
            .is_ok()
    );
    assert!(clock.sleeps().is_empty());
}

#[tokio::test]
async fn a_patient_call_waits_for_the_end_and_then_succeeds() {
    let server = MockServer::start();
    let mut limited = server.mock(|when, then| {
        when.path_includes("whatsapp_business_encryption");
        then.status(429)
            .header("retry-after", "1800")
            .json_body(json!({"error": {"message": "m", "type": "OAuthException", "code": 4}}));
    });
    let clock = TestClock::default();
    let holds = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&holds);
    let pacer = Pacer::default()
        .max_wait(MINUTE * 60)
        .on_wait(move |hold| seen.lock().unwrap().push((hold.calls.clone(), hold.wait)));
    let client = support::builder(&server.base_url())
        .clock(clock.clone())
        .pacer(pacer)
        .retry(RetryPolicy::default().max_attempts(1))
        .build()
        .unwrap();
    let error = client
        .execute::<Value>(GraphRequest::get(NUMBER))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::new(4)));
    assert_eq!(client.pacer().holds(&clock).len(), 1);
    assert_eq!(limited.calls(), 1);
    limited.delete();
    server.mock(|when, then| {
        when.path_includes("whatsapp_business_encryption");
        then.status(200)
            .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .json_body(json!({"data": []}));
    });
    let response = client.execute::<Value>(GraphRequest::get(NUMBER)).await.unwrap();
    assert_eq!(response.meta.attempts, 1);
    assert_eq!(response.meta.elapsed, MINUTE * 30);
    assert_eq!(
        response.meta.date,
        Some(UNIX_EPOCH + Duration::from_secs(784_111_777))
    );
    assert_eq!(clock.sleeps(), [MINUTE * 30]);
    assert_eq!(*holds.lock().unwrap(), [(HeldCalls::All, MINUTE * 30)]);
}

#[tokio::test]
async fn a_limited_call_is_repeated_after_a_wait_that_does_not_count_as_retry_time() {
    let server = MockServer::start();
    let limited = server.mock(|when, then| {
        when.any_request();
        then.status(400)
            .header("x-business-use-case-usage", account_limit(10))
            .json_body(json!({"error": {"message": "m", "type": "OAuthException", "code": 80_007}}));
    });
    let clock = TestClock::default();
    let client = support::builder(&server.base_url())
        .clock(clock.clone())
        .pacer(Pacer::default().max_wait(MINUTE * 25))
        .build()
        .unwrap();
    let request = GraphRequest::get(NUMBER).account(waba("77"));
    let error = client.execute::<Value>(request).await.unwrap_err();
    // Two waits of ten minutes fit into 25 minutes, a third does not.
    assert_eq!((error.attempts(), limited.calls()), (3, 3), "{error}");
    assert_eq!(clock.sleeps(), [MINUTE * 10; 2]);
    assert_eq!(error.code(), Some(ErrorCode::new(80_007)));
}

#[tokio::test]
async fn a_limit_without_a_named_end_holds_calls_only_if_a_wait_is_set() {
    let server = MockServer::start();
    let limited = server.mock(|when, then| {
        when.any_request();
        then.status(400)
            .header("x-app-usage", r#"{"call_count":100}"#)
            .json_body(json!({"error": {"message": "m", "type": "OAuthException", "code": 4}}));
    });
    for (pacer, calls) in [
        (Pacer::default(), 2),
        (Pacer::default().unnamed_wait(MINUTE * 10), 1),
    ] {
        let client = support::builder(&server.base_url())
            .clock(TestClock::default())
            .retry(RetryPolicy::none())
            .pacer(pacer)
            .build()
            .unwrap();
        let before = limited.calls();
        for _ in 0..2 {
            let error = client
                .execute::<Value>(GraphRequest::get(NUMBER))
                .await
                .unwrap_err();
            assert!(error.is_rate_limited() && error.affects_every_call(), "{error}");
        }
        assert_eq!(limited.calls() - before, calls);
    }
}
