//! `wa gateway` as a process: validation, start, reload and shutdown.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    APP_SECRET, DATA, Emulator, OTHER_PUBLIC, PUBLIC, Process, close_secret_files, json, stderr, stdout, wa,
};

/// Creates a directory with a key, an app secret and a configuration.
fn directory(more: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    close_secret_files();
    fs::copy(
        format!("{DATA}/test-only-private.pem"),
        directory.path().join("key.pem"),
    )
    .unwrap();
    let secret = directory.path().join("app-secret.txt");
    fs::write(&secret, format!("{APP_SECRET}\n")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    configure(directory.path(), more);
    directory
}

fn configure(directory: &Path, more: &str) {
    let text = format!(
        "listen = \"127.0.0.1:0\"\n[admin]\nlisten = \"off\"\n[[endpoint]]\nkeys = \"key.pem\"\n\
         app_secret_file = \"app-secret.txt\"\nupstream = \"http://127.0.0.1:9/flow?token=t0ken\"\n{more}"
    );
    fs::write(directory.join("gateway.toml"), text).unwrap();
}

fn gateway(directory: &Path, args: &[&str]) -> Command {
    let mut command = wa();
    command
        .current_dir(directory)
        .args(["gateway", "--config", "gateway.toml"]);
    command.args(args);
    command
}

/// Starts a gateway, and waits until it is ready.
fn serving(command: Command) -> Process {
    let mut serving = Process::start(command, Stdio::piped());
    let ready = serving.read_until("\n");
    assert!(ready.starts_with("ready 127.0.0.1:"), "{ready}");
    serving
}

#[test]
fn check_prints_the_effective_configuration() {
    let directory = directory("");
    let output = gateway(directory.path(), &["--check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = stdout(&output);
    let expected = [
        "listens on http://127.0.0.1:0\n",
        "endpoint default: / -> http://127.0.0.1:9/flow\n",
        "1 app secret\n",
    ];
    for expected in expected {
        assert!(said.contains(expected), "{expected:?} in {said}");
    }
    assert!(said.ends_with("(primary)\n") && !said.contains("t0ken"), "{said}");

    let output = gateway(directory.path(), &["--check", "--json"])
        .output()
        .unwrap();
    let said = json(&output);
    assert_eq!(said["good"], true);
    assert_eq!(said["listen"], "http://127.0.0.1:0");
    assert_eq!(said["admin"], Value::Null);
    let endpoint = &said["endpoints"][0];
    assert_eq!(endpoint["path"], "/");
    assert_eq!(endpoint["upstream"], "http://127.0.0.1:9/flow");
    assert_eq!(endpoint["signatures_checked"], true);

    let unsigned = ["--check", "--json", "--danger-skip-signature-check"];
    let output = gateway(directory.path(), &unsigned).output().unwrap();
    let said = json(&output);
    assert_eq!(said["endpoints"][0]["signatures_checked"], false);
    let output = gateway(directory.path(), &["--check", "--danger-skip-signature-check"])
        .output()
        .unwrap();
    assert!(stdout(&output).contains("signatures are NOT checked"));
}

#[test]
fn an_invalid_configuration_is_a_usage_error_with_and_without_check() {
    let directory = directory("ping = \"invalid\"\n");
    let refused = |expected: &str| {
        for args in [&["--check"][..], &[]] {
            let output = gateway(directory.path(), args).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{args:?}");
            let said = stderr(&output);
            assert!(said.contains(expected), "{expected:?} in {said}");
        }
    };
    refused("gateway.toml:8: endpoint 1: ping: found `invalid`, expected");
    configure(directory.path(), "");
    fs::copy(
        format!("{DATA}/test-only-encrypted.pem"),
        directory.path().join("key.pem"),
    )
    .unwrap();
    refused("hint: set `passphrase_file`, `passphrase_env` or the variable WA_KEY_PASSPHRASE");

    let output = gateway(directory.path(), &["--check", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = json(&output);
    assert_eq!(said["good"], false);
    let problem = &said["problems"][0];
    assert_eq!(problem["where"], "gateway.toml:5");
    assert!(problem["message"].as_str().unwrap().contains("key.pem"));
    assert!(problem["help"].as_str().unwrap().contains("passphrase_file"));
}

#[test]
fn sigterm_stops_the_gateway_with_status_0() {
    let directory = directory("");
    let output = serving(gateway(directory.path(), &[])).terminate();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("shutting down"), "{said}");
}

#[test]
fn a_closed_log_does_not_stop_the_gateway() {
    let directory = directory("");
    let mut serving = serving(gateway(directory.path(), &["-vv"]));
    drop(serving.child.stderr.take());
    // Each reload writes to the log.
    serving.signal("HUP");
    serving.signal("HUP");
    assert_eq!(serving.terminate().status.code(), Some(0));
}

#[test]
fn a_reload_rereads_the_env_file() {
    let directory = directory("");
    let settings = directory.path().join("settings.env");
    fs::write(&settings, "WA_GATEWAY_DRAIN_TIMEOUT=7s\n").unwrap();
    let mut serving = serving(gateway(directory.path(), &["--env-file=settings.env"]));
    fs::write(&settings, "WA_GATEWAY_DRAIN_TIMEOUT=8s\n").unwrap();
    serving.signal("HUP");
    serving.wait_for_log("reloaded the configuration");
    // A failed reload changes nothing, even if the variables cannot be read.
    fs::remove_file(&settings).unwrap();
    serving.signal("HUP");
    serving.wait_for_log("cannot re-read the environment variables");
    let output = serving.terminate();
    let said = stderr(&output);
    assert!(said.contains("drain=8s"), "{said}");
}

#[test]
fn the_limit_of_open_files_is_raised_up_to_the_hard_limit() {
    let directory = directory("");
    let limited = |limits: &str| {
        let mut command = Command::new("sh");
        let wa = wa();
        let program = wa.get_program().to_str().unwrap();
        command.current_dir(directory.path()).args([
            "-c",
            &format!("{limits}; exec {program} gateway --config gateway.toml"),
        ]);
        serving(command)
    };
    let raised = limited("ulimit -Sn 200");
    let limits = fs::read_to_string(format!("/proc/{}/limits", raised.child.id()));
    if let Ok(limits) = limits {
        let files = limits
            .lines()
            .find(|line| line.starts_with("Max open files"))
            .unwrap();
        assert_eq!(files.split_whitespace().nth(3), Some("4224"), "{files}");
    }
    assert!(!stderr(&raised.terminate()).contains("may not open enough files"));
    let said = stderr(&limited("ulimit -n 200").terminate());
    assert!(
        said.contains("may not open enough files for `limits.connections`"),
        "{said}"
    );
}

#[test]
fn a_key_instead_of_a_file_name_is_refused_and_never_printed() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIESECRET\n-----END PRIVATE KEY-----\n";
    for (args, expected) in [
        (
            &["gateway", "--check", "--keys", KEY][..],
            "got the text of a key",
        ),
        (
            &["gateway", "--check", &format!("--keys={KEY}")],
            "--keys: endpoint.keys: this is a key",
        ),
    ] {
        let output = wa().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
    let directory = directory("");
    let mut command = gateway(directory.path(), &["--check"]);
    let output = command.env("WA_GATEWAY_KEYS", KEY).output().unwrap();
    let said = stderr(&output);
    assert!(
        said.contains("WA_GATEWAY_KEYS: endpoint 1: keys: this is a key"),
        "{said}"
    );
    assert!(!said.contains("SECRET"), "{said}");
}

#[test]
fn json_also_applies_to_the_log() {
    let directory = directory("");
    let mut serving = Process::start(gateway(directory.path(), &["--json"]), Stdio::piped());
    let ready = serving.read_until("}\n");
    assert!(serde_json::from_str::<Value>(&ready).unwrap()["ready"].is_string());
    let output = serving.terminate();
    let lines: Vec<Value> = stderr(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines.iter().any(|line| line["message"] == "shutting down"),
        "{lines:#?}"
    );
}

#[test]
fn check_compares_the_keys_with_those_that_are_registered() {
    const NUMBER: &str = "106540352242922";
    let emulator = Emulator::start(&[NUMBER]);
    let directory = directory("");
    let check = |expected: i32| {
        let mut command = gateway(directory.path(), &["--check", "--graph", "--json"]);
        command
            .env("WA_GRAPH_URL", emulator.url())
            .env("WA_ACCESS_TOKEN", emulator.token())
            .env("WA_PHONE_NUMBER_ID", NUMBER);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{}", stderr(&output));
        json(&output)
    };
    let said = check(3);
    assert_eq!(said["good"], false);
    assert_eq!(said["numbers"][0]["problem"], "no usable key is registered");
    for (key, expected) in [(OTHER_PUBLIC, 3), (PUBLIC, 0)] {
        let mut set = emulator.wa(NUMBER);
        let set = set.args(["encryption", "set", "--yes", key]).output().unwrap();
        assert_eq!(set.status.code(), Some(0), "{}", stderr(&set));
        let said = check(expected);
        assert_eq!(said["numbers"][0]["served"], expected == 0, "{said}");
        assert_eq!(said["numbers"][0]["phone_number_id"], NUMBER);
    }
}
