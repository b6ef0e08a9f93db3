//! Single calls against a mock server: what is sent, and what is made of each answer.

use http::StatusCode;
use httpmock::prelude::*;
use serde_json::{Value, json};
use wa_graph::{
    AccessToken, AppSecret, BodyKind, ErrorCode, GraphClient, GraphClientBuilder, GraphError, GraphErrorKind,
    GraphRequest, RetryPolicy,
};

const PATH: &str = "106540352242922/whatsapp_business_encryption";
const FULL_PATH: &str = "/v25.0/106540352242922/whatsapp_business_encryption";

fn builder(server: &MockServer) -> GraphClientBuilder {
    GraphClient::builder(AccessToken::new("EAAsecrettoken").unwrap())
        .base_url(server.base_url())
        .retry(RetryPolicy::none())
}

async fn get(server: &MockServer) -> Result<Value, GraphError> {
    let client = builder(server).build().unwrap();
    client
        .execute::<Value>(GraphRequest::get(PATH))
        .await
        .map(|response| response.body)
}

#[tokio::test]
async fn a_post_carries_token_agent_and_form() {
    let server = MockServer::start();
    let mock = server.mock(|when, then| {
        when.method(POST)
            .path(FULL_PATH)
            .header("authorization", "Bearer EAAsecrettoken")
            .header("user-agent", "agent/1")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("business_public_key=-----BEGIN+A%2BB%2F-----%0A%26%3D%C3%A4");
        then.status(200).json_body(json!({"success": true}));
    });
    let client = builder(&server).user_agent("agent/1").build().unwrap();
    let request = GraphRequest::post(PATH)
        .form("business_public_key", "-----BEGIN A+B/-----\n&=ä")
        .repeatable();
    let response = client.execute::<Value>(request).await.unwrap();
    assert_eq!(response.body, json!({"success": true}));
    assert_eq!(
        (response.meta.status, response.meta.attempts),
        (StatusCode::OK, 1)
    );
    mock.assert();
}

#[tokio::test]
async fn the_app_secret_proof_goes_into_the_query_of_a_get_and_the_form_of_a_post() {
    // printf %s EAAsecrettoken | openssl dgst -sha256 -hmac 0123456789abcdef
    const PROOF: &str = "84036329b7a88d79b581625937ec3b3267ee0d5a7b2b6e6844225ee46cfb4991";
    let server = MockServer::start();
    let get = server.mock(|when, then| {
        when.method(GET)
            .path(FULL_PATH)
            .query_param("fields", "id,name")
            .query_param("appsecret_proof", PROOF);
        then.status(200).json_body(json!({}));
    });
    let post = server.mock(|when, then| {
        when.method(POST)
            .path(FULL_PATH)
            .body(format!("a=b&appsecret_proof={PROOF}"));
        then.status(200).json_body(json!({}));
    });
    let client = builder(&server)
        .app_secret(AppSecret::new("0123456789abcdef").unwrap())
        .build()
        .unwrap();
    client
        .execute::<Value>(GraphRequest::get(PATH).query("fields", "id,name"))
        .await
        .unwrap();
    client
        .execute::<Value>(GraphRequest::post(PATH).form("a", "b"))
        .await
        .unwrap();
    get.assert();
    post.assert();
}

#[tokio::test]
async fn every_member_of_a_graph_error_is_kept() {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.method(GET).path(FULL_PATH);
        then.status(401).json_body(json!({"error": {
            "message": "Error validating access token", "type": "OAuthException", "code": 190, "error_subcode": 463,
            "error_data": {"messaging_product": "whatsapp", "details": "expired on Monday"}, "is_transient": false,
            "error_user_title": "Title", "error_user_msg": "User message", "fbtrace_id": "Atrace"}}));
    });
    let error = get(&server).await.unwrap_err();
    let api = error.api().unwrap();
    assert_eq!((api.code(), api.subcode()), (ErrorCode::new(190), Some(463)));
    assert_eq!(api.message(), "Error validating access token");
    assert_eq!(api.error_type(), Some("OAuthException"));
    assert_eq!(api.details(), Some("expired on Monday"));
    assert_eq!(api.transient(), Some(false));
    assert_eq!(
        (api.user_title(), api.user_message()),
        (Some("Title"), Some("User message"))
    );
    assert_eq!(error.fbtrace_id(), Some("Atrace"));
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED));
    assert!(error.is_token() && !error.is_permission() && !error.is_transient());
    assert!(error.remedy().unwrap().contains("Generate a new token"));
    assert!(
        error
            .to_string()
            .starts_with("GET /v25.0/106540352242922/whatsapp_business_encryption: Graph error 190/463")
    );
}

#[tokio::test]
async fn graph_errors_are_read_however_little_they_hold() {
    for (body, code, details) in [
        (r#"{"error":{"code":1}}"#, 1, None),
        (
            r#"{"error":{"code":"100","error_data":"plain text","error_subcode":null}}"#,
            100,
            Some("plain text"),
        ),
        (
            r#"{"error":{"code":-5,"message":null,"error_data":[1],"is_transient":"yes"}}"#,
            -5,
            None,
        ),
        (
            r#"{"error":{"code":9223372036854775807,"type":7,"error_data":{"details":3}}}"#,
            i64::MAX,
            None,
        ),
    ] {
        let server = MockServer::start();
        server.mock(|when, then| {
            when.method(GET);
            then.status(400)
                .header("content-type", "text/javascript")
                .body(body);
        });
        let error = get(&server).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::new(code)), "{body}");
        assert_eq!(error.api().unwrap().details(), details, "{body}");
    }
}

#[tokio::test]
async fn answers_that_are_no_graph_errors_keep_status_and_kind_but_not_the_body() {
    let long = format!("<html>{}</html>", "secret page ".repeat(1000));
    for (status, content_type, body, kind) in [
        (502, "text/html", long.as_str(), BodyKind::Html),
        (502, "text/plain", "<html>", BodyKind::Html),
        (200, "text/html", "<html>log in</html>", BodyKind::Html),
        (500, "application/json", "{\"error\":", BodyKind::BrokenJson),
        (500, "application/json", "", BodyKind::Empty),
        (503, "text/plain", "upstream connect error", BodyKind::Text),
        (
            400,
            "application/json",
            r#"{"error":"invalid_request"}"#,
            BodyKind::Json,
        ),
        (400, "application/json", "[]", BodyKind::Json),
        (200, "application/json", r#"{"error":"x"}"#, BodyKind::Json),
        (
            200,
            "application/json",
            r#"{"error":{"message":"secret page"},"data":[]}"#,
            BodyKind::Json,
        ),
    ] {
        let server = MockServer::start();
        server.mock(|when, then| {
            when.method(GET);
            then.status(status)
                .header("content-type", content_type)
                .body(body);
        });
        let error = get(&server).await.unwrap_err();
        let GraphErrorKind::Unexpected(answer) = error.kind() else {
            unreachable!("{error:?}")
        };
        assert_eq!((answer.status().as_u16(), answer.body()), (status, kind));
        assert_eq!(answer.length(), body.len());
        assert!(!format!("{error} {error:?}").contains("secret page"));
        assert_eq!(error.is_transient(), status >= 500, "{status} {kind}");
        assert!(error.remedy().is_some());
    }
}

#[tokio::test]
async fn deeply_nested_json_is_refused_and_not_followed() {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.method(GET);
        then.status(200)
            .header("content-type", "application/json")
            .body("[".repeat(100_000));
    });
    let error = get(&server).await.unwrap_err();
    assert!(
        matches!(error.kind(), GraphErrorKind::Unexpected(answer) if answer.body() == BodyKind::BrokenJson)
    );
}

#[tokio::test]
async fn the_servers_date_is_kept_and_another_retry_policy_shares_the_rest() {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.method(GET).path(FULL_PATH);
        then.status(200)
            .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .json_body(json!({}));
    });
    let failing = server.mock(|when, then| {
        when.method(POST).path(FULL_PATH);
        then.status(500);
    });
    let client = builder(&server).retry(RetryPolicy::default()).build().unwrap();
    let request = GraphRequest::get(PATH);
    let response = client.execute::<Value>(request).await.unwrap();
    let date = response.meta.date.unwrap();
    let since_1970 = date.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(since_1970.as_secs(), 784_111_777);

    let once = client.with_retry(RetryPolicy::none());
    let request = GraphRequest::post(PATH).repeatable();
    let error = once.execute::<Value>(request).await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    failing.assert_calls(1);
}
