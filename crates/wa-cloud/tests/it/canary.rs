//! No secret that is given to the facade shows in what it prints.

use std::error::Error;
use std::fmt::Write as _;

use wa_cloud::WhatsApp;
use wa_cloud::keys::PrivateKey;
use wa_emulator::{DEFAULT_PHONE_NUMBER_ID, Emulator};

fn shown(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, " {error} {error:?}").unwrap();
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn no_secret_shows_anywhere() {
    let log_file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("trace,wa_emulator=off")
        .with_ansi(false)
        .with_writer(log_file.reopen().unwrap())
        .finish();
    // This captures the events of the other tests too: their secrets are others.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let emulator = Emulator::builder().start().await.unwrap();
    let builder = || {
        WhatsApp::builder()
            .phone_number_id(DEFAULT_PHONE_NUMBER_ID)
            .access_token("EAAcanarytoken")
            .app_secret("canarysecret")
            .base_url(emulator.base_url())
    };
    let mut shows = format!("{:?}", builder());
    let whatsapp = builder().build().unwrap();
    write!(shows, "{whatsapp:?} {:?}", whatsapp.encryption()).unwrap();
    let private = PrivateKey::generate().unwrap();
    let secret_pem = private.secret_pkcs8_pem();
    // The emulator knows no such token; the private key in the public one's place is refused before that.
    for text in [
        private.public_key().to_pem(),
        secret_pem.expose_secret().to_owned(),
    ] {
        shows += &shown(&whatsapp.encryption().register(text).await.unwrap_err());
    }
    for wrong in [
        builder().access_token("EAAcanary token"),
        builder().app_secret("canary secret"),
        builder().base_url("https://me:canary@graph.example"),
        builder().base_url("https://graph.example/?canary"),
        builder().phone_number_id("EAAcanarytokenInTheWrongPlace"),
    ] {
        shows += &shown(&wrong.build().unwrap_err());
    }

    let log = std::fs::read_to_string(&log_file).unwrap();
    assert!(log.contains("graph_call") && log.contains("status=401"), "{log}");
    assert!(shows.contains("Graph error 190"), "{shows}");
    let line_of_secret = secret_pem.expose_secret().lines().nth(5).unwrap();
    for text in [&log, &shows] {
        for secret in ["EAAcanarytoken", "canarysecret", "canary", line_of_secret] {
            assert!(!text.contains(secret), "a secret shows: {text}");
        }
    }
}
