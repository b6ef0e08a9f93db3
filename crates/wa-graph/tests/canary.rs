//! No secret is in any Debug, Display, error or log.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::error::Error;
use std::fmt::{Debug, Write as _};

use httpmock::prelude::*;
use serde_json::{Value, json};
use wa_graph::{AccessToken, AppSecret, AppSecretProof, GraphClient, GraphError, GraphRequest, RetryPolicy};

const TOKEN: &str = "EAAcanarytoken";
const SECRET: &str = "canarysecret";
const INSPECTED: &str = "EAAcanaryinspected";
const FIELD: &str = "canaryfield";

fn assert_clean(what: &str, text: &str) {
    let lower = text.to_lowercase();
    for marker in ["canary", "6361 6e61"] {
        if let Some(at) = lower.find(marker) {
            let around: String = text.chars().skip(at.saturating_sub(80)).take(160).collect();
            unreachable!("a secret shows in {what}: {around}");
        }
    }
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?}\n{value:#?}")
}

fn shown_error(error: &GraphError) -> String {
    let mut text = format!("{error}\n{}\n{:?}", shown(error), error.remedy());
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, "\n{error}\n{error:?}").unwrap();
        cause = error.source();
    }
    text
}

fn client(url: &str) -> GraphClient {
    let builder = GraphClient::builder(AccessToken::new(TOKEN).unwrap())
        .base_url(url)
        .app_secret(AppSecret::new(SECRET).unwrap())
        .app_secret_proof(AppSecretProof::Timed)
        .retry(RetryPolicy::none());
    assert_clean("the builder", &shown(&builder));
    let client = builder.build().unwrap();
    assert_clean("the client", &shown(&client));
    client
}

async fn calls() -> Vec<String> {
    let server = MockServer::start_async().await;
    let echo_error = |echo: &str| {
        json!({"error": {"code": 190, "message": echo, "error_user_title": echo, "error_user_msg": echo,
            "type": echo, "fbtrace_id": "Atrace", "error_data": {"details": echo}}})
        .to_string()
    };
    let echo = format!("Malformed access token {TOKEN} ({SECRET})");
    let echo_inspected = format!("{echo}: {INSPECTED}");
    for (path, status, body) in [
        ("/v25.0/ok", 200, json!({"success": true}).to_string()),
        ("/v25.0/debug_token", 400, echo_error(&echo_inspected)),
        ("/v25.0/html", 502, format!("<html>{TOKEN}</html>")),
        ("/v25.0/limited", 429, echo_error(&echo)),
        (
            "/v25.0/1/phone_numbers",
            200,
            format!(r#"{{"data":[{{"id":"{TOKEN}"}}]}}"#),
        ),
    ] {
        server.mock(|when, then| {
            when.path(path);
            then.status(status).body(body);
        });
    }
    server.mock(|when, then| {
        when.path("/v25.0/redirect");
        then.status(302)
            .header("location", format!("https://elsewhere.example/?t={TOKEN}"));
    });
    let client = client(&server.base_url());
    let post = |path: &str| GraphRequest::post(path).form("field", FIELD).query("q", FIELD);
    let mut shows = vec![shown(&post("ok"))];
    shows.push(shown(&client.execute::<Value>(post("ok")).await.unwrap().meta));
    for path in ["html", "limited", "redirect"] {
        shows.push(shown_error(
            &client.execute::<Value>(post(path)).await.unwrap_err(),
        ));
    }
    let inspected = AccessToken::new(INSPECTED).unwrap();
    shows.push(shown(&inspected));
    shows.push(shown_error(&client.debug_token(&inspected).await.unwrap_err()));
    let pages = client.phone_numbers(&"1".parse().unwrap());
    shows.push(shown(&pages));
    shows.push(shown_error(&pages.all().await.unwrap_err()));
    shows
}

#[tokio::test]
async fn no_secret_shows_anywhere() {
    let log_file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        // The mock server in this process logs what it received.
        .with_env_filter("trace,httpmock=off")
        .with_ansi(false)
        .with_writer(log_file.reopen().unwrap())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    for (number, show) in calls().await.iter().enumerate() {
        assert!(!show.is_empty());
        assert_clean(&format!("show {number}"), show);
    }
    let unreachable = client("https://127.0.0.1:9")
        .execute::<Value>(GraphRequest::get("x").query("q", FIELD))
        .await;
    assert_clean("a failed connection", &shown_error(&unreachable.unwrap_err()));
    let wrong = AccessToken::new("Bearer canary").unwrap_err();
    assert_clean("a refused token", &format!("{wrong} {wrong:?}"));

    let log = std::fs::read_to_string(&log_file).unwrap();
    for expected in [
        "graph_call",
        "/v25.0/limited",
        "status=429",
        "fbtrace_id=",
        "attempt=1",
        "method=POST",
    ] {
        assert!(log.contains(expected), "{expected} is not in the log:\n{log}");
    }
    assert!(
        log.contains("reqwest") || log.contains("hyper"),
        "the crates underneath are captured:\n{log}"
    );
    assert_clean("the log", &log);
}
