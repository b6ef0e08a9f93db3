//! Single calls: what is sent, and what is made of odd answers.

use std::time::{Duration, UNIX_EPOCH};

use httpmock::prelude::*;
use serde_json::{Value, json};
use wa_encryption::{EncryptionApi, EncryptionError, RegisteredKey, Verification};
use wa_graph::{AccessToken, GraphClient};

use crate::support::{KEYS, number};

const PATH: &str = "/v25.0/106540352242922/whatsapp_business_encryption";

fn api(server: &MockServer) -> EncryptionApi {
    let client = GraphClient::builder(AccessToken::new("EAAtoken").unwrap()).base_url(server.base_url());
    EncryptionApi::new(client.build().unwrap(), number())
}

fn answering(body: Value) -> MockServer {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.path(PATH);
        then.status(200).header("x-fb-trace-id", "Atrace").json_body(body);
    });
    server
}

#[tokio::test]
async fn the_key_is_posted_as_one_form_field_with_its_line_ends() {
    let pem = KEYS[0].to_pem();
    assert!(pem.contains('\n'));
    let server = MockServer::start();
    let mock = server.mock(|when, then| {
        when.method(POST)
            .path(PATH)
            .header("authorization", "Bearer EAAtoken")
            .header("content-type", "application/x-www-form-urlencoded")
            .form_urlencoded_tuple("business_public_key", pem.as_str());
        then.status(200).json_body(json!({"success": true}));
    });
    let uploaded = api(&server).set_business_public_key(&KEYS[0]).await.unwrap();
    assert_eq!(uploaded.meta().attempts, 1);
    let shown = format!("{uploaded} {uploaded:?}");
    assert!(
        shown.contains(&KEYS[0].fingerprint().short()) && !shown.contains("usage"),
        "{shown}"
    );
    mock.assert();
}

#[tokio::test]
async fn success_as_text_is_success_and_anything_else_is_not() {
    let success = answering(json!({"success": "true"}));
    api(&success).set_business_public_key(&KEYS[0]).await.unwrap();
    for body in [json!({"success": false}), json!({}), json!([])] {
        let server = answering(body);
        let error = api(&server).set_business_public_key(&KEYS[0]).await.unwrap_err();
        assert!(matches!(error, EncryptionError::NotConfirmed { .. }), "{error:?}");
        assert_eq!(error.fbtrace_id(), Some("Atrace"));
        assert!(error.remedy().is_some() && error.code().is_none());
    }
}

#[tokio::test]
async fn the_get_asks_for_both_fields() {
    let server = MockServer::start();
    let mock = server.mock(|when, then| {
        when.method(GET).path(PATH).query_param(
            "fields",
            "business_public_key,business_public_key_signature_status",
        );
        then.status(200).json_body(json!({"data": []}));
    });
    let found = api(&server).get_business_public_key().await.unwrap();
    assert!(matches!(found.registered(), RegisteredKey::Absent));
    assert_eq!(found.meta().unwrap().attempts, 1);
    mock.assert();
}

#[tokio::test]
async fn json_of_no_documented_shape_is_an_error_of_its_own() {
    let server = answering(json!({"data": "nothing"}));
    let error = api(&server).verify(&KEYS[0]).await.unwrap_err();
    assert!(matches!(error, EncryptionError::UnknownShape { .. }), "{error:?}");
    assert_eq!(error.fbtrace_id(), Some("Atrace"));
}

#[tokio::test]
async fn a_registered_text_that_is_no_key_is_a_finding() {
    let server = answering(json!({"data": [{"business_public_key": "junk",
        "business_public_key_signature_status": "VALID"}]}));
    let verification = api(&server).verify(&KEYS[0]).await.unwrap();
    assert!(
        matches!(verification, Verification::Unreadable { .. }),
        "{verification:?}"
    );
    assert!(!verification.is_valid());
}

#[tokio::test]
async fn every_call_returns_the_metadata_of_its_response() {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.method(POST);
        then.status(200).json_body(json!({"success": true}));
    });
    server.mock(|when, then| {
        when.method(GET);
        then.status(200)
            .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .header("x-app-usage", r#"{"call_count":28}"#)
            .json_body(json!({"data": [{"business_public_key": KEYS[0].to_pem(),
                "business_public_key_signature_status": "VALID"}]}));
    });
    let api = api(&server);
    let registered = api.register_with_meta(KEYS[0].to_pem()).await.unwrap();
    let verified = api.verify_with_meta(&KEYS[0]).await.unwrap();
    let found = api.get_business_public_key().await.unwrap();
    assert!(registered.body.is_valid() && verified.body.is_valid());
    for meta in [&registered.meta, &verified.meta, found.meta().unwrap()] {
        assert_eq!(meta.date, Some(UNIX_EPOCH + Duration::from_secs(784_111_777)));
        assert_eq!(meta.usage.highest(), Some(28));
    }
}

#[tokio::test]
async fn a_key_that_is_not_usable_is_refused_before_anything_is_sent() {
    let server = answering(json!({"success": true}));
    for text in ["", "not a key"] {
        let error = api(&server).register(text).await.unwrap_err();
        assert!(matches!(error, EncryptionError::Key(_)), "{error:?}");
        assert!(error.remedy().is_some() && error.graph().is_none());
    }
}

#[tokio::test]
async fn calls_wait_for_a_rate_limit_of_the_numbers_account() {
    let server = MockServer::start();
    let limited = server.mock(|when, then| {
        when.any_request();
        then.status(400)
            .header(
                "x-business-use-case-usage",
                r#"{"77":[{"type":"whatsapp_business_management","estimated_time_to_regain_access":19}]}"#,
            )
            .json_body(json!({"error": {"message": "m", "type": "OAuthException", "code": 80_007}}));
    });
    let first = api(&server).account("77".parse().unwrap());
    let second = EncryptionApi::new(first.client().clone(), "1002".parse().unwrap());
    first.get_business_public_key().await.unwrap_err();
    let second = second.account("77".parse().unwrap());
    let error = second.set_business_public_key(&KEYS[0]).await.unwrap_err();
    assert!(error.is_rate_limited() && error.retry_in() > Some(Duration::from_mins(18)));
    assert_eq!(limited.calls(), 1);
}
