//! The builder's checks and what is sent by its settings.

use serde_json::Value;
use wa_graph::{AccessToken, ApiVersion, AppSecret, AppSecretProof, BuildError, GraphClient, GraphRequest};

use crate::support::{Server, TOKEN, TestClock, answer, builder, ok};

fn with_base_url(url: &str) -> Result<GraphClient, BuildError> {
    builder(url).build()
}

#[test]
fn https_and_http_to_this_machine_are_accepted() {
    for url in [
        "https://graph.facebook.com",
        "https://gateway.example:8443/graph/",
        "http://localhost:1",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:80",
        " https://graph.facebook.com\n",
    ] {
        assert!(with_base_url(url).is_ok(), "{url}");
    }
}

#[test]
fn http_to_other_machines_wants_the_dangerous_option() {
    for url in [
        "http://graph.facebook.com",
        "http://192.168.0.1",
        "http://localhost.example",
        "http://graph.localhost",
        "http://[::2]",
        "http://127.0.0.1.example",
    ] {
        assert!(
            matches!(with_base_url(url), Err(BuildError::PlainHttp { .. })),
            "{url}"
        );
        assert!(builder(url).danger_allow_plain_http().build().is_ok(), "{url}");
    }
}

#[test]
fn other_base_urls_are_refused_and_not_repeated() {
    for url in [
        "",
        "graph.facebook.com",
        "ftp://x",
        "file:///x",
        "https://",
        "https://me:hunter2@x",
        "https://x?hunter2=1",
        "https://x#hunter2",
    ] {
        let error = with_base_url(url).unwrap_err();
        assert!(matches!(error, BuildError::BaseUrl { .. }), "{url}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[test]
fn wrong_certificates_and_user_agents_are_refused() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "no pem", broken] {
        let result = builder("https://x").add_root_certificate_pem(pem).build();
        assert!(result.is_err(), "{pem}");
    }
    assert!(matches!(
        builder("https://x").user_agent("a\nb").build(),
        Err(BuildError::UserAgent)
    ));
}

#[tokio::test]
async fn path_and_version_come_after_the_base_urls_own_path() {
    let server = Server::play(vec![ok(), ok()]).await;
    for base in ["/prefix", "/prefix/"] {
        let client = builder(&format!("{}{base}", server.url))
            .api_version(ApiVersion::new(24, 0))
            .build()
            .unwrap();
        client
            .execute::<Value>(GraphRequest::get("/1/a?b#c"))
            .await
            .unwrap();
    }
    for request in server.requests() {
        assert!(
            request.starts_with("GET /prefix/v24.0/1/a%3Fb%23c HTTP/1.1\r\n"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn the_timed_proof_carries_its_time() {
    let server = Server::play(vec![ok()]).await;
    let client = builder(&server.url)
        .app_secret(AppSecret::new("0123456789abcdef").unwrap())
        .app_secret_proof(AppSecretProof::Timed)
        .clock(TestClock::default())
        .build()
        .unwrap();
    client.execute::<Value>(GraphRequest::get("1")).await.unwrap();
    // printf %s 'EAAsecrettoken|1700000000' | openssl dgst -sha256 -hmac 0123456789abcdef
    let query = "appsecret_proof=7eff5ab7a3b000da4a542ac820085e7a1e36c11e9ff127319f4bd8bd542cfb6e&appsecret_time=1700000000 ";
    assert!(server.requests()[0].contains(query), "{}", server.requests()[0]);
}

#[tokio::test]
async fn debug_token_asks_for_the_inspected_token_and_hides_it() {
    let inspected = "EAAinspectedtoken";
    let body = format!(
        r#"{{"data":{{"is_valid":false,"error":{{"code":190,"message":"Malformed {inspected}"}}}}}}"#
    );
    let refused = format!(r#"{{"error":{{"code":100,"message":"Bad {inspected} and {TOKEN}"}}}}"#);
    let server = Server::play(vec![
        crate::support::json(200, &body),
        crate::support::Step::Send(answer(400, "", &refused)),
    ])
    .await;
    let client = builder(&server.url).build().unwrap();
    let inspected = AccessToken::new(inspected).unwrap();
    let info = client.debug_token(&inspected).await.unwrap();
    assert_eq!(
        info.error.unwrap().message.as_deref(),
        Some("Malformed [redacted]")
    );
    let error = client.debug_token(&inspected).await.unwrap_err();
    assert_eq!(error.api().unwrap().message(), "Bad [redacted] and [redacted]");
    assert!(server.requests()[0].starts_with("GET /v25.0/debug_token?input_token=EAAinspectedtoken "));
}
