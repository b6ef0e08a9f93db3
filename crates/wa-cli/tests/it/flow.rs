//! `wa flow` against an endpoint of `wa-flows`, mounted in axum and in hyper, and on captured requests.

use std::process::Output;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use wa_cloud::flows::{
    Action, AppSecret, FlowEndpoint, FlowHandler, FlowRequest, FlowResponse, HandlerError, KeyRing,
};
use wa_cloud::keys::PrivateKey;
use wa_phone::{FlowMessage, WhatsAppClient};

use crate::support::{self, APP_SECRET, OTHER_PUBLIC, PRIVATE, PUBLIC, code, json, stderr, stdout, written};

fn endpoint() -> FlowEndpoint<impl FlowHandler> {
    let key = PrivateKey::parse(std::fs::read(PRIVATE).unwrap(), None).unwrap();
    FlowEndpoint::builder(KeyRing::new(&key).unwrap(), answer)
        .app_secret(AppSecret::new(APP_SECRET).unwrap())
        .build()
        .unwrap()
}

async fn answer(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    Ok(match request.action() {
        Action::Init => FlowResponse::screen("FIRST", json!({"fresh": true})),
        Action::DataExchange => FlowResponse::screen("SECOND", json!({"seen": request.data()?})),
        Action::Back if request.flow_token() != Some("over") => {
            FlowResponse::screen("FIRST", json!({"fresh": false}))
        }
        _ => FlowResponse::token_invalid(Some("over".to_owned())),
    })
}

async fn in_axum() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/flow", listener.local_addr().unwrap());
    let app = axum::Router::new().route_service("/flow", endpoint());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn in_hyper() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/flow", listener.local_addr().unwrap());
    let service = TowerToHyperService::new(endpoint());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new());
            tokio::spawn(async move { http.serve_connection(TokioIo::new(stream), service).await });
        }
    });
    url
}

/// Runs `wa` against the endpoint that this process serves.
async fn wa(args: &[&str]) -> Output {
    let mut command = support::wa();
    command.env("WA_APP_SECRET", APP_SECRET).args(args);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_endpoint_conforms_in_axum_and_in_hyper() {
    for url in [in_axum().await, in_hyper().await] {
        let data = r#"{"name":"Zoë"}"#;
        let args = [
            "flow",
            "check",
            &url,
            "--public-key",
            PUBLIC,
            "--screen",
            "FIRST",
            "--data",
            data,
            "--json",
        ];
        let output = wa(&args).await;
        let report = json(&output);
        assert_eq!(report["counts"]["failed"], 0, "{report:#}");
        assert_eq!(report["counts"]["advice"], 0, "{report:#}");
        assert_eq!(report["counts"]["skipped"], 1, "https only: {report:#}");
        assert_eq!((&report["good"], code(&output)), (&json!(true), 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_report_shows_rule_source_and_remedy() {
    let url = in_axum().await;
    let output = wa(&["flow", "check", &url, "--public-key", OTHER_PUBLIC]).await;
    let text = stdout(&output);
    assert_eq!(code(&output), 3, "{text}");
    assert!(
        text.starts_with("fail     ping: status 421 instead of 200  (exchange.ping)\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "[Meta, Implementing endpoints for Flows: Health check request]\n         remedy: the \
                       endpoint cannot decrypt the request: compare"
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "(http.tls)\n\
             not run  35 rules: no request got a 200 response\n\n\
             NOT CONFORMANT  0 passed, 1 failed, 0 with advice, 2 skipped, 35 not run\n"
        ),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_init_skips_the_init_rule() {
    let url = in_axum().await;
    let output = wa(&[
        "flow",
        "check",
        &url,
        "--public-key",
        PUBLIC,
        "--no-init",
        "--json",
    ])
    .await;
    let report = json(&output);
    assert_eq!(code(&output), 0, "{report:#}");
    let findings = report["findings"].as_array().unwrap();
    let init = findings
        .iter()
        .find(|finding| finding["id"] == "exchange.init")
        .unwrap();
    assert_eq!(init["verdict"], "skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_reported_with_remedy_and_exchange_id() {
    let url = in_axum().await;
    let nowhere = url.replace("/flow", "/nowhere");
    let lost = wa(&["flow", "send", &nowhere, "--public-key", PUBLIC]).await;
    assert_eq!(code(&lost), 3);
    assert!(
        stderr(&lost).contains("nothing is at this path"),
        "{}",
        stderr(&lost)
    );

    let send = |extra: &[&'static str]| {
        let mut command = support::wa();
        command.env("WA_APP_SECRET", "another");
        command
            .args(["flow", "send", &url, "--public-key", PUBLIC])
            .args(extra);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let ping = stderr(&send(&[]).await.unwrap());
    assert!(
        ping.contains("compare the app secret") && !ping.contains("--sign-flow-token"),
        "{ping}"
    );
    assert!(ping.contains("(search for it in the endpoint's log)"), "{ping}");
    let init = stderr(&send(&["--action", "INIT"]).await.unwrap());
    assert!(
        init.contains("if the endpoint requires flow_token_signature, pass --sign-flow-token"),
        "{init}"
    );
    let machine = json(&send(&["--json"]).await.unwrap());
    assert_eq!(machine["exchange_id"].as_str().unwrap().len(), 16, "{machine}");
    assert!(ping.contains("exchange "), "{ping}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_request_can_be_sent() {
    let url = in_axum().await;
    let send =
        async |extra: &[&str]| wa(&[&["flow", "send", &url, "--public-key", PUBLIC], extra].concat()).await;
    let ping = send(&[]).await;
    assert_eq!(
        (code(&ping), json(&ping)),
        (0, json!({"data": {"status": "active"}}))
    );
    assert!(
        stderr(&ping).starts_with("answered  status 200, "),
        "{}",
        stderr(&ping)
    );
    let init = send(&["--action", "INIT"]).await;
    assert_eq!(json(&init)["screen"], "FIRST");
    let folder = tempfile::tempdir().unwrap();
    let data = written(folder.path(), "data.json", br#"{"a":1}"#);
    let exchange = send(&["--screen", "FIRST", "--data", &format!("@{}", data.display())]).await;
    assert_eq!(
        json(&exchange),
        json!({"screen": "SECOND", "data": {"seen": {"a": 1}}})
    );
    let notification = send(&["--error", "payload-schema-error"]).await;
    assert_eq!(json(&notification), json!({"data": {"acknowledged": true}}));
    let notification = send(&["--action", "INIT", "--error", "payload-schema-error"]).await;
    assert_eq!(json(&notification), json!({"data": {"acknowledged": true}}));
    let back = send(&["--action", "BACK", "--screen", "SECOND"]).await;
    assert_eq!(json(&back), json!({"screen": "FIRST", "data": {"fresh": false}}));
    let back = send(&["--action", "BACK", "--flow-token", "over", "--json"]).await;
    assert_eq!(code(&back), 3);
    assert_eq!(json(&back)["outcome"], "flow_token_invalid");
    assert_eq!(json(&back)["payload"], json!({"error_msg": "over"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_exits_with_3_and_an_unreachable_endpoint_with_1() {
    let url = in_axum().await;
    let other_key = wa(&["flow", "send", &url, "--public-key", OTHER_PUBLIC]).await;
    assert_eq!(code(&other_key), 3);
    assert!(
        stderr(&other_key).contains("status 421"),
        "{}",
        stderr(&other_key)
    );
    let unsigned = ["flow", "send", &url, "--public-key", PUBLIC];
    let mut command = support::wa();
    command.args(unsigned);
    let unsigned = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert_eq!(code(&unsigned), 3);
    assert!(stderr(&unsigned).contains("not signed") && stderr(&unsigned).contains("status 432"));
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    for command in ["send", "check"] {
        let unreachable = wa(&[
            "flow",
            command,
            &format!("http://{free}/"),
            "--public-key",
            PUBLIC,
        ])
        .await;
        assert_eq!(code(&unreachable), 1, "{unreachable:?}");
        assert!(
            !stderr(&unreachable).contains("write https://"),
            "{unreachable:?}"
        );
        assert!(
            stderr(&unreachable).contains("check that"),
            "{}",
            stderr(&unreachable)
        );
    }
}

/// Starts a server that closes each connection after the first bytes arrive.
async fn closing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/flow", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4 * 1024]).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_suggested_only_if_a_ping_fails() {
    let url = closing().await;
    let args = ["flow", "send", &url, "--public-key", PUBLIC];
    let back = wa(&[&args[..], &["--action", "BACK"]].concat()).await;
    assert_eq!(code(&back), 1);
    let said = stderr(&back);
    assert!(
        said.starts_with("error: the endpoint closed the connection without a response\n"),
        "{said}"
    );
    assert!(
        said.contains("a crash on BACK") && !said.contains("https://"),
        "{said}"
    );
    // If a ping fails, the endpoint may use TLS.
    let ping = wa(&args).await;
    assert!(
        stderr(&ping).contains("if the endpoint uses TLS, write https://"),
        "{ping:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_lists_failures_first_and_groups_rules_that_were_not_run() {
    // The server does not use TLS, so no request can be sent.
    let url = in_axum().await.replace("http://", "https://");
    let args = ["flow", "check", &url, "--public-key", PUBLIC];
    let report = wa(&args).await;
    let text = stdout(&report);
    assert_eq!(code(&report), 3, "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with("fail     https: ") && lines[0].ends_with("(http.tls)"),
        "{text}"
    );
    assert_eq!(
        lines[3..],
        [
            "skipped  data_exchange: no screen was given  (exchange.data)",
            "not run  36 rules: no request was sent: see http.tls",
            "",
            "NOT CONFORMANT  0 passed, 1 failed, 0 with advice, 1 skipped, 36 not run",
        ],
        "{text}"
    );
    let verbose = stdout(&wa(&[&args[..], &["-v"]].concat()).await);
    assert!(verbose.contains("exchange.ping, crypto.oaep, "), "{verbose}");
    let machine = json(&wa(&[&args[..], &["--json"]].concat()).await);
    assert_eq!(machine["findings"].as_array().unwrap().len(), 38, "{machine:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_body_is_decrypted_with_the_matching_key() {
    let folder = tempfile::tempdir().unwrap();
    let pem = std::fs::read_to_string(PUBLIC).unwrap();
    let phone = WhatsAppClient::builder("http://localhost/")
        .public_key_pem(pem)
        .build()
        .unwrap();
    let message = FlowMessage::data_exchange("token-1", "FIRST", json!({"name": "Zoë"}));
    let body = phone.encrypt(&message).await.unwrap().body().clone();
    let body = written(folder.path(), "body.json", &body);
    let body = body.to_str().unwrap();
    let other = folder.path().join("other.pem");
    let other_public = folder.path().join("other-public.pem");
    let new = wa(&[
        "keys",
        "generate",
        "--no-passphrase",
        "--private",
        other.to_str().unwrap(),
        "--public",
        other_public.to_str().unwrap(),
    ])
    .await;
    assert_eq!(code(&new), 0, "{new:?}");
    let other = other.to_str().unwrap();

    let output = wa(&["flow", "decrypt", body, "--key", other, "--key", PRIVATE]).await;
    assert_eq!(json(&output)["data"], json!({"name": "Zoë"}), "{output:?}");
    let key = PrivateKey::parse(std::fs::read(PRIVATE).unwrap(), None).unwrap();
    let fingerprint = key.public_key().fingerprint().to_string();
    assert!(stderr(&output).contains(&fingerprint));
    let machine = json(&wa(&["flow", "decrypt", body, "--key", PRIVATE, "--json"]).await);
    assert_eq!(machine["fingerprint"], fingerprint);
    let refused = wa(&["flow", "decrypt", body, "--key", other]).await;
    assert_eq!(code(&refused), 1);
    assert!(
        stderr(&refused).contains("wa encryption get"),
        "{}",
        stderr(&refused)
    );
}
