//! No secret of the phone is shown in any `Debug`, `Display`, error or log.

use std::fmt::Write as _;

use serde_json::json;
use wa_emulator::{AppSpec, Emulator, TokenSpec};
use wa_phone::{FlowMessage, Outcome, WhatsAppClient};

const CANARY: &str = "CANARYcanaryCANARY";

/// Returns everything that the phone shows: its settings, its requests, and its errors.
async fn phone(emulator: &Emulator) -> String {
    let mut shown = String::new();
    let key = include_str!("../data/pywa_public_key_spki.pem");
    // The emulator is not a Flow endpoint, but its error response is sufficient here.
    let url = format!("{}/flow", emulator.base_url());
    let builder = WhatsAppClient::builder(&*url)
        .key_from(emulator.base_url(), "106540352242922", format!("{CANARY}-token"))
        .app_secret(format!("{CANARY}-secret"))
        .sign_flow_token(true);
    write!(shown, "{builder:?}").unwrap();
    let phone = builder.build().unwrap();
    let data = json!({"x": format!("{CANARY}-data")});
    let message = FlowMessage::data_exchange(format!("{CANARY}-flow"), "SCREEN", data).version("4.0");
    write!(
        shown,
        "{phone:?}{message:?}{:?}",
        FlowMessage::raw(json!({"x": CANARY}))
    )
    .unwrap();
    let failed = phone.send(&message).await.unwrap_err();
    write!(shown, "{failed}{failed:?}").unwrap();
    emulator.set_number_key("106540352242922", Some(key)).unwrap();
    let encrypted = phone.encrypt(&message).await.unwrap();
    write!(shown, "{encrypted:?}{:?}", phone.send(&message).await.unwrap()).unwrap();
    let outcome = Outcome::FlowTokenInvalid {
        message: Some(CANARY.to_owned()),
        encrypted: true,
    };
    write!(shown, "{outcome:?}{outcome:#?}").unwrap();
    let response = phone.send_raw("x".into(), None).await.unwrap();
    write!(shown, "{response:?}{:?}", encrypted.read(&response)).unwrap();
    for refused in [
        WhatsAppClient::builder(CANARY).build().unwrap_err(),
        WhatsAppClient::builder("http://x/")
            .public_key_pem(CANARY)
            .build()
            .unwrap_err(),
        WhatsAppClient::builder("http://x/")
            .public_key_pem(key)
            .root_certificate_pem(CANARY)
            .build()
            .unwrap_err(),
        WhatsAppClient::builder("http://x/")
            .key_from("http://x", "1", CANARY)
            .build()
            .unwrap_err(),
    ] {
        write!(shown, "{refused}{refused:?}").unwrap();
    }
    shown
}

#[tokio::test]
async fn no_secret_of_the_phone_is_shown() {
    let log_file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log_file.reopen().unwrap())
        .finish();
    // With a single dispatcher, tracing lets a test on another thread turn a log line off for all threads.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = AppSpec::new("1", format!("{CANARY}-app"));
    let token = TokenSpec::new("t", format!("{CANARY}-token")).app("1");
    let emulator = Emulator::builder().app(app).token(token).start().await.unwrap();
    let shown = phone(&emulator).await;
    emulator.shutdown().await;

    assert!(!shown.contains("CANARY"), "{shown}");
    let log = std::fs::read_to_string(&log_file).unwrap();
    assert!(log.contains("exchange finished"), "the log is captured: {log}");
    assert!(!log.contains("CANARY"), "{log}");
}
