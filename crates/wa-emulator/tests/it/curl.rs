//! The curl commands of Meta's guide.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wa_emulator::{DEFAULT_PHONE_NUMBER_ID, Emulator};

use crate::client::{PUBLIC_KEY, bearer, key_path, started};

/// Returns the output of curl, or `None` if curl is not installed.
async fn curl(emulator: &Emulator, args: &[&str], input: &str) -> Option<Value> {
    let url = format!("{}{}", emulator.base_url(), key_path());
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--header",
        &format!("Authorization: {}", bearer()),
    ]);
    command
        .args(args)
        .arg(url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_sets_and_gets_in_every_encoding() {
    let json_body = json!({"business_public_key": PUBLIC_KEY}).to_string();
    let cases: [(&[&str], &str); 3] = [
        (&["--data-urlencode", "business_public_key@-"], PUBLIC_KEY),
        (&["--form", "business_public_key=<-"], PUBLIC_KEY),
        (
            &[
                "--header",
                "Content-Type: application/json",
                "--data-binary",
                "@-",
            ],
            &json_body,
        ),
    ];
    for (args, input) in cases {
        let emulator = started().await;
        let Some(set) = curl(&emulator, args, input).await else {
            println!("skipped: there is no curl on the PATH");
            return;
        };
        assert_eq!(set, json!({"success": true}), "{args:?}");
        assert_eq!(emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads, 1);
        let got = curl(&emulator, &[], "").await.unwrap();
        assert_eq!(got["data"][0]["business_public_key"], PUBLIC_KEY);
        assert_eq!(got["data"][0]["business_public_key_signature_status"], "VALID");
    }
}
