//! What `wa encryption` says of one phone number and of several.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/emulator.rs"]
mod support;

use std::process::Output;

use serde_json::Value;
use support::Emulator;

const KEY: &str = "tests/data/test-only-public.pem";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(emulator: &Emulator, numbers: &str, args: &[&str]) -> Output {
    emulator.wa(numbers).args(args).output().unwrap()
}

#[test]
fn good_is_the_same_for_each_number_for_all_and_for_the_exit_code() {
    let emulator = Emulator::start(&["1001", "1002"]);
    let commands: [&[&str]; 4] = [
        &["encryption", "get"],
        &["encryption", "verify", KEY],
        &["encryption", "set", KEY],
        &["encryption", "set", KEY, "--no-verify"],
    ];
    let found = |numbers: &str, args: &[&str]| {
        let output = run(&emulator, numbers, &[args, &["--json"]].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let good = |value: &Value| value.pointer("/good").and_then(Value::as_bool).unwrap();
        let results = report.pointer("/results").and_then(Value::as_array).unwrap();
        assert_eq!(
            (good(&report), output.status.success()),
            (results.iter().all(good), good(&report)),
            "{numbers} {args:?}: {report}"
        );
        report
    };
    for _ in ["before a key is set", "after"] {
        for numbers in ["1001", "1001,1002", "1001,999"] {
            for args in commands {
                found(numbers, args);
            }
        }
    }
    let usable = |report: &Value| report.pointer("/results/0/usable").unwrap().clone();
    assert_eq!(usable(&found("1001", &["encryption", "get"])), true);
    emulator.control("POST", "numbers/1001/reregister", "{}");
    assert_eq!(usable(&found("1001", &["encryption", "get"])), false);
}

#[test]
fn pem_is_one_key_and_nothing_else() {
    let emulator = Emulator::start(&["1001", "1002"]);
    assert!(
        run(&emulator, "1001,1002", &["encryption", "set", KEY])
            .status
            .success()
    );
    let get = ["encryption", "get", "--pem"];
    let one = run(&emulator, "1001,1001", &get);
    assert_eq!(text(&one.stdout), std::fs::read_to_string(KEY).unwrap());
    for (numbers, args) in [
        ("1001,1002", &get[..]),
        ("1001", &["--json", "encryption", "get", "--pem"]),
        ("1001", &["encryption", "get", "--pem", "--json"]),
        ("1001", &["encryption", "--json", "get", "--pem"]),
    ] {
        let refused = run(&emulator, numbers, args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(refused.stdout.is_empty(), "{args:?}");
        assert!(text(&refused.stderr).contains("--pem"), "{args:?}");
    }
}

#[test]
fn the_trace_id_is_told_also_where_graph_gave_no_code() {
    let emulator = Emulator::start(&[]);
    let number = "106540352242922";
    let unconfirmed = r#"{"status": 200, "body": "{}", "content_type": "application/json"}"#;
    let rest = r#""method": "POST", "times": 2, "headers": [["x-fb-trace-id", "AbcTrace"]]"#;
    let fault = format!(r#"{{"fault": {{"status": {unconfirmed}}}, {rest}}}"#);
    emulator.control("POST", "faults", &fault);
    let set = ["encryption", "set", KEY];

    let human = text(&run(&emulator, number, &set).stderr);
    assert!(human.contains("did not confirm"), "{human}");
    assert!(human.contains("fbtrace_id AbcTrace"), "{human}");

    let json = run(&emulator, number, &[&set[..], &["--json"]].concat());
    let json: Value = serde_json::from_slice(&json.stderr).unwrap();
    assert_eq!(json.pointer("/error/fbtrace_id").unwrap(), "AbcTrace", "{json}");
    assert!(json.pointer("/error/code").unwrap().is_null(), "{json}");

    let coded = text(&run(&emulator, "999", &set).stderr);
    assert_eq!(coded.matches("fbtrace_id").count(), 1, "{coded}");
}
