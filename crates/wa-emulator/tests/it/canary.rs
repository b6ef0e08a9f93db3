//! No secret is shown in any `Debug`, `Display`, error or log.

use std::fmt::Write as _;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wa_emulator::{AppSpec, Emulator, TokenSpec};

const CANARY: &str = "CANARYcanaryCANARY";

async fn call(emulator: &Emulator, method: &str, target: &str, extra: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(emulator.local_addr()).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \
         {length}\r\n{extra}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn no_secret_is_shown() {
    let log_file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log_file.reopen().unwrap())
        .finish();
    // With a single dispatcher, tracing lets a test on another thread turn a log line off for all threads.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut shown = String::new();

    let app = AppSpec::new("1", format!("{CANARY}-app"));
    let token = TokenSpec::new("t", format!("{CANARY}-token")).app("1");
    write!(shown, "{app:?}{token:?}").unwrap();
    let builder = Emulator::builder().app(app).token(token);
    write!(shown, "{builder:?}").unwrap();
    let emulator = builder.start().await.unwrap();
    let again = TokenSpec::new("again", format!("{CANARY}-token"));
    let refused = emulator.add_token(&again).unwrap_err();
    write!(shown, "{refused}{refused:?}").unwrap();

    let key = "/v25.0/106540352242922/whatsapp_business_encryption";
    let authorization = format!("Authorization: Bearer {CANARY}-token\r\n");
    shown += &call(&emulator, "GET", key, &authorization, "").await;
    shown += &call(
        &emulator,
        "GET",
        &format!("{key}?access_token={CANARY}-unknown"),
        "",
        "",
    )
    .await;
    shown += &call(
        &emulator,
        "GET",
        &format!("/debug_token?input_token={CANARY}-token"),
        &authorization,
        "",
    )
    .await;
    shown += &call(
        &emulator,
        "POST",
        key,
        "",
        &format!("access_token={CANARY}-x&business_public_key=x"),
    )
    .await;
    let bad = format!("{{\"label\":\"x\",\"token\":{{\"{CANARY}\":1}}}}");
    shown += &call(&emulator, "POST", "/_emulator/tokens", "", &bad).await;
    shown += &call(&emulator, "GET", "/_emulator/", "", "").await;
    shown += &call(&emulator, "GET", "/_emulator/requests", "", "").await;
    write!(shown, "{emulator:?}{:?}", emulator.requests()).unwrap();
    emulator.shutdown().await;

    assert!(!shown.contains("CANARY"), "{shown}");
    let log = std::fs::read_to_string(&log_file).unwrap();
    assert!(
        log.contains("responded") && log.contains("fbtrace_id"),
        "the log is captured: {log}"
    );
    assert!(!log.contains("CANARY"), "{log}");
}
