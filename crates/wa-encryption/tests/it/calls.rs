//! Single calls: what is sent, and what is made of odd answers.

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
    let meta = api(&server).set_business_public_key(&KEYS[0]).await.unwrap();
    assert_eq!(meta.attempts, 1);
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
