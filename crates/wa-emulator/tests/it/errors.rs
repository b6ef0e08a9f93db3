//! The error bodies of Meta's table for the key endpoint.

use serde_json::{Value, json};
use wa_emulator::{
    DEFAULT_ACCOUNT_ID, DEFAULT_PHONE_NUMBER_ID, Emulator, ErrorResponse, Fault, FaultRule, NumberState,
    RateLimits, TokenSpec,
};

use crate::client::{PUBLIC_KEY, Response, bearer, get, key_path, send, set_key, started};

/// Returns the status and the error without its trace id, which must be present.
fn error(response: &Response) -> (u16, Value) {
    let mut body = response.json();
    let error = body["error"].as_object_mut().unwrap();
    let trace = error.remove("fbtrace_id").unwrap();
    assert_eq!(Some(trace.as_str().unwrap()), response.header("x-fb-trace-id"));
    (response.status, body["error"].take())
}

fn details(text: &str) -> Value {
    json!({"messaging_product": "whatsapp", "details": text})
}

async fn with_token(emulator: &Emulator, authorization: &str) -> Response {
    send(
        emulator.local_addr(),
        "GET",
        &key_path(),
        &[("Authorization", authorization)],
        b"",
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn without_a_token_it_is_190() {
    let emulator = started().await;
    let response = send(emulator.local_addr(), "GET", &key_path(), &[], b"")
        .await
        .unwrap();
    let expected = json!({
        "message": "An access token is required to request this resource.",
        "type": "OAuthException", "code": 190, "is_transient": false,
    });
    assert_eq!(error(&response), (401, expected));
}

#[tokio::test]
async fn a_foreign_token_is_190_without_a_subcode() {
    let emulator = started().await;
    let expected = json!({
        "message": "Invalid OAuth access token - Cannot parse access token",
        "type": "OAuthException", "code": 190, "is_transient": false,
    });
    assert_eq!(
        error(&with_token(&emulator, "Bearer EAAsomebodyelse").await),
        (401, expected)
    );
}

#[tokio::test]
async fn an_expired_token_is_190_with_463_and_a_revoked_one_with_467() {
    let emulator = started().await;
    emulator
        .add_token(&TokenSpec::new("old", "EAAold").expires_at(1))
        .unwrap();
    emulator.expire_token("default").unwrap();
    let expected = json!({
        "message": "Error validating access token: Session has expired.",
        "type": "OAuthException", "code": 190, "error_subcode": 463, "is_transient": false,
    });
    assert_eq!(
        error(&with_token(&emulator, &bearer()).await),
        (401, expected.clone())
    );
    assert_eq!(
        error(&with_token(&emulator, "Bearer EAAold").await),
        (401, expected)
    );
    emulator.revoke_token("default").unwrap();
    assert_eq!(
        error(&with_token(&emulator, &bearer()).await).1["error_subcode"],
        467
    );
}

#[tokio::test]
async fn a_missing_permission_is_10_until_it_is_granted() {
    let emulator = started().await;
    emulator
        .drop_permission("default", "whatsapp_business_messaging")
        .unwrap();
    let expected = json!({
        "message": "(#10) Application does not have permission for this action",
        "type": "OAuthException", "code": 10, "is_transient": false,
        "error_data": details("The access token lacks the permission whatsapp_business_messaging."),
    });
    assert_eq!(error(&set_key(&emulator, PUBLIC_KEY).await), (403, expected));
    emulator
        .grant_permission("default", "whatsapp_business_messaging")
        .unwrap();
    assert_eq!(set_key(&emulator, PUBLIC_KEY).await.status, 200);
}

#[tokio::test]
async fn a_number_that_is_not_allowlisted_is_10_for_an_upload_only() {
    let emulator = started().await;
    emulator
        .set_number_state(DEFAULT_PHONE_NUMBER_ID, NumberState::NotAllowlisted)
        .unwrap();
    let (status, error) = error(&set_key(&emulator, PUBLIC_KEY).await);
    assert_eq!((status, &error["code"]), (403, &json!(10)));
    let text = "Flows with endpoint: phone number used to set business public key must be allowlisted.";
    assert_eq!(error["error_data"], details(text));
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}

#[tokio::test]
async fn an_account_that_the_token_may_not_access_is_200_with_1349174() {
    let emulator = started().await;
    emulator.restrict_token("default", Some(Vec::new())).unwrap();
    let expected = json!({
        "message": "(#200) You do not have the necessary permissions to access this object",
        "type": "OAuthException", "code": 200, "error_subcode": 1_349_174, "is_transient": false,
        "error_user_title": "Permission Denied",
        "error_user_msg": "You don't have permission to manage this business phone number.",
    });
    assert_eq!(error(&set_key(&emulator, PUBLIC_KEY).await), (403, expected));
    emulator
        .restrict_token("default", Some(vec![DEFAULT_ACCOUNT_ID.to_owned()]))
        .unwrap();
    assert_eq!(set_key(&emulator, PUBLIC_KEY).await.status, 200);
}

#[tokio::test]
async fn an_invalid_or_missing_key_is_100() {
    let emulator = started().await;
    let bad = json!({
        "message": "Business public key is invalid",
        "type": "OAuthException", "code": 100, "is_transient": false,
        "error_data": details(
            "Invalid public key: it does not begin with the line -----BEGIN PUBLIC KEY-----."
        ),
        "error_user_title": "Invalid Public Key",
        "error_user_msg":
            "The provided business public key is not a valid 2048-bit RSA public key in PEM format.",
    });
    assert_eq!(error(&set_key(&emulator, "no key").await), (400, bad));
    let none = json!({
        "message": "Missing required parameter: business_public_key",
        "type": "OAuthException", "code": 100, "is_transient": false,
    });
    assert_eq!(error(&set_key(&emulator, "").await), (400, none));
}

#[tokio::test]
async fn an_unknown_number_is_803() {
    let emulator = started().await;
    let expected = json!({
        "message": "(#803) Some of the aliases you requested do not exist: 999",
        "type": "GraphMethodException", "code": 803, "is_transient": false,
    });
    let response = get(&emulator, "/v25.0/999/whatsapp_business_encryption").await;
    assert_eq!(error(&response), (404, expected));
}

#[tokio::test]
async fn states_of_a_number_have_their_own_errors() {
    let emulator = started().await;
    let cases = [
        (NumberState::NotEligible, 422, "GraphMethodException", 100),
        (NumberState::NotRegistered, 400, "OAuthException", 133_010),
        (NumberState::Deleted, 400, "OAuthException", 33),
    ];
    for (state, status, kind, code) in cases {
        emulator.set_number_state(DEFAULT_PHONE_NUMBER_ID, state).unwrap();
        for response in [
            set_key(&emulator, PUBLIC_KEY).await,
            get(&emulator, &key_path()).await,
        ] {
            let (found, error) = error(&response);
            assert_eq!(
                (found, &error["type"], &error["code"]),
                (status, &json!(kind), &json!(code)),
                "{state:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_id_of_an_account_has_no_key() {
    let emulator = started().await;
    let response = get(
        &emulator,
        &format!("/v25.0/{DEFAULT_ACCOUNT_ID}/whatsapp_business_encryption"),
    )
    .await;
    let (status, error) = error(&response);
    assert_eq!((status, &error["code"]), (400, &json!(100)));
    assert_eq!(
        error["message"],
        "(#100) Tried accessing nonexisting field (whatsapp_business_encryption)"
    );
}

#[tokio::test]
async fn the_app_limit_is_4_with_2446079() {
    let emulator = started().await;
    emulator.set_rate_limits(RateLimits::new().app(0));
    let expected = json!({
        "message": "(#4) Application request limit reached",
        "type": "OAuthException", "code": 4, "error_subcode": 2_446_079, "is_transient": true,
    });
    assert_eq!(error(&set_key(&emulator, PUBLIC_KEY).await), (429, expected));
}

#[tokio::test]
async fn temporary_errors_can_be_configured() {
    let emulator = started().await;
    emulator.queue_fault(FaultRule::new(Fault::Error(ErrorResponse::temporary())));
    emulator.queue_fault(FaultRule::new(
        Fault::Error(ErrorResponse::something_went_wrong()),
    ));
    let two = json!({
        "message": "Service temporarily unavailable",
        "type": "GraphMethodException", "code": 2, "is_transient": true,
    });
    assert_eq!(error(&set_key(&emulator, PUBLIC_KEY).await), (500, two));
    let generic = json!({
        "message": "(#131000) Something went wrong",
        "type": "OAuthException", "code": 131_000,
        "error_data": details("Failed to compute the signature of the business public key."),
    });
    assert_eq!(error(&set_key(&emulator, PUBLIC_KEY).await), (500, generic));
    assert_eq!(set_key(&emulator, PUBLIC_KEY).await.status, 200);
}

#[tokio::test]
async fn any_error_can_be_configured_with_every_member() {
    let emulator = started().await;
    let response = ErrorResponse::new(418, 424_242, "odd")
        .kind("OddException")
        .subcode(7)
        .error_data(json!("a string"))
        .transient(true)
        .user_text("Title", "Text");
    emulator.queue_fault(FaultRule::new(Fault::Error(response)).header("Retry-After", "7"));
    let response = get(&emulator, &key_path()).await;
    assert_eq!(response.header("retry-after"), Some("7"));
    let expected = json!({
        "message": "odd", "type": "OddException", "code": 424_242, "error_subcode": 7,
        "error_data": "a string", "is_transient": true, "error_user_title": "Title", "error_user_msg": "Text",
    });
    assert_eq!(error(&response), (418, expected));
}

#[tokio::test]
async fn unknown_paths_methods_and_versions_are_100() {
    let emulator = started().await;
    let number = DEFAULT_PHONE_NUMBER_ID;
    let cases = [
        ("GET", "/".to_owned()),
        ("GET", "/v25.0".to_owned()),
        ("GET", format!("/25.0/{number}")),
        ("GET", format!("/v20.0/{number}")),
        ("GET", format!("/v25/{number}")),
        ("GET", format!("/v25.0/{number}/messages/1")),
        ("DELETE", key_path()),
        ("PUT", key_path()),
        ("POST", format!("/v25.0/{DEFAULT_ACCOUNT_ID}/phone_numbers")),
    ];
    for (method, target) in cases {
        let headers = [("Authorization", &*bearer())];
        let response = send(emulator.local_addr(), method, &target, &headers, b"")
            .await
            .unwrap();
        let (status, error) = error(&response);
        assert_eq!((status, &error["code"]), (400, &json!(100)), "{method} {target}");
    }
}
