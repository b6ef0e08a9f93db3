//! What phones send, and what they get.

use serde_json::{Value, json};
use wa_flows::AppSecret;

use crate::support::{
    Backend, Files, Phone, SECRET, config_text, init, key, metric, ping, start, start_before,
};

#[tokio::test]
async fn a_ping_is_answered_by_the_gateway_and_the_backend_is_not_asked() {
    let (files, backend) = (Files::new(), Backend::saying(500, "").await);
    let gateway = start_before(&files, &backend).await;
    let reply = Phone::new(&gateway).send(&ping()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "text/plain");
    assert_eq!(reply.open(), json!({"data": {"status": "active"}}));
    assert!(backend.asked().is_empty());
}

#[tokio::test]
async fn the_backend_gets_the_decrypted_bytes_with_what_is_known_of_them_and_its_answer_is_encrypted() {
    let (files, backend) = (
        Files::new(),
        Backend::saying(200, r#"{"screen":"WELCOME","data":{"n":1}}"#).await,
    );
    let gateway = start_before(&files, &backend).await;
    let reply = Phone::new(&gateway).send(&init()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.open(), json!({"screen": "WELCOME", "data": {"n": 1}}));

    let asked = backend.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/plain"));
    assert_eq!(asked.body, init().to_string().as_bytes());
    let header = |name: &str| asked.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("x-wa-endpoint"), "shop");
    assert_eq!(
        header("x-wa-key-fingerprint"),
        key(0).public_key().fingerprint().to_string()
    );
    assert_eq!(header("x-wa-flow-token-signature"), "unchecked");
    assert_eq!(header("x-wa-request-id").len(), 16);
    assert!(asked.headers.get("x-hub-signature-256").is_none());
}

#[tokio::test]
async fn an_invalid_flow_token_gets_427_and_an_encrypted_message() {
    let (files, backend) = (
        Files::new(),
        Backend::saying(427, r#"{"error_msg":"Ordered already"}"#).await,
    );
    let gateway = start_before(&files, &backend).await;
    let reply = Phone::new(&gateway).send(&init()).await;
    assert_eq!(reply.status, 427);
    assert_eq!(reply.open(), json!({"error_msg": "Ordered already"}));
}

#[tokio::test]
async fn a_wrong_signature_is_432_and_a_foreign_key_421_and_neither_reaches_the_backend() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let mut phone = Phone::new(&gateway);
    phone.secret = AppSecret::new("another").unwrap();
    let reply = phone.send(&init()).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (432, 0));
    let reply = Phone::with_key(&gateway, 1).send(&init()).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (421, 0));
    assert!(backend.asked().is_empty());
    let refusals = |reason| metric(&gateway, "wa_gateway_refusals_total", &[("reason", reason)]);
    assert_eq!((refusals("bad_signature"), refusals("undecryptable")), (1, 1));
}

#[tokio::test]
async fn during_a_change_both_app_secrets_are_good() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    files.write("old-secret", format!("{SECRET}\n"));
    files.write("new-secret", "0123456789abcdef");
    let secrets = r#"app_secret_file = ["new-secret", "old-secret"]"#;
    let gateway = start(&files, &config_text(&backend.url(), secrets)).await;
    for secret in [SECRET, "0123456789abcdef"] {
        let mut phone = Phone::new(&gateway);
        phone.secret = AppSecret::new(secret).unwrap();
        assert_eq!(phone.send(&ping()).await.status, 200);
    }
}

#[tokio::test]
async fn other_paths_are_404_and_each_endpoint_has_its_own_keys_and_backend() {
    let files = Files::new();
    files.write("other.pem", key(1).secret_pkcs8_pem().expose_secret());
    let shop = Backend::saying(200, r#"{"from":"shop"}"#).await;
    let bank = Backend::saying(200, r#"{"from":"bank"}"#).await;
    let more = format!(
        "[[endpoint]]\nname = \"bank\"\npath = \"/bank\"\nkeys = [\"other.pem\"]\nupstream = \"{}\"",
        bank.url()
    );
    let gateway = start(&files, &config_text(&shop.url(), &more)).await;
    let url = |path| format!("http://{}{path}", gateway.local_addr());
    assert_eq!(
        Phone::new(&gateway).send(&init()).await.open(),
        json!({"from": "shop"})
    );
    let at_bank = Phone::with_key(&gateway, 1).at(url("/bank")).send(&init()).await;
    assert_eq!(at_bank.open(), json!({"from": "bank"}));
    assert_eq!(
        Phone::new(&gateway).at(url("/bank")).send(&init()).await.status,
        421
    );
    for path in ["/", "/flow/", "/flows"] {
        assert_eq!(Phone::new(&gateway).at(url(path)).send(&init()).await.status, 404);
    }
}

#[tokio::test]
async fn an_error_notification_is_acknowledged_and_posted_to_the_backend_if_configured() {
    let files = Files::new();
    let backend = Backend::saying(204, "").await;
    let notice = json!({"version": "3.0", "action": "INIT", "flow_token": "t",
        "data": {"error": "timeout_error", "error_message": "late"}});
    for (more, posted) in [("", 0), (r#"error_notifications = "upstream""#, 1)] {
        let gateway = start(&files, &config_text(&backend.url(), more)).await;
        let reply = Phone::new(&gateway).send(&notice).await;
        assert_eq!(reply.open(), json!({"data": {"acknowledged": true}}));
        assert_eq!(backend.asked().len(), posted);
        assert_eq!(
            metric(
                &gateway,
                "wa_gateway_exchanges_total",
                &[("action", "error_notification")]
            ),
            1
        );
        let notified = |error| {
            metric(
                &gateway,
                "wa_gateway_error_notifications_total",
                &[("error", error)],
            )
        };
        assert_eq!((notified("timeout_error"), notified("other")), (1, 0));
    }
}

#[tokio::test]
async fn a_ping_can_ask_the_backend_first() {
    let files = Files::new();
    for (status, body, expected) in [(200, "pong", 200), (204, "", 200), (500, "", 500)] {
        let backend = Backend::saying(status, body).await;
        let gateway = start(&files, &config_text(&backend.url(), r#"ping = "upstream""#)).await;
        let reply = Phone::new(&gateway).send(&ping()).await;
        assert_eq!(reply.status.as_u16(), expected, "{status} {body}");
        let payload: Value = serde_json::from_slice(&backend.asked()[0].body).unwrap();
        assert_eq!(payload, ping());
    }
}

#[tokio::test]
async fn a_required_flow_token_signature_that_is_missing_is_432() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start(
        &files,
        &config_text(&backend.url(), r#"flow_token_signature = "required""#),
    )
    .await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 432);
    assert_eq!(Phone::new(&gateway).send(&ping()).await.status, 200);
    let gateway = start(
        &files,
        &config_text(&backend.url(), r#"flow_token_signature = "when-present""#),
    )
    .await;
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 200);
    assert_eq!(backend.asked()[0].headers["x-wa-flow-token-signature"], "absent");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text = config_text(&backend.url(), "").replace("[admin]", "[limits]\nbody = \"1 KiB\"\n[admin]");
    let gateway = start(&files, &text).await;
    let large = json!({"action": "INIT", "data": {"text": "x".repeat(2000)}});
    assert_eq!(Phone::new(&gateway).send(&large).await.status, 413);
    assert_eq!(Phone::new(&gateway).send(&ping()).await.status, 200);
}
