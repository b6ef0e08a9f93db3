//! Tokens in headers and parameters, `appsecret_proof`, and `debug_token`.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::json;
use wa_emulator::{
    AppSpec, DEFAULT_ACCESS_TOKEN, DEFAULT_ACCOUNT_ID, DEFAULT_APP_ID, DEFAULT_APP_SECRET, Emulator,
    TokenSpec,
};

use crate::client::{Response, get, key_path, send, started};

fn proof(secret: &str, message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    data_encoding::HEXLOWER.encode(hmac::sign(&key, message.as_bytes()).as_ref())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn timed(time: u64) -> String {
    let proof = proof(DEFAULT_APP_SECRET, &format!("{DEFAULT_ACCESS_TOKEN}|{time}"));
    format!("appsecret_proof={proof}&appsecret_time={time}")
}

/// Sends a GET without an `Authorization` header.
async fn bare(emulator: &Emulator, target: &str) -> Response {
    send(emulator.local_addr(), "GET", target, &[], b"")
        .await
        .unwrap()
}

#[tokio::test]
async fn a_token_can_be_a_parameter() {
    let emulator = started().await;
    let response = bare(
        &emulator,
        &format!("{}?access_token={DEFAULT_ACCESS_TOKEN}", key_path()),
    )
    .await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn an_app_that_requires_a_proof_accepts_both_forms_only() {
    let emulator = started().await;
    emulator.require_proof(DEFAULT_APP_ID, true).unwrap();
    let classic = proof(DEFAULT_APP_SECRET, DEFAULT_ACCESS_TOKEN);
    let cases = [
        (String::new(), 400),
        (format!("appsecret_proof={classic}"), 200),
        (format!("appsecret_proof={}", classic.to_uppercase()), 400),
        (
            format!(
                "appsecret_proof={}",
                proof("another secret", DEFAULT_ACCESS_TOKEN)
            ),
            400,
        ),
        (format!("appsecret_proof={}", &classic[2..]), 400),
        (format!("appsecret_proof={classic}&appsecret_time={}", now()), 400),
        (timed(now()), 200),
        (timed(now() - 200), 200),
        (timed(now() - 400), 400),
        (timed(now() + 400), 400),
    ];
    for (query, status) in cases {
        let response = get(&emulator, &format!("{}?{query}", key_path())).await;
        assert_eq!(response.status, status, "{query}");
        if status == 400 {
            let error = &response.json()["error"];
            assert_eq!(
                (&error["code"], &error["type"]),
                (&json!(100), &json!("GraphMethodException"))
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_proof_is_refused_even_if_none_is_required() {
    let emulator = started().await;
    assert_eq!(
        get(&emulator, &format!("{}?appsecret_proof=00", key_path()))
            .await
            .status,
        400
    );
    assert_eq!(get(&emulator, &key_path()).await.status, 200);
}

/// The values were computed with Python's hmac.
#[tokio::test]
async fn a_proof_of_another_implementation_is_accepted() {
    let emulator = Emulator::builder()
        .empty()
        .business(wa_emulator::BusinessSpec::new())
        .account(wa_emulator::AccountSpec::new().id(DEFAULT_ACCOUNT_ID))
        .app(AppSpec::new("1", "0123456789abcdef0123456789abcdef").require_proof(true))
        .token(TokenSpec::new("t", "EAAtest_access_token_not_real"))
        .start()
        .await
        .unwrap();
    let proof = "9e281bc16cba439a3e19e8719b457c1583c36ac3510cf5ec5b538b673009f633";
    let target = format!(
        "/v25.0/{DEFAULT_ACCOUNT_ID}?access_token=EAAtest_access_token_not_real&appsecret_proof={proof}"
    );
    assert_eq!(bare(&emulator, &target).await.status, 200);
}

#[tokio::test]
async fn debug_token_describes_the_tokens_of_an_app() {
    let emulator = started().await;
    emulator
        .add_token(
            &TokenSpec::new("narrow", "EAAnarrow")
                .scopes(["whatsapp_business_management", "public_profile"])
                .accounts([DEFAULT_ACCOUNT_ID])
                .expires_at(now() + 1000),
        )
        .unwrap();
    let authority = format!("access_token={DEFAULT_APP_ID}%7C{DEFAULT_APP_SECRET}");
    for path in ["/debug_token", "/v25.0/debug_token"] {
        let response = bare(&emulator, &format!("{path}?input_token=EAAnarrow&{authority}")).await;
        let data = &response.json()["data"];
        assert_eq!(data["app_id"], DEFAULT_APP_ID);
        assert_eq!(data["is_valid"], true);
        assert_eq!(
            data["scopes"],
            json!(["whatsapp_business_management", "public_profile"])
        );
        assert_eq!(
            data["granular_scopes"],
            json!([
                {"scope": "whatsapp_business_management", "target_ids": [DEFAULT_ACCOUNT_ID]},
                {"scope": "public_profile"},
            ])
        );
        assert!(data["expires_at"].as_u64().unwrap() > now());
    }
}

#[tokio::test]
async fn debug_token_reports_why_a_token_is_invalid() {
    let emulator = started().await;
    let authority = format!("access_token={DEFAULT_APP_ID}%7C{DEFAULT_APP_SECRET}");
    let default = format!("/debug_token?input_token={DEFAULT_ACCESS_TOKEN}");
    emulator.expire_token("default").unwrap();
    let data = &bare(&emulator, &format!("{default}&{authority}")).await.json()["data"];
    assert_eq!(
        (&data["is_valid"], &data["error"]["subcode"]),
        (&json!(false), &json!(463))
    );
    let foreign = bare(
        &emulator,
        &format!("/debug_token?input_token=EAAother&{authority}"),
    )
    .await;
    assert_eq!(foreign.status, 200);
    assert_eq!(foreign.json()["data"]["is_valid"], false);
    assert_eq!(foreign.json()["data"]["error"]["code"], 190);
    let none = bare(&emulator, &format!("/debug_token?{authority}")).await;
    assert_eq!(
        none.json()["error"]["message"],
        "Missing required parameter: input_token"
    );
}

#[tokio::test]
async fn debug_token_requires_a_token_of_the_same_app() {
    let emulator = started().await;
    let default = format!("/debug_token?input_token={DEFAULT_ACCESS_TOKEN}");
    assert_eq!(bare(&emulator, &default).await.status, 401);
    assert_eq!(
        bare(
            &emulator,
            &format!("{default}&access_token={DEFAULT_APP_ID}%7Cwrong")
        )
        .await
        .status,
        401
    );
    assert_eq!(
        get(&emulator, &default).await.status,
        200,
        "a token of the same app"
    );
    emulator
        .add_app(&AppSpec::new("77", "another app's secret"))
        .unwrap();
    emulator
        .add_token(&TokenSpec::new("foreign", "EAAforeign").app("77"))
        .unwrap();
    let response = bare(&emulator, &format!("{default}&access_token=EAAforeign")).await;
    assert_eq!(
        (response.status, &response.json()["error"]["code"]),
        (400, &json!(100))
    );
}

#[tokio::test]
async fn an_app_token_cannot_access_keys() {
    let emulator = started().await;
    let response = bare(
        &emulator,
        &format!(
            "{}?access_token={DEFAULT_APP_ID}%7C{DEFAULT_APP_SECRET}",
            key_path()
        ),
    )
    .await;
    assert_eq!(
        (response.status, &response.json()["error"]["code"]),
        (403, &json!(10))
    );
}
