//! `wa gateway` as a process: validation, start, reload and shutdown.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/emulator.rs"]
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

/// Creates a directory with a key, an app secret and a configuration.
fn directory(more: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    support::close_secret_files();
    fs::copy(
        format!("{DATA}/test-only-private.pem"),
        directory.path().join("key.pem"),
    )
    .unwrap();
    let secret = directory.path().join("app-secret.txt");
    fs::write(&secret, "feedfacefeedfacefeedfacefeedface\n").unwrap();
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
    let mut command = support::wa();
    command
        .current_dir(directory)
        .args(["gateway", "--config", "gateway.toml"]);
    command.args(args);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A running gateway.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Serving {
    fn start(command: Command) -> Self {
        let (serving, ready) = Self::start_until(command, "\n");
        assert!(ready.starts_with("ready 127.0.0.1:"), "{ready}");
        serving
    }

    /// Starts a gateway, and returns its output up to and including `end`.
    fn start_until(mut command: Command, end: &str) -> (Self, String) {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        while !ready.ends_with(end) {
            assert!(stdout.read_line(&mut ready).unwrap() > 0, "{ready}");
        }
        (Self { child, stdout }, ready)
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Stops the gateway, and returns its exit status and output.
    fn end(mut self) -> Output {
        self.signal("TERM");
        let mut stdout = Vec::new();
        self.stdout.read_to_end(&mut stdout).unwrap();
        let mut output = self.child.wait_with_output().unwrap();
        output.stdout = stdout;
        output
    }
}

#[test]
fn check_prints_the_effective_configuration() {
    let directory = directory("");
    let output = gateway(directory.path(), &["--check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    let expected = [
        "listens on http://127.0.0.1:0\n",
        "endpoint default: / -> http://127.0.0.1:9/flow\n",
        "1 app secret\n",
    ];
    for expected in expected {
        assert!(said.contains(expected), "{expected:?} in {said}");
    }
    assert!(said.ends_with("(current)\n") && !said.contains("t0ken"), "{said}");

    let output = gateway(directory.path(), &["--check", "--json"])
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["good"], true);
    assert_eq!(said["listen"], "http://127.0.0.1:0");
    assert_eq!(said["admin"], Value::Null);
    let endpoint = &said["endpoints"][0];
    assert_eq!(endpoint["path"], "/");
    assert_eq!(endpoint["upstream"], "http://127.0.0.1:9/flow");
    assert_eq!(endpoint["signatures_checked"], true);

    let unsigned = ["--check", "--json", "--danger-skip-signature-check"];
    let output = gateway(directory.path(), &unsigned).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["endpoints"][0]["signatures_checked"], false);
    let output = gateway(directory.path(), &["--check", "--danger-skip-signature-check"])
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains("signatures are NOT checked"));
}

#[test]
fn an_invalid_configuration_is_a_usage_error_with_and_without_check() {
    let directory = directory("ping = \"invalid\"\n");
    let refused = |expected: &str| {
        for args in [&["--check"][..], &[]] {
            let output = gateway(directory.path(), args).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{args:?}");
            let said = text(&output.stderr);
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
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["good"], false);
    let problem = &said["problems"][0];
    assert_eq!(problem["where"], "gateway.toml:5");
    assert!(problem["message"].as_str().unwrap().contains("key.pem"));
    assert!(problem["help"].as_str().unwrap().contains("passphrase_file"));
}

#[test]
fn sigterm_stops_the_gateway_with_status_0() {
    let directory = directory("");
    let output = Serving::start(gateway(directory.path(), &[])).end();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("shutting down"), "{said}");
}

#[test]
fn a_closed_log_does_not_stop_the_gateway() {
    let directory = directory("");
    let mut serving = Serving::start(gateway(directory.path(), &["-vv"]));
    drop(serving.child.stderr.take());
    // Each reload writes to the log.
    serving.signal("HUP");
    serving.signal("HUP");
    assert_eq!(serving.end().status.code(), Some(0));
}

#[test]
fn a_reload_rereads_the_env_file() {
    let directory = directory("");
    let settings = directory.path().join("settings.env");
    fs::write(&settings, "WA_GATEWAY_DRAIN_TIMEOUT=7s\n").unwrap();
    let serving = Serving::start(gateway(directory.path(), &["--env-file=settings.env"]));
    fs::write(&settings, "WA_GATEWAY_DRAIN_TIMEOUT=8s\n").unwrap();
    serving.signal("HUP");
    let serving = wait_for(serving, "reloaded the configuration");
    // A failed reload changes nothing, even if the variables cannot be read.
    fs::remove_file(&settings).unwrap();
    serving.signal("HUP");
    let output = wait_for(serving, "cannot re-read the environment variables").end();
    let said = text(&output.stderr);
    assert!(said.contains("drain=8s"), "{said}");
}

/// Reads the log up to a line that contains `what`.
fn wait_for(mut serving: Serving, what: &str) -> Serving {
    let mut log = BufReader::new(serving.child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(what) {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "not logged: {what}");
    }
    serving.child.stderr = Some(log.into_inner());
    serving
}

#[test]
fn the_limit_of_open_files_is_raised_up_to_the_hard_limit() {
    let directory = directory("");
    let limited = |limits: &str| {
        let mut command = Command::new("sh");
        let wa = support::wa();
        let program = wa.get_program().to_str().unwrap();
        command.current_dir(directory.path()).args([
            "-c",
            &format!("{limits}; exec {program} gateway --config gateway.toml"),
        ]);
        Serving::start(command)
    };
    let serving = limited("ulimit -Sn 200");
    let limits = fs::read_to_string(format!("/proc/{}/limits", serving.child.id()));
    if let Ok(limits) = limits {
        let files = limits
            .lines()
            .find(|line| line.starts_with("Max open files"))
            .unwrap();
        assert_eq!(files.split_whitespace().nth(3), Some("4224"), "{files}");
    }
    assert!(!text(&serving.end().stderr).contains("may not open enough files"));
    let said = text(&limited("ulimit -n 200").end().stderr);
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
        let output = support::wa().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
    let directory = directory("");
    let mut command = gateway(directory.path(), &["--check"]);
    let output = command.env("WA_GATEWAY_KEYS", KEY).output().unwrap();
    let said = text(&output.stderr);
    assert!(
        said.contains("WA_GATEWAY_KEYS: endpoint 1: keys: this is a key"),
        "{said}"
    );
    assert!(!said.contains("SECRET"), "{said}");
}

#[test]
fn json_also_applies_to_the_log() {
    let directory = directory("");
    let (serving, ready) = Serving::start_until(gateway(directory.path(), &["--json"]), "}\n");
    assert!(serde_json::from_str::<Value>(&ready).unwrap()["ready"].is_string());
    let output = serving.end();
    let lines: Vec<Value> = text(&output.stderr)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines.iter().any(|line| line["message"] == "shutting down"),
        "{lines:#?}"
    );
}
