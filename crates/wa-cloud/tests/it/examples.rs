//! The examples, run as programs against the emulator.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};

/// Examples are built next to the tests: `cargo test` does it unless one test alone is named.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        program.exists(),
        "build the examples first: cargo build -p wa-cloud --examples"
    );
    program
}

async fn run(name: &'static str, arguments: &[&Path], url: String) -> Output {
    let mut command = Command::new(example(name));
    command
        .args(arguments)
        .env("WA_ACCESS_TOKEN", DEFAULT_ACCESS_TOKEN)
        .env("WA_PHONE_NUMBER_ID", DEFAULT_PHONE_NUMBER_ID)
        .env("WA_GRAPH_URL", url)
        // Nothing listens there: calls to this machine must not go through the proxy.
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("WA_KEY_PASSPHRASE", "correct horse battery staple")
        .env_remove("WA_APP_SECRET")
        .env_remove("WA_API_VERSION");
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + std::str::from_utf8(&output.stderr).unwrap()
}

#[tokio::test]
async fn the_examples_lead_from_a_new_key_to_a_verified_one() {
    let emulator = Emulator::builder().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = (
        folder.path().join("private.pem"),
        folder.path().join("public.pem"),
    );
    let url = || emulator.base_url().to_owned();

    let generated = run("generate", &[&private, &public], url()).await;
    assert!(generated.status.success(), "{}", text(&generated));
    let fingerprint = text(&generated)
        .trim()
        .strip_prefix("fingerprint ")
        .unwrap()
        .to_owned();
    assert!(
        std::fs::read_to_string(&private)
            .unwrap()
            .starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    );

    let none = run("get", &[], url()).await;
    assert!(text(&none).contains("no key is registered"), "{}", text(&none));
    let unverified = run("verify", &[&public], url()).await;
    assert!(
        !unverified.status.success() && text(&unverified).contains("no key is registered"),
        "{}",
        text(&unverified)
    );

    let set = run("set", &[&public], url()).await;
    assert!(
        set.status.success() && text(&set).contains(DEFAULT_PHONE_NUMBER_ID),
        "{}",
        text(&set)
    );
    let got = run("get", &[], url()).await;
    assert!(
        text(&got).contains(&fingerprint) && text(&got).contains("signature VALID"),
        "{}",
        text(&got)
    );
    let verified = run("verify", &[&public], url()).await;
    assert!(
        verified.status.success() && text(&verified).contains("registered and VALID"),
        "{}",
        text(&verified)
    );

    let good = run("handle_errors", &[&public], url()).await;
    assert!(text(&good).contains("registered and VALID"), "{}", text(&good));
    let wrong_file = run("handle_errors", &[&private], url()).await;
    assert!(
        text(&wrong_file).contains("no usable public key; nothing was sent"),
        "{}",
        text(&wrong_file)
    );
    emulator
        .drop_permission("default", "whatsapp_business_messaging")
        .unwrap();
    let refused = run("handle_errors", &[&public], url()).await;
    assert!(
        text(&refused).contains("lacks a permission") && text(&refused).contains("hint: "),
        "{}",
        text(&refused)
    );
}

#[tokio::test]
async fn calls_to_other_machines_go_through_the_systems_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = Command::new(example("get"));
    command
        .env("WA_ACCESS_TOKEN", DEFAULT_ACCESS_TOKEN)
        .env("WA_PHONE_NUMBER_ID", DEFAULT_PHONE_NUMBER_ID)
        .env("WA_GRAPH_URL", "https://graph.invalid")
        .env("HTTPS_PROXY", address)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    let program = tokio::task::spawn_blocking(move || command.output().unwrap());
    let asked = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut start = [0; 25];
        stream.read_exact(&mut start).unwrap();
        String::from_utf8(start.to_vec()).unwrap()
    });
    assert_eq!(asked.await.unwrap(), "CONNECT graph.invalid:443");
    assert!(!program.await.unwrap().status.success());
}
