//! Files, streams and exit status of the program.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/emulator.rs"]
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{Emulator, wa};

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn generate(folder: &Path) {
    fs::write(folder.join("passphrase.txt"), "a passphrase\r\n").unwrap();
    succeed(
        wa().args(["keys", "generate", "--passphrase-file", "passphrase.txt"])
            .current_dir(folder),
    );
}

#[cfg(unix)]
#[test]
fn generated_keys_are_encrypted_and_overwritten_only_with_force() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let private = folder.path().join("private.pem");
    assert_eq!(
        fs::metadata(&private).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let before = fs::read_to_string(&private).unwrap();
    assert!(before.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));

    let again = ["keys", "generate", "--passphrase-file", "passphrase.txt"];
    let refused = run(wa().args(again).current_dir(folder.path()));
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    assert_eq!(fs::read_to_string(&private).unwrap(), before);

    succeed(wa().args(again).arg("--force").current_dir(folder.path()));
    assert_ne!(fs::read_to_string(&private).unwrap(), before);
}

#[test]
fn generate_prints_the_next_steps_for_a_first_key_and_for_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("new keys")).unwrap();
    let output = run(wa()
        .args(["keys", "generate", "--no-passphrase", "--out-dir", "new keys"])
        .current_dir(folder.path()));
    let said = text(&output.stderr);
    let first = said.find("for a number without a key").unwrap();
    let rotation = said
        .find("first make the endpoint serve new keys/private.pem in addition to the old key")
        .unwrap();
    assert!(first < rotation, "{said}");
    assert_eq!(
        said.matches("\n  wa encryption set 'new keys/public.pem'\n")
            .count(),
        2,
        "{said}"
    );
}

#[test]
fn no_file_is_written_if_one_of_them_exists() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("public.pem"), "existing").unwrap();
    let refused = run(wa()
        .args(["keys", "generate", "--no-passphrase"])
        .current_dir(folder.path()));
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("public.pem"));
    assert!(!folder.path().join("private.pem").exists());
    assert_eq!(
        fs::read_to_string(folder.path().join("public.pem")).unwrap(),
        "existing"
    );
}

#[cfg(unix)]
#[test]
fn a_key_can_be_written_to_an_unreadable_directory() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    let folder = tempfile::tempdir().unwrap();
    let mut command = wa();
    command
        .args(["keys", "generate", "--no-passphrase"])
        .current_dir(folder.path());
    if folder.path().metadata().unwrap().uid() == 0 {
        // Root may list everything.
        chown(folder.path(), Some(65534), Some(65534)).unwrap();
        command.uid(65534).gid(65534);
    }
    let mode = fs::Permissions::from_mode;
    fs::set_permissions(folder.path(), mode(0o300)).unwrap();
    let output = command.output();
    fs::set_permissions(folder.path(), mode(0o700)).unwrap();
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            eprintln!("skipped: another user may not run the program where it was built");
            return;
        }
        other => other.unwrap(),
    };
    assert!(output.status.success(), "{}", text(&output.stderr));
    for name in ["private.pem", "public.pem"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn an_existing_output_file_is_reported_before_a_passphrase_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    for args in [
        &["keys", "public", "private.pem", "--out", "public.pem"][..],
        &["keys", "convert", "private.pem", "--out", "public.pem"],
    ] {
        let refused = run(wa().args(args).current_dir(folder.path()));
        assert_eq!(refused.status.code(), Some(1), "{args:?}");
        let printed = text(&refused.stderr);
        assert!(
            printed.contains("public.pem already exists"),
            "{args:?}: {printed}"
        );
    }
}

#[test]
fn the_same_file_for_both_keys_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let same = [
        "keys",
        "generate",
        "--no-passphrase",
        "--force",
        "--private",
        "k.pem",
        "--public",
        "k.pem",
    ];
    let refused = run(wa().args(same).current_dir(folder.path()));
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn every_command_warns_about_a_private_key_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    succeed(
        wa().args(["keys", "generate", "--no-passphrase"])
            .current_dir(folder.path()),
    );
    let private = folder.path().join("private.pem");
    let emulator = Emulator::start(&[]);
    for (mode, warned) in [(0o600, false), (0o644, true)] {
        fs::set_permissions(&private, fs::Permissions::from_mode(mode)).unwrap();
        for args in [
            &["keys", "public", "private.pem"][..],
            &["encryption", "set", "private.pem"],
        ] {
            let output = run(emulator
                .wa("106540352242922")
                .args(args)
                .current_dir(folder.path()));
            assert!(output.status.success());
            assert_eq!(
                text(&output.stderr).contains("can be accessed by others"),
                warned,
                "{args:?} {mode:o}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_named() {
    use std::os::unix::ffi::OsStrExt;

    let bad = std::ffi::OsStr::from_bytes(b"token-\xff");
    let output = run(wa().args(["encryption", "get"]).env("WA_ACCESS_TOKEN", bad));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("WA_ACCESS_TOKEN is not UTF-8"));
}

#[test]
fn a_converted_key_is_the_same_key_under_the_new_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    fs::write(folder.path().join("new.txt"), "another passphrase").unwrap();
    let convert = [
        "keys",
        "convert",
        "private.pem",
        "--out",
        "converted.pem",
        "--passphrase-file",
        "passphrase.txt",
        "--new-passphrase-file",
        "new.txt",
    ];
    succeed(wa().args(convert).current_dir(folder.path()));
    let public = |file: &str, passphrase: &str| {
        run(wa()
            .args(["keys", "public", file, "--passphrase-file", passphrase])
            .current_dir(folder.path()))
    };
    assert_eq!(
        public("converted.pem", "new.txt").stdout,
        fs::read(folder.path().join("public.pem")).unwrap()
    );
    assert_eq!(public("converted.pem", "passphrase.txt").status.code(), Some(1));
}

#[test]
fn a_key_can_be_read_from_standard_input_with_a_passphrase_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let mut child = wa()
        .args(["keys", "public", "-"])
        .env("WA_KEY_PASSPHRASE", "a passphrase")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&fs::read(folder.path().join("private.pem")).unwrap())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, fs::read(folder.path().join("public.pem")).unwrap());
}

#[test]
fn no_error_prints_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(&[]);
    let key = text(
        &run(wa()
            .args(["keys", "generate", "--no-passphrase"])
            .current_dir(folder.path()))
        .stdout,
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
        let printed = text(&output.stdout) + &text(&output.stderr);
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
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut emulator = start().spawn().unwrap();
    let mut line = String::new();
    BufReader::new(emulator.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
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
    emulator.kill().unwrap();
    emulator.wait().unwrap();
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
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
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
fn a_private_key_is_never_replaced_by_a_public_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = wa().current_dir(folder.path()).args(args).output().unwrap();
        output.status.code()
    };
    let read = || fs::read(folder.path().join("k.pem")).unwrap();
    let generate = |private, public| {
        run(&[
            "keys",
            "generate",
            "--no-passphrase",
            "--force",
            "--private",
            private,
            "--public",
            public,
        ])
    };
    assert_eq!(generate("k.pem", "p.pem"), Some(0));
    let key = read();
    assert_eq!(generate("k.pem", "./k.pem"), Some(2));
    assert_eq!(generate("k.pem", "nowhere/p.pem"), Some(1));
    assert_eq!(
        run(&["keys", "public", "k.pem", "--out", "./k.pem", "--force"]),
        Some(2)
    );
    assert_eq!(read(), key);
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
