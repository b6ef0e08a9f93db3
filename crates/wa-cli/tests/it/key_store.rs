//! `wa keys import`, `export` and `status`, and `wa store`.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{PRIVATE, PUBLIC, code, json, stderr, stdout, wa};

/// The short fingerprint of `PRIVATE`.
fn short() -> String {
    let output = wa().args(["--json", "keys", "inspect", PUBLIC]).output().unwrap();
    let fingerprint = json(&output)["results"][0]["items"][0]["fingerprint"].clone();
    fingerprint.as_str().unwrap()[..16].to_owned()
}

fn in_store(store: &Path, args: &[&str]) -> Command {
    let mut command = wa();
    command
        .args(args)
        .env("WA_KEY_STORE", store)
        .env("WA_KEY_PASSPHRASE", "secret");
    command
}

fn run(store: &Path, args: &[&str]) -> Output {
    in_store(store, args).output().unwrap()
}

#[test]
fn a_key_is_imported_once_shown_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keys");
    let short = short();
    let output = run(&store, &["keys", "import", PRIVATE]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains(&format!("imported {short} into key set default")),
        "{}",
        stdout(&output)
    );
    let output = run(&store, &["--json", "keys", "import", PRIVATE]);
    assert_eq!((code(&output), &json(&output)["imported"]), (0, &false.into()));

    let output = run(&store, &["keys", "status"]);
    assert_eq!(code(&output), 0);
    let shown = stdout(&output);
    assert!(
        shown.contains(&short) && shown.contains("enabled") && shown.contains("imported"),
        "{shown}"
    );
    let status = json(&run(&store, &["keys", "status", "--json"]));
    assert_eq!(status["sets"][0]["keys"][0]["state"], "enabled");

    let output = run(&store, &["keys", "export", &short, "--public"]);
    assert_eq!(stdout(&output), std::fs::read_to_string(PUBLIC).unwrap());
    let out = folder.path().join("private.pem");
    let export = ["keys", "export", &short[..8], "--out", out.to_str().unwrap()];
    let output = run(&store, &export);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let opened = in_store(&store, &["keys", "public"]).arg(&out).output().unwrap();
    assert_eq!(stdout(&opened), std::fs::read_to_string(PUBLIC).unwrap());
    let again = run(&store, &export);
    assert_eq!(code(&again), 1);
    assert!(stderr(&again).contains("exists"), "{}", stderr(&again));
}

#[test]
fn what_is_missing_or_unknown_is_named_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keys");
    let none = wa().args(["keys", "status"]).output().unwrap();
    assert_eq!(code(&none), 2);
    assert!(
        stderr(&none).contains("pass --store LOCATION or set WA_KEY_STORE"),
        "{}",
        stderr(&none)
    );
    let output = run(&store, &["keys", "status"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("not a key store"), "{}", stderr(&output));
    let unknown = wa()
        .args(["keys", "status", "--store", "ftp://user:pass@host/x"])
        .output()
        .unwrap();
    assert_eq!(code(&unknown), 2);
    assert!(!stderr(&unknown).contains("pass@"), "{}", stderr(&unknown));

    let mut command = wa();
    command.args(["keys", "import", PRIVATE, "--store"]).arg(&store);
    let no_passphrase = command.output().unwrap();
    assert_eq!(code(&no_passphrase), 2);
    assert!(!store.exists(), "a usage error creates no store");
    assert!(
        stderr(&no_passphrase).contains("--passphrase-command"),
        "{}",
        stderr(&no_passphrase)
    );
    for set in ["a", "b"] {
        let output = run(&store, &["keys", "import", PRIVATE, "--set", set]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    let several = run(&store, &["keys", "import", PRIVATE]);
    assert_eq!(code(&several), 2);
    assert!(
        stderr(&several).contains("several key sets: a, b"),
        "{}",
        stderr(&several)
    );
    let unknown = run(
        &store,
        &["keys", "export", "0000000000000000", "--set", "a", "--public"],
    );
    assert_eq!(code(&unknown), 1);
}

#[cfg(unix)]
#[test]
fn the_passphrase_comes_from_a_command_that_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keys");
    let counter = folder.path().join("runs");
    let command = format!("echo run >> {}; echo from-a-command", counter.display());
    let mut import = wa();
    import
        .args([
            "keys",
            "import",
            PRIVATE,
            "--passphrase-command",
            &command,
            "--store",
        ])
        .arg(&store);
    let output = import.output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(!stderr(&output).contains("from-a-command"));
    assert_eq!(std::fs::read_to_string(&counter).unwrap(), "run\n");
    let failing = wa()
        .args([
            "keys",
            "import",
            PRIVATE,
            "--set",
            "b",
            "--passphrase-command",
            "exit 3",
            "--store",
        ])
        .arg(&store)
        .output()
        .unwrap();
    assert_eq!(code(&failing), 2, "{}", stderr(&failing));
}

#[test]
fn a_store_is_checked_copied_and_encrypted_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, backup) = (folder.path().join("keys"), folder.path().join("backup"));
    assert_eq!(code(&run(&store, &["keys", "import", PRIVATE])), 0);
    let checked = run(&store, &["--json", "store", "check"]);
    assert_eq!((code(&checked), &json(&checked)["valid"]), (0, &true.into()));
    assert_eq!(json(&checked)["storage_checked"], true);
    assert!(!store.join("check").exists(), "no probe stays");

    let copy = [
        "--json",
        "store",
        "copy",
        store.to_str().unwrap(),
        backup.to_str().unwrap(),
    ];
    assert_eq!(json(&run(&store, &copy))["created"], 3);
    assert_eq!(json(&run(&store, &copy))["existed"], 3);

    let reencrypt = || {
        let mut command = in_store(&store, &["--json", "store", "reencrypt"]);
        command.env("WA_NEW_KEY_PASSPHRASE", "new").output().unwrap()
    };
    assert_eq!(json(&reencrypt())["changed"], 1);
    assert_eq!(json(&reencrypt())["unchanged"], 1);
    let mut wrong = in_store(&store, &["store", "reencrypt"]);
    let wrong = wrong.env("WA_NEW_KEY_PASSPHRASE", "other").output().unwrap();
    assert_eq!(code(&wrong), 1);
    assert!(stdout(&wrong).contains("cannot be"), "{}", stdout(&wrong));

    let event = store.join("sets/default/events/00000001.json");
    std::fs::write(event, "{").unwrap();
    let damaged = run(&store, &["store", "check", "--read-only"]);
    assert_eq!(code(&damaged), 3);
    assert!(stdout(&damaged).contains("fault"), "{}", stdout(&damaged));
    assert_eq!(code(&run(&store, &copy)), 3, "the backup differs");
    assert_eq!(code(&run(&store, &["keys", "status"])), 3);
}

#[cfg(unix)]
#[test]
fn an_unsafe_directory_is_a_warning_and_with_strict_an_error() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keys");
    let mut import = in_store(&store, &["keys", "import", PRIVATE, "--no-passphrase"]);
    let output = import.env_remove("WA_KEY_PASSPHRASE").output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let checked = run(&store, &["store", "check", "--read-only"]);
    assert_eq!(code(&checked), 0);
    assert!(
        stdout(&checked).contains("is not encrypted"),
        "{}",
        stdout(&checked)
    );
    assert_eq!(
        code(&run(&store, &["store", "check", "--read-only", "--strict"])),
        3
    );
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = run(&store, &["keys", "status"]);
    assert_eq!(code(&output), 0);
    assert!(
        stderr(&output).contains("warning: users other than the owner"),
        "{}",
        stderr(&output)
    );
    let output = run(&store, &["keys", "status", "--strict"]);
    assert_eq!(code(&output), 2);
}

#[test]
fn an_encrypted_key_file_is_opened_with_its_own_passphrase_or_that_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keys");
    let encrypted = "tests/data/test-only-encrypted.pem";
    let output = run(&store, &["keys", "import", encrypted]);
    assert_eq!(code(&output), 1, "the passphrase of the store does not fit");
    let own = [
        "keys",
        "import",
        encrypted,
        "--key-passphrase-file",
        "tests/data/passphrase.txt",
    ];
    let output = run(&store, &own);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let both = [
        "keys",
        "import",
        encrypted,
        "--set",
        "b",
        "--passphrase-file",
        "tests/data/passphrase.txt",
    ];
    let output = run(&store, &both);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}
