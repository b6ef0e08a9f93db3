//! Runs for many phone numbers: results as they arrive, rate limits, interruptions, and the first number
//! alone.

use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Emulator, OTHER_PUBLIC, PUBLIC, Process, code, json, stderr, stdout};

/// Returns the ids 1001, 1002 and so on.
fn ids(count: usize) -> Vec<String> {
    (1..=count).map(|number| (1000 + number).to_string()).collect()
}

fn emulator(ids: &[String]) -> Emulator {
    Emulator::start(&ids.iter().map(String::as_str).collect::<Vec<_>>())
}

fn run(emulator: &Emulator, ids: &[String], args: &[&str]) -> Output {
    emulator
        .wa(&ids.join(","))
        .arg("encryption")
        .args(args)
        .output()
        .unwrap()
}

fn fault(emulator: &Emulator, rule: &Value) {
    emulator.control("POST", "faults", &rule.to_string());
}

#[test]
fn an_app_rate_limit_stops_the_run() {
    let ids = ids(20);
    let emulator = emulator(&ids);
    for args in [&["get"][..], &["verify", PUBLIC], &["set", PUBLIC]] {
        emulator.control("PUT", "limits", r#"{"app": 5}"#);
        let before = emulator.calls();
        let output = run(&emulator, &ids, args);
        let refused = emulator.calls() - before - 5;
        assert!(refused <= 4, "{refused} calls after the limit: {output:?}");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let (shown, said) = (stdout(&output), stderr(&output));
        let left = shown
            .lines()
            .filter(|line| line.starts_with("NOT TRIED  10"))
            .count();
        assert!(left >= 11, "{shown}");
        assert!(
            said.contains("20 numbers: ") && said.contains(&format!("{left} not tried")),
            "{said}"
        );
        assert!(
            said.contains("rate limit, Graph error 4 (the app's call limit is reached)"),
            "{said}"
        );
        assert_eq!(said.contains("--skip-valid"), args[0] == "set", "{said}");
        assert!(
            emulator.uploads("1001") == 0,
            "nothing is uploaded before all is read"
        );
        emulator.control("DELETE", "limits", "");
    }
}

#[test]
fn a_rejected_token_stops_the_run() {
    let ids = ids(20);
    let emulator = emulator(&ids);
    emulator.control("POST", "tokens/default/revoke", "{}");
    let before = emulator.calls();
    let output = run(&emulator, &ids, &["get", "--json"]);
    assert!(emulator.calls() - before <= 4, "{output:?}");
    let report = json(&output);
    assert_eq!(report["summary"]["numbers"], 20);
    assert_eq!(report["results"].as_array().unwrap().len(), 20, "{report}");
    assert!(report["summary"]["not_tried"].as_u64().unwrap() >= 16, "{report}");
    assert!(report["stopped"].as_str().unwrap().contains("190"), "{report}");
}

#[test]
fn only_the_second_rate_limit_of_an_account_stops_the_run() {
    let ids = ids(8);
    let emulator = emulator(&ids);
    fault(
        &emulator,
        &json!({"fault": "account_rate_limit", "number": "1002", "times": null}),
    );
    let once = run(&emulator, &ids, &["get"]);
    assert!(stderr(&once).contains("8 numbers: 7 read, 1 failed"), "{once:?}");
    fault(
        &emulator,
        &json!({"fault": "account_rate_limit", "number": "1003", "times": null}),
    );
    let twice = run(&emulator, &ids, &["get", "--concurrency", "1"]);
    assert!(
        stderr(&twice).contains("8 numbers: 1 read, 2 failed, 5 not tried"),
        "{twice:?}"
    );
}

#[test]
fn a_pause_that_graph_requests_is_reported_and_waited_for() {
    let ids = ids(2);
    let emulator = emulator(&ids);
    let rule = json!({"fault": "app_rate_limit", "number": "1001", "headers": [["retry-after", "1"]]});
    fault(&emulator, &rule);
    let output = run(&emulator, &ids, &["get"]);
    assert!(output.status.success(), "{output:?}");
    let waiting = "waiting 1 s for 1001, as requested by Graph: rate limit, Graph error 4 (the app's call limit \
                   is reached)";
    assert!(stderr(&output).contains(waiting), "{output:?}");
}

fn spawn(emulator: &Emulator, ids: &[String], args: &[&str]) -> Process {
    let mut command = emulator.wa(&ids.join(","));
    command.arg("encryption").args(args);
    Process::start(command, Stdio::piped())
}

#[test]
fn results_are_printed_as_they_arrive_and_ctrl_c_completes_calls_in_flight() {
    let ids = ids(4);
    let emulator = emulator(&ids);
    let slow = json!({"fault": {"delay": {"ms": 1500}}, "method": "POST", "number": "1002"});
    fault(&emulator, &slow);
    let mut running = spawn(&emulator, &ids, &["set", PUBLIC, "--concurrency", "1"]);
    let first = running.read_until("\n");
    assert!(first.starts_with("VALID  1001  "), "{first}");
    assert!(
        running.child.try_wait().unwrap().is_none(),
        "the first result is shown while the second is awaited"
    );
    running.signal("INT");
    let output = running.output();
    let (shown, said) = (stdout(&output), stderr(&output));
    assert_eq!(code(&output), 130, "{shown}{said}");
    assert!(shown.contains("VALID  1002  "), "{shown}");
    assert!(shown.ends_with("NOT TRIED  1003\nNOT TRIED  1004\n"), "{shown}");
    assert!(said.contains("4 numbers: 2 registered, 2 not tried"), "{said}");
    assert_eq!((emulator.uploads("1002"), emulator.uploads("1003")), (1, 0));
}

#[test]
fn a_second_ctrl_c_reports_an_upload_in_flight_as_unknown() {
    let ids = ids(3);
    let emulator = emulator(&ids);
    fault(
        &emulator,
        &json!({"fault": "silence", "method": "POST", "number": "1002", "times": null}),
    );
    let mut running = spawn(&emulator, &ids, &["set", PUBLIC, "--concurrency", "1", "--json"]);
    // The first upload is complete when the second is in flight.
    while emulator.calls() < 6 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.signal("INT");
    std::thread::sleep(std::time::Duration::from_millis(200));
    running.signal("INT");
    let output = running.output();
    let report = json(&output);
    let outcomes: Vec<&str> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["done", "unknown", "not_tried"], "{report}");
    assert_eq!(report["outcome"], "interrupted");
    assert!(
        report["results"][1]["remedy"]
            .as_str()
            .unwrap()
            .contains("wa encryption verify"),
        "{report}"
    );
    assert_eq!(code(&output), 130);
}

#[test]
fn the_other_numbers_start_only_if_the_first_succeeds() {
    let ids = ids(3);
    let emulator = emulator(&ids);
    let refusal = json!({"error": {"status": 400, "code": 133_010, "message": "not registered"}});
    fault(
        &emulator,
        &json!({"fault": refusal, "method": "POST", "number": "1001"}),
    );
    let output = run(&emulator, &ids, &["set", PUBLIC]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("3 numbers: 1 failed, 2 not tried"),
        "{output:?}"
    );
    assert!(
        stderr(&output).contains("the key could not be registered for 1001, the first number"),
        "{output:?}"
    );
    assert_eq!(emulator.uploads("1002") + emulator.uploads("1003"), 0);

    // The failure of a later number does not affect the others.
    fault(
        &emulator,
        &json!({"fault": refusal, "method": "POST", "number": "1002"}),
    );
    let output = run(&emulator, &ids, &["set", PUBLIC]);
    assert!(
        stderr(&output).contains("3 numbers: 2 registered, 1 failed"),
        "{output:?}"
    );
}

#[test]
fn skip_valid_skips_numbers_that_have_the_key() {
    let ids = ids(4);
    let emulator = emulator(&ids);
    assert!(run(&emulator, &ids[..3], &["set", PUBLIC]).status.success());
    emulator.control("POST", "numbers/1002/reregister", "{}");
    assert!(
        run(&emulator, &ids[2..3], &["set", OTHER_PUBLIC, "--yes"])
            .status
            .success()
    );
    let output = run(&emulator, &ids, &["set", PUBLIC, "--skip-valid", "--yes"]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        stderr(&output).contains("4 numbers: 3 registered, 1 unchanged"),
        "{output:?}"
    );
    let uploads: Vec<u64> = ids.iter().map(|id| emulator.uploads(id)).collect();
    assert_eq!(uploads, [1, 2, 3, 1]);
    let report = json(&run(&emulator, &ids, &["set", PUBLIC, "--skip-valid", "--json"]));
    assert_eq!(report["summary"], json!({"numbers": 4, "unchanged": 4}));
}
