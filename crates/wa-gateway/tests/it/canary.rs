//! No secret is in anything that is printed, logged, scraped or answered.

use std::fmt::Write as _;

use serde_json::json;
use wa_flows::AppSecret;
use wa_gateway::{Gateway, GatewayConfig, Overrides};
use wa_keys::file::{Existing, write_encrypted_private_key};
use wa_keys::{Passphrase, Protection};

use crate::support::{Backend, Files, Phone, admin, config_text, eventually, init, key};

const MARKER: &str = "CANARY";
const APP_SECRET: &str = "app-secret-CANARY";
const PASSPHRASE: &str = "passphrase-CANARY";

fn files() -> Files {
    let files = Files::empty();
    let passphrase = Passphrase::new(PASSPHRASE);
    let path = files.path().join("keys/1.pem");
    write_encrypted_private_key(
        path,
        key(0),
        &passphrase,
        &Protection::default(),
        Existing::Refuse,
    )
    .unwrap();
    files.write("passphrase", PASSPHRASE);
    files.write("secret", APP_SECRET);
    files
}

const SECRETS: &str =
    "passphrase_file = \"passphrase\"\napp_secret_file = \"secret\"\napp_secret_env = \"EXTRA\"";

fn load(files: &Files, text: &str) -> Result<GatewayConfig, wa_gateway::ConfigErrors> {
    files.write("gateway.toml", text);
    let environment = |name: &str| match name {
        "EXTRA" => Some(format!("extra-{MARKER}")),
        "WA_REPLAY_STORE" => Some(format!("redis://{MARKER}:{MARKER}@127.0.0.1:1/0?{MARKER}")),
        _ => None,
    };
    GatewayConfig::load(
        Some(&files.path().join("gateway.toml")),
        &Overrides::new(),
        environment,
    )
}

#[tokio::test]
async fn secrets_payloads_and_tokens_stay_out_of_logs_metrics_and_errors() {
    let log_file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log_file.reopen().unwrap())
        .finish();
    // Blocking threads log too, so it is set for the process; no other test of this binary looks at the log.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let files = files();
    let answer = format!(r#"{{"screen":"A","data":{{"text":"answer-{MARKER}"}}}}"#);
    let backend = Backend::answering(move |asked| {
        let bad = asked.body.windows(3).any(|window| window == b"bad");
        let answer = answer.clone();
        async move {
            if bad {
                (500, format!("failure-{MARKER}"))
            } else {
                (200, answer)
            }
        }
    })
    .await;
    let config = load(
        &files,
        &config_text(&format!("{}?token={MARKER}", backend.url()), SECRETS),
    )
    .unwrap();
    let mut printed = format!("{config:?} {:?}", config.check().unwrap());
    let gateway = Gateway::start(config).await.unwrap();
    write!(printed, "{gateway:?}").unwrap();

    let mut phone = Phone::new(&gateway);
    phone.secret = AppSecret::new(APP_SECRET).unwrap();
    let payload = json!({"version": "3.0", "action": "INIT", "flow_token": format!("token-{MARKER}"),
        "data": {"typed": MARKER}});
    assert_eq!(phone.send(&payload).await.status, 200);
    let bad = json!({"version": "3.0", "action": "INIT", "flow_token": MARKER, "data": {"typed": "bad"}});
    assert_eq!(phone.send(&bad).await.status, 500);
    let notice = json!({"version": "3.0", "action": "INIT",
        "data": {"error": format!("key-{MARKER}"), "error_message": MARKER}});
    assert_eq!(phone.send(&notice).await.status, 200);
    assert_eq!(Phone::new(&gateway).send(&init()).await.status, 432);

    // A broken key file, an unusable secret and a wrong passphrase, each reported.
    files.write(
        "keys/2.pem",
        format!("-----BEGIN PRIVATE KEY-----\n{MARKER}\n-----END PRIVATE KEY-----\n"),
    );
    files.write("secret", format!("two words {MARKER}"));
    eventually("the failure is logged", || async {
        std::fs::read_to_string(&log_file)
            .unwrap()
            .contains("the previous ones stay in use")
    })
    .await;
    files.write("passphrase", format!("wrong-{MARKER}"));
    let error = gateway.reload().await.unwrap_err();
    write!(
        printed,
        "{error} {error:?} {}",
        std::error::Error::source(&error).unwrap()
    )
    .unwrap();
    printed += &admin(&gateway, http::Method::GET, "/metrics", "").await.1;
    gateway.shutdown(std::time::Duration::from_secs(5)).await;

    let log = std::fs::read_to_string(&log_file).unwrap();
    for expected in [
        "gateway started",
        "cannot connect to the replay store",
        "answered a Flow request",
        "the handler failed",
        "upstream returned 500",
    ] {
        assert!(log.contains(expected), "{expected} is not in the log:\n{log}");
    }
    assert!(printed.contains("wa_gateway_exchanges_total"));
    for (name, text) in [("log", &log), ("text", &printed)] {
        let line = text.lines().find(|line| line.contains(MARKER));
        assert_eq!(line, None, "a secret is in the {name}");
    }
}

#[test]
fn secrets_that_were_put_into_the_wrong_place_are_not_repeated() {
    let files = files();
    let secret = "0123456789abcdefCANARY";
    for more in [
        format!("app_secret = \"{secret}\""),
        format!("app_secret_env = \"{secret}\""),
        "app_secret_env = \"CANARY\"".to_owned(),
        format!("app_secret_file = \"{secret}\""),
        format!("passphrase = \"{secret}\""),
        format!("passphrase_env = [\"{secret}\"]"),
        format!("passphrase_file = [\"{secret}\"]"),
        format!("app_secret_file = 7 # {secret}"),
        format!("app_secret_file = {secret}"),
        format!("upstream_url = \"http://user:{secret}@backend/\""),
    ] {
        let config = load(&files, &config_text("http://127.0.0.1:1/", &more));
        let errors = config.and_then(|config| config.check()).unwrap_err();
        let printed = format!("{errors} {errors:?}");
        assert!(!printed.contains(MARKER), "{more}: {printed}");
    }
    let errors = load(&files, &config_text("http://user:CANARY@backend/", SECRETS)).unwrap_err();
    assert!(!format!("{errors} {errors:?}").contains(MARKER));
}
