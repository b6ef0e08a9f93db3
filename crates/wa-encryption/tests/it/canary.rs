//! No secret is in any Debug, Display, error or log of a registration that goes well and of one that does
//! not.

use std::error::Error;
use std::fmt::Write as _;

use wa_emulator::{AppSpec, DEFAULT_PHONE_NUMBER_ID, Emulator, TokenSpec};
use wa_encryption::{EncryptionApi, EncryptionError};
use wa_graph::{AccessToken, AppSecret, GraphClient};
use wa_keys::PrivateKey;

const TOKEN: &str = "EAAcanarytoken";
const SECRET: &str = "canarysecret";

fn shown(error: &EncryptionError) -> String {
    let mut text = format!("{error} {error:?} {:?}", error.remedy());
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

    let emulator = Emulator::builder()
        .app(AppSpec::new("77", SECRET))
        .token(TokenSpec::new("canary", TOKEN).app("77"))
        .start()
        .await
        .unwrap();
    let client = GraphClient::builder(AccessToken::new(TOKEN).unwrap())
        .app_secret(AppSecret::new(SECRET).unwrap())
        .base_url(emulator.base_url())
        .build()
        .unwrap();
    let encryption = EncryptionApi::new(client, DEFAULT_PHONE_NUMBER_ID.parse().unwrap());
    let private = PrivateKey::generate().unwrap();
    let key = private.public_key();

    let verification = encryption.register(key).await.unwrap();
    assert!(verification.is_valid());
    let found = encryption.get_business_public_key().await.unwrap();
    let mut shows = format!("{encryption:?} {verification:?} {verification} {found:?}");
    emulator.expire_token("canary").unwrap();
    shows += &shown(&encryption.set_business_public_key(key).await.unwrap_err());
    emulator.shutdown().await;

    let log = std::fs::read_to_string(&log_file).unwrap();
    let fingerprint = key.fingerprint().to_string();
    for expected in [
        "business public key set",
        "graph_call",
        "status=401",
        fingerprint.as_str(),
    ] {
        assert!(log.contains(expected), "{expected} is not in the log:\n{log}");
    }
    let secret_pem = private.secret_pkcs8_pem();
    let line_of_secret = secret_pem.expose_secret().lines().nth(5).unwrap();
    for (what, text) in [("the log", &log), ("what is shown", &shows)] {
        for secret in [TOKEN, SECRET, line_of_secret] {
            assert!(!text.contains(secret), "a secret is in {what}");
        }
    }
}
