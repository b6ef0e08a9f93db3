//! The control API over HTTP has the same operations as the methods.

use serde_json::{Value, json};
use wa_emulator::{
    DEFAULT_ACCOUNT_ID, DEFAULT_APP_ID, DEFAULT_PHONE_NUMBER_ID, Emulator, NumberState, SignatureStatus,
};

use crate::client::{PUBLIC_KEY, Response, get, key_path, send, set_key, started};

async fn control(emulator: &Emulator, method: &str, path: &str, body: &Value) -> Response {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let headers = [("Content-Type", "application/json")];
    send(
        emulator.local_addr(),
        method,
        &format!("/_emulator{path}"),
        &headers,
        body.as_bytes(),
    )
    .await
    .unwrap()
}

async fn ok(emulator: &Emulator, method: &str, path: &str, body: Value) -> Value {
    let response = control(emulator, method, path, &body).await;
    assert_eq!(response.status, 200, "{method} {path}: {}", response.text());
    response.json()
}

#[tokio::test]
async fn objects_are_added_and_listed() {
    let emulator = started().await;
    let business = ok(&emulator, "POST", "/businesses", json!({"name": "Partner"})).await["id"].clone();
    let account = ok(
        &emulator,
        "POST",
        "/accounts",
        json!({"id": "42", "clients": [business]}),
    )
    .await;
    assert_eq!(account, json!({"id": "42"}));
    let number = ok(
        &emulator,
        "POST",
        "/numbers",
        json!({"account": "42", "state": "not_eligible"}),
    )
    .await;
    let id = number["id"].as_str().unwrap();
    assert_eq!(emulator.number(id).unwrap().state, NumberState::NotEligible);
    let many = ok(
        &emulator,
        "POST",
        "/numbers/many",
        json!({"account": "42", "count": 300}),
    )
    .await;
    assert_eq!(many["ids"].as_array().unwrap().len(), 300);
    ok(
        &emulator,
        "POST",
        "/apps",
        json!({"id": "7", "secret": "app secret", "require_proof": true}),
    )
    .await;
    ok(
        &emulator,
        "POST",
        "/tokens",
        json!({"label": "second", "token": "EAAsecond", "accounts": ["42"]}),
    )
    .await;
    let summary = ok(&emulator, "GET", "/", Value::Null).await;
    assert_eq!(summary["accounts"]["42"]["numbers"], 301);
    assert_eq!(summary["numbers"], 302);
    assert_eq!(summary["apps"]["7"]["require_proof"], true);
    assert_eq!(summary["tokens"]["second"]["accounts"], json!(["42"]));
    assert_eq!(summary["base_url"], emulator.base_url());
    let text = summary.to_string();
    assert!(!text.contains("EAAsecond") && !text.contains("app secret"));
    ok(&emulator, "DELETE", &format!("/numbers/{id}"), Value::Null).await;
    assert!(emulator.number(id).is_err());
}

#[tokio::test]
async fn the_state_and_key_of_a_number_are_set() {
    let emulator = started().await;
    let number = format!("/numbers/{DEFAULT_PHONE_NUMBER_ID}");
    ok(&emulator, "PUT", &format!("{number}/key"), json!(PUBLIC_KEY)).await;
    let view = ok(&emulator, "GET", &number, Value::Null).await;
    assert_eq!(
        view,
        serde_json::to_value(emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap()).unwrap()
    );
    assert_eq!(view["signature_status"], "VALID");
    ok(&emulator, "POST", &format!("{number}/reregister"), Value::Null).await;
    let status = emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().signature_status;
    assert_eq!(status, SignatureStatus::Mismatch);
    ok(&emulator, "PUT", &format!("{number}/state"), json!("deleted")).await;
    assert_eq!(get(&emulator, &key_path()).await.json()["error"]["code"], 33);
    ok(&emulator, "DELETE", &format!("{number}/key"), Value::Null).await;
    assert_eq!(
        emulator
            .number(DEFAULT_PHONE_NUMBER_ID)
            .unwrap()
            .business_public_key,
        None
    );
}

#[tokio::test]
async fn tokens_are_changed() {
    let emulator = started().await;
    let code = async || get(&emulator, &key_path()).await.json()["error"]["code"].clone();
    ok(
        &emulator,
        "DELETE",
        "/tokens/default/permissions/whatsapp_business_messaging",
        Value::Null,
    )
    .await;
    assert_eq!(code().await, 10);
    ok(
        &emulator,
        "PUT",
        "/tokens/default/permissions/whatsapp_business_messaging",
        Value::Null,
    )
    .await;
    assert_eq!(code().await, Value::Null);
    ok(&emulator, "PUT", "/tokens/default/accounts", json!([])).await;
    assert_eq!(code().await, 200);
    ok(
        &emulator,
        "PUT",
        "/tokens/default/accounts",
        json!([DEFAULT_ACCOUNT_ID]),
    )
    .await;
    assert_eq!(code().await, Value::Null);
    ok(
        &emulator,
        "PUT",
        &format!("/apps/{DEFAULT_APP_ID}/require_proof"),
        json!(true),
    )
    .await;
    assert_eq!(code().await, 100);
    ok(&emulator, "POST", "/tokens/default/expire", Value::Null).await;
    assert_eq!(
        get(&emulator, &key_path()).await.json()["error"]["error_subcode"],
        463
    );
    ok(&emulator, "POST", "/tokens/default/revoke", Value::Null).await;
    assert_eq!(
        get(&emulator, &key_path()).await.json()["error"]["error_subcode"],
        467
    );
}

#[tokio::test]
async fn faults_limits_and_shapes_are_set() {
    let emulator = started().await;
    let faults = [
        json!({"fault": {"error": {"status": 500, "code": 131_016, "message": "m", "is_transient": true}}}),
        json!({"fault": "app_rate_limit", "times": 3, "method": "POST"}),
        json!({"fault": {"status": {"status": 404}}, "number": "1"}),
        json!({"fault": {"delay": {"ms": 5}}, "times": null}),
        json!({"fault": {"drip": {"chunk": 1, "every_ms": 1}}, "path": "x", "headers": [["A", "b"]]}),
        json!({"fault": "reset"}),
    ];
    for fault in &faults {
        ok(&emulator, "POST", "/faults", fault.clone()).await;
    }
    let listed = ok(&emulator, "GET", "/faults", Value::Null).await;
    assert_eq!(listed["faults"], serde_json::to_value(emulator.faults()).unwrap());
    assert_eq!(emulator.faults().len(), faults.len());
    assert_eq!(get(&emulator, &key_path()).await.json()["error"]["code"], 131_016);
    ok(&emulator, "DELETE", "/faults", Value::Null).await;
    ok(&emulator, "PUT", "/limits", json!({"app": 1, "window_ms": 60000})).await;
    get(&emulator, &key_path()).await;
    assert_eq!(get(&emulator, &key_path()).await.status, 429);
    ok(&emulator, "DELETE", "/limits", Value::Null).await;
    ok(&emulator, "PUT", "/shape", json!({"no_key": "empty_data"})).await;
    assert_eq!(get(&emulator, &key_path()).await.json(), json!({"data": []}));
    ok(&emulator, "PUT", "/shape", json!({"flat": true})).await;
    assert_eq!(
        get(&emulator, &key_path()).await.json()["business_public_key"],
        " "
    );
}

#[tokio::test]
async fn received_calls_are_listed_and_cleared() {
    let emulator = started().await;
    set_key(&emulator, PUBLIC_KEY).await;
    let listed = ok(&emulator, "GET", "/requests", Value::Null).await;
    assert_eq!(
        listed["requests"],
        serde_json::to_value(emulator.requests()).unwrap()
    );
    assert_eq!(listed["total"], 1, "control calls are not among them");
    ok(&emulator, "DELETE", "/requests", Value::Null).await;
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn reset_restores_the_initial_state() {
    let emulator = started().await;
    let before = ok(&emulator, "GET", "/", Value::Null).await;
    set_key(&emulator, PUBLIC_KEY).await;
    emulator.add_numbers(DEFAULT_ACCOUNT_ID, 5).unwrap();
    emulator.expire_token("default").unwrap();
    emulator.set_rate_limits(wa_emulator::RateLimits::new().app(0));
    ok(&emulator, "POST", "/faults", json!({"fault": "reset"})).await;
    ok(&emulator, "POST", "/reset", Value::Null).await;
    assert_eq!(ok(&emulator, "GET", "/", Value::Null).await, before);
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
    assert_eq!(
        emulator
            .number(DEFAULT_PHONE_NUMBER_ID)
            .unwrap()
            .business_public_key,
        None
    );
}

#[tokio::test]
async fn errors_name_a_missing_or_unknown_member_and_quote_no_secret() {
    let emulator = started().await;
    let message = async |path: &str, body: Value| {
        let response = control(&emulator, "POST", path, &body).await;
        assert_eq!(response.status, 400, "{path} {body}");
        response.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    for (path, body, words) in [
        ("/apps", json!({}), "`id` is missing"),
        ("/apps", Value::Null, "`id` is missing"),
        ("/apps", json!({"id": "7"}), "`secret` is missing"),
        ("/tokens", json!({}), "`label` is missing"),
        ("/tokens", json!({"label": "x"}), "`token` is missing"),
        (
            "/apps",
            json!({"id": "7", "SECRET": "SECRET"}),
            "expected one of `id`, `secret`, `name`, `require_proof`",
        ),
        (
            "/tokens",
            json!({"label": "x", "token": ["SECRET"]}),
            "expected a string",
        ),
        ("/numbers/many", json!({}), "`account`"),
        ("/faults", json!({}), "`fault`"),
    ] {
        let message = message(path, body.clone()).await;
        assert!(message.contains(words), "{path} {body}: {message}");
        assert!(!message.contains("SECRET"), "{message}");
    }
}

#[tokio::test]
async fn invalid_calls_are_errors() {
    let emulator = started().await;
    let cases = [
        ("GET", "/numbers/1", Value::Null, 404),
        ("POST", "/numbers", json!({"id": DEFAULT_PHONE_NUMBER_ID}), 409),
        ("POST", "/numbers", json!({"id": "+1 555"}), 400),
        ("POST", "/numbers", json!({"ID": "1"}), 400),
        ("POST", "/numbers", json!({"account": "1"}), 404),
        (
            "POST",
            "/numbers/many",
            json!({"account": DEFAULT_ACCOUNT_ID, "count": 100_000_000}),
            400,
        ),
        ("PUT", "/numbers/1/state", json!("deleted"), 404),
        ("POST", "/tokens/none/expire", Value::Null, 404),
        ("POST", "/tokens", json!({"label": "a/b", "token": "t"}), 400),
        ("POST", "/tokens", json!({"label": "default", "token": "t"}), 409),
        ("POST", "/tokens", json!({"label": "x", "token": ["SECRET"]}), 400),
        ("POST", "/faults", json!({"fault": "earthquake"}), 400),
        ("PATCH", "/reset", Value::Null, 404),
        ("GET", "/nothing", Value::Null, 404),
    ];
    for (method, path, body, status) in cases {
        let response = control(&emulator, method, path, &body).await;
        assert_eq!(
            response.status,
            status,
            "{method} {path} {body}: {}",
            response.text()
        );
        let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(!message.is_empty() && !message.contains("SECRET"), "{message}");
    }
}

#[tokio::test]
async fn a_list_of_commands_is_executed_in_order_and_stops_at_the_first_error() {
    let emulator = started().await;
    let commands = json!([
        {"add_accounts": {"count": 2, "numbers": 5}},
        {"set_clock": {"offset_seconds": 60}},
        {"add_fault": {"fault": "reset"}},
        "clear_faults",
    ]);
    let ids = ok(&emulator, "POST", "/commands", commands).await["ids"].clone();
    assert_eq!(ids[0].as_array().unwrap().len(), 2);
    assert_eq!(ids[1], json!([]));
    assert_eq!(emulator.number_ids().len(), 6);
    assert!(emulator.faults().is_empty());

    let commands = json!([
        {"add_numbers": {"account": DEFAULT_ACCOUNT_ID, "count": 1}},
        {"remove_number": {"number": "1"}},
        {"add_numbers": {"account": DEFAULT_ACCOUNT_ID, "count": 1}},
    ]);
    let refused = control(&emulator, "POST", "/commands", &commands).await;
    assert_eq!(refused.status, 404);
    let error = &refused.json()["error"];
    assert_eq!(error["message"], "there is no number \"1\"");
    assert!(error["remedy"].as_str().unwrap().starts_with("add it first"));
    assert_eq!(emulator.number_ids().len(), 7);
}

#[tokio::test]
async fn a_secret_in_a_list_of_commands_is_not_quoted() {
    let emulator = started().await;
    let commands = json!([{"add_token": {"label": "x", "token": ["SECRET"]}}]);
    let refused = control(&emulator, "POST", "/commands", &commands).await;
    assert_eq!(refused.status, 400);
    assert!(!refused.text().contains("SECRET"), "{}", refused.text());
}
