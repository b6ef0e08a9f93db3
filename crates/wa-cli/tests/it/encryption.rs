//! Output of `wa encryption` for one phone number and for several.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Emulator, OTHER_PUBLIC, PUBLIC, stderr, stdout};

fn run(emulator: &Emulator, numbers: &str, args: &[&str]) -> Output {
    emulator.wa(numbers).args(args).output().unwrap()
}

#[test]
fn outcomes_in_json_agree_with_the_exit_status() {
    let emulator = Emulator::start(&["1001", "1002"]);
    let commands: [&[&str]; 4] = [
        &["encryption", "get"],
        &["encryption", "verify", PUBLIC],
        &["encryption", "set", PUBLIC],
        &["encryption", "set", PUBLIC, "--no-verify"],
    ];
    let found = |numbers: &str, args: &[&str]| {
        let output = run(&emulator, numbers, &[args, &["--json"]].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let outcome = |value: &Value| match value["outcome"].as_str().unwrap() {
            "done" => 0,
            "failed" => 1,
            "not_valid" => 3,
            other => panic!("{other}"),
        };
        let each = report["results"].as_array().unwrap().iter().map(outcome);
        let worst = each
            .max_by_key(|code| [0, 3, 1].iter().position(|rank| rank == code))
            .unwrap();
        let code = output.status.code().unwrap();
        assert_eq!(
            (outcome(&report), worst),
            (code, code),
            "{numbers} {args:?}: {report}"
        );
        report
    };
    for _ in ["before a key is registered", "after"] {
        for numbers in ["1001", "1001,1002", "1001,999"] {
            for args in commands {
                // If there is only one number, its failure is the error of the program.
                found(numbers, args);
            }
        }
    }
    let members = |report: &Value, name: &str| report["results"][0][name].clone();
    let get = found("1001", &["encryption", "get"]);
    assert_eq!(
        (members(&get, "registered"), members(&get, "usable")),
        (true.into(), true.into())
    );
    emulator.control("POST", "numbers/1001/reregister", "{}");
    let get = found("1001", &["encryption", "get"]);
    assert_eq!(
        (members(&get, "registered"), members(&get, "usable")),
        (true.into(), false.into())
    );
    let verify = found("1001", &["encryption", "verify", PUBLIC]);
    assert_eq!(
        (members(&verify, "registered"), members(&verify, "valid")),
        (true.into(), false.into())
    );
    for report in [get, verify] {
        assert!(!report.to_string().contains("\"good\""), "{report}");
    }
}

#[test]
fn pem_prints_exactly_one_key() {
    let emulator = Emulator::start(&["1001", "1002"]);
    assert!(
        run(&emulator, "1001,1002", &["encryption", "set", PUBLIC])
            .status
            .success()
    );
    let get = ["encryption", "get", "--pem"];
    let one = run(&emulator, "1001,1001", &get);
    assert_eq!(stdout(&one), std::fs::read_to_string(PUBLIC).unwrap());
    for (numbers, args) in [
        ("1001,1002", &get[..]),
        ("1001", &["--json", "encryption", "get", "--pem"]),
        ("1001", &["encryption", "get", "--pem", "--json"]),
        ("1001", &["encryption", "--json", "get", "--pem"]),
    ] {
        let refused = run(&emulator, numbers, args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(refused.stdout.is_empty(), "{args:?}");
        assert!(stderr(&refused).contains("--pem"), "{args:?}");
    }
}

#[test]
fn the_trace_id_is_printed_without_an_error_code() {
    let emulator = Emulator::start(&[]);
    let number = "106540352242922";
    let unconfirmed = r#"{"status": 200, "body": "{}", "content_type": "application/json"}"#;
    let rest = r#""method": "POST", "times": 2, "headers": [["x-fb-trace-id", "AbcTrace"]]"#;
    let fault = format!(r#"{{"fault": {{"status": {unconfirmed}}}, {rest}}}"#);
    emulator.control("POST", "faults", &fault);
    let set = ["encryption", "set", PUBLIC];

    let human = stderr(&run(&emulator, number, &set));
    assert!(human.contains("did not confirm"), "{human}");
    assert!(human.contains("fbtrace_id AbcTrace"), "{human}");

    let json = run(&emulator, number, &[&set[..], &["--json"]].concat());
    let json: Value = serde_json::from_slice(&json.stderr).unwrap();
    assert_eq!(json.pointer("/error/fbtrace_id").unwrap(), "AbcTrace", "{json}");
    assert!(json.pointer("/error/code").unwrap().is_null(), "{json}");

    let coded = stderr(&run(&emulator, "999", &set));
    assert_eq!(coded.matches("fbtrace_id").count(), 1, "{coded}");
}

/// Runs the only command in backticks of a text in a shell, against the emulator.
fn paste(emulator: &Emulator, text: &str) -> Output {
    let [_, command, _] = text.split('`').collect::<Vec<_>>()[..] else {
        panic!("not one command: {text}");
    };
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_wa")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env("WA_GRAPH_URL", emulator.url())
        .env("WA_ACCESS_TOKEN", emulator.token());
    shell.output().unwrap()
}

#[test]
fn another_registered_key_is_replaced_only_after_a_confirmation() {
    let emulator = Emulator::start(&["1001", "1002"]);
    let set =
        |numbers: &str, args: &[&str]| run(&emulator, numbers, &[&["encryption", "set"], args].concat());
    assert!(set("1001", &[PUBLIC]).status.success());

    // If one of several numbers has another key, nothing is uploaded for any of them.
    let refused = set("1002,1001", &[OTHER_PUBLIC]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = stderr(&refused);
    for part in [
        "1001",
        "d9f1e413b39d2c88",
        "3515f0b7dd37cfd4",
        "--yes",
        "nothing was uploaded",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!((emulator.uploads("1001"), emulator.uploads("1002")), (1, 0));

    // Registering the same key again needs no confirmation, even if its signature is not valid.
    emulator.control("POST", "numbers/1001/reregister", "{}");
    assert!(set("1001", &[PUBLIC]).status.success());
    let without_reading = set("1001", &[OTHER_PUBLIC, "--no-verify"]);
    assert_eq!(without_reading.status.code(), Some(2), "{without_reading:?}");

    assert!(paste(&emulator, &said).status.success(), "{said}");
    assert_eq!((emulator.uploads("1001"), emulator.uploads("1002")), (3, 1));
    assert!(set("1001", &[PUBLIC, "--yes"]).status.success());
}

#[test]
fn a_mismatch_hint_contains_the_command_that_fixes_it() {
    let emulator = Emulator::start(&["1001"]);
    for command in [&["encryption", "get"][..], &["encryption", "verify", PUBLIC]] {
        assert!(
            run(&emulator, "1001", &["encryption", "set", PUBLIC])
                .status
                .success()
        );
        emulator.control("POST", "numbers/1001/reregister", "{}");
        let said = stdout(&run(&emulator, "1001", command));
        assert!(said.contains("1001") && said.contains("hint: "), "{said}");
        assert!(paste(&emulator, &said).status.success(), "{said}");
        assert!(
            run(&emulator, "1001", &["encryption", "verify", PUBLIC])
                .status
                .success()
        );
    }
}

#[test]
fn an_account_id_is_reported_with_the_ids_of_its_numbers() {
    let emulator = Emulator::start(&[]);
    let account = wa_emulator::DEFAULT_ACCOUNT_ID;
    for args in [
        &["encryption", "get"][..],
        &["encryption", "set", PUBLIC],
        &["encryption", "set", PUBLIC, "--yes", "--no-verify"],
    ] {
        let said = stderr(&run(&emulator, account, args));
        assert!(
            said.contains("is the id of a WhatsApp Business Account"),
            "{said}"
        );
        assert!(said.contains("--phone-number-id 106540352242922"), "{said}");
    }
}
