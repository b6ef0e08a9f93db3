//! Files, streams and exit status of the program.

use std::fs;
use std::process::Stdio;

use crate::support::{Emulator, Process, generate, run, stderr, stdout, succeed, wa};

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_named() {
    use std::os::unix::ffi::OsStrExt;

    let bad = std::ffi::OsStr::from_bytes(b"token-\xff");
    let output = run(wa().args(["encryption", "get"]).env("WA_ACCESS_TOKEN", bad));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("WA_ACCESS_TOKEN is not UTF-8"));
}

#[test]
fn no_error_prints_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(&[]);
    let key = succeed(
        wa().args(["keys", "generate", "--no-passphrase"])
            .current_dir(folder.path()),
    );
    assert!(!key.contains("PRIVATE KEY"));
    let pem = fs::read_to_string(folder.path().join("private.pem")).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    fs::write(
        folder.path().join("damaged.pem"),
        pem.replace("-----END", "---END"),
    )
    .unwrap();
    fs::write(
        folder.path().join(".env"),
        format!("WA_ACCESS_TOKEN=marker-token\nPEM=\"{}", &pem[..200]),
    )
    .unwrap();
    let description = r#"{"encryption_metadata":{"encryption_key":"marker-media-key"}}"#;
    let convert = ["keys", "convert", "private.pem", "--out", "new.pem"];
    let send = [
        "flow",
        "send",
        "http://127.0.0.1:1",
        "--public-key",
        "private.pem",
    ];
    let der = &body[..200];
    let runs: [&[&str]; 19] = [
        &["keys", "inspect", der],
        &["keys", "inspect", "private.pem", "damaged.pem"],
        &["keys", "public", "damaged.pem"],
        &["keys", "inspect", "damaged.pem", "--json"],
        &["--env-file", ".env", "encryption", "get"],
        &["-vv", "encryption", "set", "private.pem"],
        &["-vv", "encryption", "get", "--phone-number-id", "999"],
        // The contents of a file are given instead of its name.
        &["encryption", "get", "--access-token-file", "marker-token"],
        &["encryption", "get", "--access-token-file", &"marker-".repeat(99)],
        &[
            "encryption",
            "get",
            "--app-secret-file",
            "marker-app-secret",
            "--json",
        ],
        &[
            "keys",
            "generate",
            "--out-dir",
            "..",
            "--passphrase-file",
            "marker-passphrase",
        ],
        &[&convert[..], &["--new-passphrase-file", "marker-new-passphrase"]].concat(),
        &[&send[..], &["--app-secret-file", "marker-app-secret"]].concat(),
        &["keys", "public", &pem],
        &["keys", "public", "--", &pem],
        &["keys", "public", &body],
        &["keys", "inspect", "private.pem", "--json", "--", &pem],
        &["flow", "decrypt", "body.json", "--key", &pem],
        &["media", "decrypt", description, "--file", "x", "--out", "y"],
    ];
    for args in runs {
        let mut command = emulator.wa("106540352242922");
        command.args(args).current_dir(folder.path());
        command
            .env("WA_APP_SECRET", "marker-app-secret")
            .env("WA_KEY_PASSPHRASE", "marker-passphrase");
        let output = run(&mut command);
        let printed = stdout(&output) + &stderr(&output);
        assert!(!printed.is_empty(), "{args:?} prints something");
        for secret in ["marker-", &emulator.token(), &body[100..140], &pem[100..130]] {
            assert!(!printed.contains(secret), "{args:?} shows a secret:\n{printed}");
        }
    }
}

#[test]
fn a_reregistered_number_is_detected_and_repaired() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let emulator = Emulator::start(&[]);
    let number = "106540352242922";
    let wa = |args: &[&str]| run(emulator.wa(number).args(args).current_dir(folder.path()));
    assert_eq!(wa(&["encryption", "set", "public.pem"]).status.code(), Some(0));
    emulator.control("POST", &format!("numbers/{number}/reregister"), "{}");
    let found = wa(&["encryption", "verify", "public.pem", "--json"]);
    assert_eq!(found.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(report.pointer("/results/0/verification").unwrap(), "mismatch");
    assert_eq!(wa(&["encryption", "set", "public.pem"]).status.code(), Some(0));
    assert_eq!(wa(&["encryption", "verify", "public.pem"]).status.code(), Some(0));
}

#[test]
fn the_emulator_writes_settings_that_the_program_reads() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = wa();
        command
            .args(["emulator", "--write-env", "emulator.env"])
            .current_dir(folder.path());
        command
    };
    let mut emulator = Process::start(start(), Stdio::null());
    let line = emulator.read_until("\n");
    assert!(line.starts_with("ready http://127.0.0.1:"), "{line}");
    let get = succeed(
        wa().args(["--env-file=emulator.env", "encryption", "get"])
            .current_dir(folder.path()),
    );
    assert!(get.contains("no key is registered"), "{get}");

    let second = run(&mut start());
    assert_eq!(
        second.status.code(),
        Some(1),
        "an existing file is not overwritten"
    );
}

#[test]
fn output_is_coloured_only_on_terminals_or_on_request() {
    let inspect = ["keys", "inspect", "tests/data/test-only-public.pem"];
    let plain = succeed(wa().env_remove("NO_COLOR").args(inspect));
    assert!(!plain.contains('\u{1b}'));
    let coloured = succeed(wa().args(["--color", "always"]).args(inspect));
    assert!(coloured.contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let mut child = wa()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn a_closed_pipe_does_not_change_the_exit_status() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("no-key.pem"), "nothing").unwrap();
    let mut child = wa()
        .current_dir(folder.path())
        .args(["keys", "inspect", "no-key.pem"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
#[cfg(target_os = "linux")]
fn a_log_that_cannot_be_written_does_not_stop_the_program() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = wa()
        .args(["-vv", "encryption", "get", "--phone-number-id", "106540352242922"])
        .args(["--timeout", "1", "--graph-url", "http://127.0.0.1:1"])
        .env("WA_ACCESS_TOKEN", "EAAtoken")
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn the_json_of_the_demo_contains_no_colours() {
    let json = succeed(wa().args(["demo", "--json"]));
    assert!(json.contains("\"found\"") && !json.contains("u001b"), "{json}");
}

#[test]
fn an_empty_variable_does_not_override_the_env_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.env"), "WA_KEY_PASSPHRASE=right\n").unwrap();
    let run = |args: &[&str]| {
        let mut wa = wa();
        wa.current_dir(folder.path())
            .env("WA_KEY_PASSPHRASE", "")
            .args(["--env-file=a.env"]);
        wa.args(args).output().unwrap().status.code()
    };
    assert_eq!(run(&["keys", "generate"]), Some(0));
    assert_eq!(run(&["keys", "public", "private.pem"]), Some(0));
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(
            succeed(wa().args(["completions", shell])).contains("encryption"),
            "{shell}"
        );
    }
}

#[test]
fn the_demo_ends_with_the_fingerprint_and_valid() {
    let shown = succeed(wa().arg("demo"));
    let last = shown.lines().last().unwrap();
    let words: Vec<&str> = last.split(' ').collect();
    assert_eq!(
        (words.len(), words[0], words[2]),
        (3, "registered", "VALID"),
        "{last}"
    );
    assert_eq!(words[1].len(), 16, "{last}");
    let machine: serde_json::Value = serde_json::from_str(&succeed(wa().args(["demo", "--json"]))).unwrap();
    assert_eq!(
        machine.pointer("/business_public_key_signature_status").unwrap(),
        "VALID"
    );
    assert_eq!(
        machine.pointer("/fingerprint").unwrap().as_str().unwrap().len(),
        64
    );
}
