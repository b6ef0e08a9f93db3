//! `wa doctor`: exit status, text and JSON.

use serde_json::Value;

use crate::support::{Emulator, OTHER_PUBLIC, PUBLIC, close_secret_files, code, json, stderr, stdout};

const NUMBER: &str = "1001";

fn registered() -> Emulator {
    let emulator = Emulator::start(&[NUMBER]);
    let set = emulator
        .wa(NUMBER)
        .args(["encryption", "set", PUBLIC])
        .output()
        .unwrap();
    assert!(set.status.success(), "{}", stderr(&set));
    emulator
}

#[test]
fn a_healthy_number_exits_with_0_and_a_broken_one_with_3() {
    close_secret_files();
    let emulator = registered();
    let doctor = || {
        emulator
            .wa(NUMBER)
            .args(["doctor", "--key", PUBLIC])
            .output()
            .unwrap()
    };
    let healthy = doctor();
    assert_eq!(code(&healthy), 0, "{}{}", stdout(&healthy), stderr(&healthy));
    assert!(
        stdout(&healthy).starts_with("1001: nothing is broken\n"),
        "{}",
        stdout(&healthy)
    );

    emulator.control("POST", "numbers/1001/reregister", "{}");
    let broken = doctor();
    assert_eq!(code(&broken), 3);
    let text = stdout(&broken);
    assert!(
        text.starts_with("1001: key-signature is broken\nBROKEN   key-signature        MISMATCH"),
        "{text}"
    );
    let fix = format!(
        "fix:                 Upload the key again: wa encryption set {PUBLIC} --phone-number-id 1001"
    );
    assert!(text.lines().nth(2).unwrap().ends_with(&fix), "{text}");
    assert_eq!(stderr(&broken), "");
}

#[test]
fn json_names_the_cause_and_has_every_finding() {
    close_secret_files();
    let emulator = registered();
    let output = emulator
        .wa(NUMBER)
        .args(["doctor", "--key", OTHER_PUBLIC, "--json"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 3);
    let report: Value = json(&output);
    assert_eq!(
        (&report["healthy"], &report["cause"]),
        (&false.into(), &"key-match".into())
    );
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings[0]["verdict"], "broken");
    assert!(
        findings
            .iter()
            .any(|finding| finding["check"] == "token" && finding["verdict"] == "ok")
    );
}

#[test]
fn a_wrong_app_secret_is_a_finding_and_not_a_failure() {
    close_secret_files();
    let emulator = registered();
    let mut command = emulator.wa(NUMBER);
    command
        .env("WA_APP_SECRET", "ffeeddccbbaa99887766554433221100")
        .args(["doctor", "--json"]);
    let output = command.output().unwrap();
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert_eq!(json(&output)["cause"], "app-secret");
}

#[test]
fn a_store_that_does_not_exist_is_a_failure_and_missing_settings_are_usage_errors() {
    let emulator = registered();
    let output = emulator
        .wa(NUMBER)
        .args(["doctor", "--store", "no-such-store"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
    assert!(!std::path::Path::new("no-such-store").exists(), "it only reads");
    let output = crate::support::wa().arg("doctor").output().unwrap();
    assert_eq!(code(&output), 2);
}
