//! `wa keys rotate`, `rollback`, `disable` and `enable`, and `wa store gc`, with a gateway that serves from the key store.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{Emulator, Process, code, json, stderr, stdout, wa};

/// The secret of the emulator's app: it signs pings, and proves calls.
const APP_SECRET: &str = "00112233445566778899aabbccddeeff";
const NUMBER: &str = "106540352242922";

/// An emulator, and a gateway that serves from a key store which does not exist yet.
struct Stage {
    emulator: Emulator,
    _gateway: Process,
    url: String,
    folder: tempfile::TempDir,
}

fn gateway(store: &Path) -> Command {
    let mut command = wa();
    command
        .args([
            "gateway",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "off",
            "--instance",
            "gw-1",
        ])
        .args(["--upstream", "http://127.0.0.1:9/", "--key-store"])
        .arg(store)
        .env("WA_KEY_PASSPHRASE", "secret")
        .env("WA_APP_SECRET", APP_SECRET);
    command
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut gateway = Process::start(gateway(&folder.path().join("keys")), Stdio::null());
        let ready = gateway.read_until("\n");
        let url = format!("http://{}/", ready.trim().strip_prefix("ready ").unwrap());
        Self {
            emulator: Emulator::start(&[]),
            _gateway: gateway,
            url,
            folder,
        }
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = wa();
        command
            .args(args)
            .env("WA_GRAPH_URL", self.emulator.url())
            .env("WA_ACCESS_TOKEN", self.emulator.token())
            .env("WA_KEY_STORE", self.folder.path().join("keys"))
            .env("WA_KEY_PASSPHRASE", "secret");
        if args[0] == "keys" && !args.contains(&"--no-proof") {
            command.env("WA_APP_SECRET", APP_SECRET);
        }
        command.output().unwrap()
    }

    /// Runs a command that must succeed, and returns its JSON.
    fn succeed(&self, args: &[&str]) -> serde_json::Value {
        let args = [args, &["--json"]].concat();
        let output = self.run(&args);
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        json(&output)
    }
}

fn short(report: &serde_json::Value) -> String {
    report["key"].as_str().unwrap()[..16].to_owned()
}

#[test]
fn a_set_is_rotated_rolled_back_and_its_old_key_is_disabled() {
    let stage = Stage::new();
    let first = stage.run(&[
        "keys",
        "rotate",
        "--phone-number-id",
        NUMBER,
        "--endpoint",
        &stage.url,
    ]);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let (shown, progress) = (stdout(&first), stderr(&first));
    assert!(
        shown.contains("is the primary key of default") && shown.contains("valid"),
        "{shown}"
    );
    for step in [
        "stored", "served", "proved", "promoted", "uploaded", "verified", "retired",
    ] {
        assert!(
            progress.lines().any(|line| line.starts_with(step)),
            "{step}: {progress}"
        );
    }

    let plan = stage.succeed(&["keys", "rotate", "--dry-run"]);
    assert_eq!(plan["decision"], "finish");
    let first = stage.succeed(&["keys", "rotate"]);
    assert_eq!(first["numbers"][0]["uploads"], 0);

    let quick = ["--settle", "0s"];
    let second = stage.succeed(&[&["keys", "rotate", "--force"], &quick[..]].concat());
    assert_eq!(second["previous"], first["key"]);
    assert_eq!(second["stage"], "retired");
    let back = stage.succeed(&[&["keys", "rollback"], &quick[..]].concat());
    assert_eq!(back["key"], first["key"]);

    let output = stage.run(&["keys", "rollback"]);
    assert_eq!(code(&output), 1);
    let hint = format!("wa keys rollback --to {}", short(&second));
    assert!(stderr(&output).contains(&hint), "{}", stderr(&output));
    let output = stage.run(&["keys", "disable", &short(&second)]);
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("inside its grace time"),
        "{}",
        stderr(&output)
    );
    let output = stage.run(&["keys", "disable", &short(&second), "--compromised"]);
    assert_eq!(code(&output), 2, "it asks for a confirmation");
    stage.succeed(&["keys", "disable", &short(&second), "--compromised", "--yes"]);
    let output = stage.run(&["keys", "enable", &short(&second)]);
    assert!(stderr(&output).contains("is compromised"), "{}", stderr(&output));
    let output = stage.run(&["store", "gc"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("it waits another"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_rotation_ends_after_a_step_and_prints_the_commands_of_aws() {
    let stage = Stage::new();
    let aws = "phone-number-id-976c72a700aac43eaf573ae050example";
    let numbers = format!("{NUMBER},{aws}");
    let first = [
        "keys",
        "rotate",
        "--phone-number-id",
        &numbers,
        "--endpoint",
        &stage.url,
    ];
    let until = stage.succeed(&[&first[..], &["--until", "proved"]].concat());
    assert_eq!(until["stage"], "proved");
    let output = stage.run(&["keys", "rotate", "--print-aws"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let shown = stdout(&output);
    let command = "aws socialmessaging put-whatsapp-business-public-key --origination-phone-number-id";
    assert!(shown.contains(&format!("{command} {aws}")), "{shown}");
    assert!(shown.contains("-----BEGIN PUBLIC KEY-----"), "{shown}");
}

#[test]
fn a_hook_that_fails_and_a_missing_secret_stop_before_an_upload() {
    let stage = Stage::new();
    let first = [
        "keys",
        "rotate",
        "--phone-number-id",
        NUMBER,
        "--endpoint",
        &stage.url,
    ];
    let output = stage.run(&[&first[..], &["--after-step", "test $WA_STEP != proved"]].concat());
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("the hook failed after step proved"),
        "{}",
        stderr(&output)
    );
    let mut command = wa();
    command
        .args(["keys", "rotate"])
        .env("WA_GRAPH_URL", stage.emulator.url())
        .env("WA_ACCESS_TOKEN", stage.emulator.token())
        .env("WA_KEY_STORE", stage.folder.path().join("keys"));
    let output = command.output().unwrap();
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("the app secret is missing"),
        "{}",
        stderr(&output)
    );
    let get = stage.succeed(&["encryption", "get", "--phone-number-id", NUMBER]);
    assert!(!get.to_string().contains("\"registered\":true"), "{get}");
}
