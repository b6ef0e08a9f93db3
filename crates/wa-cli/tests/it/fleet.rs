//! `wa fleet` and `wa numbers list` against the emulator.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Emulator, Process, code, json as document, stderr, stdout};

struct Fleet {
    emulator: Emulator,
    folder: tempfile::TempDir,
    accounts: Vec<String>,
}

impl Fleet {
    /// So many accounts with so many numbers in total, and `fleet.toml`.
    fn new(accounts: usize, numbers: usize) -> Self {
        let emulator = Emulator::start(&[]);
        let body = json!({"count": accounts, "numbers": numbers}).to_string();
        let made = emulator.control("POST", "accounts/many", &body);
        let ids = made["ids"].as_array().unwrap();
        let fleet = Self {
            accounts: ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect(),
            emulator,
            folder: tempfile::tempdir().unwrap(),
        };
        fleet.configure("");
        fleet
    }

    fn configure(&self, more: &str) {
        let accounts = json!(self.accounts);
        let text = format!(
            "[store]\nlocation = \"keys\"\n[graph]\naccess_token = {{ env = \"WA_ACCESS_TOKEN\" }}\n\
             [inventory]\naccounts = {accounts}\n{more}"
        );
        std::fs::write(self.folder.path().join("fleet.toml"), text).unwrap();
    }

    fn wa(&self, args: &[&str]) -> Command {
        let mut command = self.emulator.wa("");
        command.args(args).current_dir(self.folder.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.wa(args).output().unwrap()
    }

    /// Creates a key set with a primary key for each account, and registers it.
    fn rotate(&self) {
        let output = self.run(&["fleet", "rotate", "--no-instances", "--no-proof", "--yes"]);
        assert!(output.status.success(), "{output:?}");
    }

    fn reregister(&self) {
        for account in &self.accounts {
            let body = json!({ "account": account }).to_string();
            self.emulator.control("POST", "numbers/reregister", &body);
        }
    }

    /// Checks that every key that was ever registered has its private key in the store.
    fn check_store(&self, after: u64) -> u64 {
        let log = self.emulator.control("GET", &format!("keys?after={after}"), "");
        let events = log["events"].as_array().unwrap();
        let registered: BTreeSet<&str> = events
            .iter()
            .filter_map(|event| event["fingerprint"].as_str())
            .collect();
        let stored = private_keys(&self.folder.path().join("keys/private"));
        for key in registered {
            assert!(stored.contains(key), "{key} is registered, and not in the store");
        }
        events
            .last()
            .map_or(after, |event| event["sequence"].as_u64().unwrap())
    }
}

fn private_keys(folder: &Path) -> BTreeSet<String> {
    let sets = std::fs::read_dir(folder).into_iter().flatten();
    sets.flat_map(|set| std::fs::read_dir(set.unwrap().path()).unwrap())
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.split_once('.')?.0.to_owned()))
        .collect()
}

#[test]
fn numbers_are_listed_as_a_table_csv_and_json() {
    let fleet = Fleet::new(2, 6);
    let account = fleet.accounts[0].as_str();
    let table = fleet.run(&["numbers", "list", "--account", account]);
    let text = stdout(&table);
    assert!(text.starts_with("NUMBER ") && text.lines().count() == 4, "{text}");
    assert!(stderr(&table).contains("3 numbers"), "{table:?}");

    let both = fleet.accounts.join(",");
    let all = document(&fleet.run(&["numbers", "list", "--account", &both, "--json"]));
    assert_eq!(all["numbers"].as_array().unwrap().len(), 6);
    let none = fleet.run(&[
        "numbers",
        "list",
        "--account",
        &both,
        "--status",
        "BANNED",
        "--json",
    ]);
    assert_eq!(document(&none)["numbers"], json!([]));

    // The CSV file is an inventory.
    let csv = stdout(&fleet.run(&["numbers", "list", "--account", &both, "--csv"]));
    assert!(
        csv.starts_with("phone_number_id,account,display_phone_number,"),
        "{csv}"
    );
    std::fs::write(fleet.folder.path().join("numbers.csv"), &csv).unwrap();
    let text = "[store]\nlocation = \"keys\"\n[graph]\naccess_token = { env = \"WA_ACCESS_TOKEN\" }\n\
                [inventory]\nfile = \"numbers.csv\"\n";
    std::fs::write(fleet.folder.path().join("fleet.toml"), text).unwrap();
    fleet.rotate();
    let audit = document(&fleet.run(&["fleet", "audit", "--json"]));
    assert_eq!(audit["summary"]["reasons"], json!({"ok": 6}));

    let missing = fleet.run(&["numbers", "list", "--account", "999"]);
    assert_eq!(code(&missing), 1);
    assert!(
        stderr(&missing).contains("the numbers of account 999 cannot be listed"),
        "{missing:?}"
    );
}

#[test]
fn what_is_broken_is_found_planned_and_repaired() {
    let fleet = Fleet::new(3, 9);
    let early = fleet.run(&["fleet", "audit"]);
    assert_eq!(code(&early), 1);
    assert!(stderr(&early).contains("cannot open the key store"), "{early:?}");
    fleet.rotate();
    let all = fleet.run(&["fleet", "audit"]);
    assert!(all.status.success(), "{all:?}");
    assert!(
        stdout(&all).is_empty() && stderr(&all).contains("9 numbers: 9 ok"),
        "{all:?}"
    );

    let body = json!({ "account": fleet.accounts[1] }).to_string();
    fleet.emulator.control("POST", "numbers/reregister", &body);
    let audit = fleet.run(&["fleet", "audit"]);
    assert_eq!(code(&audit), 3);
    assert_eq!(stdout(&audit).lines().count(), 3, "{audit:?}");
    assert!(
        stderr(&audit).contains("9 numbers: 6 ok, 3 mismatch"),
        "{audit:?}"
    );
    assert!(
        stderr(&audit).contains("hint: 3 × mismatch: Upload the primary key again"),
        "{audit:?}"
    );

    let plan = fleet.run(&["fleet", "plan", "--output", "plan.json"]);
    assert_eq!(code(&plan), 3);
    assert!(
        stderr(&plan).contains("`wa fleet apply plan.json --config fleet.toml`"),
        "{plan:?}"
    );
    let again = fleet.run(&["fleet", "plan", "--output", "plan.json"]);
    assert!(stderr(&again).contains("is not overwritten"), "{again:?}");

    let unasked = fleet.run(&["fleet", "apply", "plan.json"]);
    assert_eq!(code(&unasked), 1);
    assert!(stderr(&unasked).contains("then pass --yes"), "{unasked:?}");
    let no_policy = fleet.run(&["fleet", "apply", "--yes"]);
    assert_eq!(code(&no_policy), 2, "{no_policy:?}");

    let before = fleet.emulator.calls();
    let applied = document(&fleet.run(&["fleet", "apply", "plan.json", "--yes", "--json"]));
    assert_eq!(fleet.emulator.calls() - before, 9, "three calls a number");
    assert_eq!(applied["summary"]["outcomes"], json!({"valid": 3}));
    assert!(fleet.run(&["fleet", "audit"]).status.success());
    fleet.check_store(0);
}

#[test]
fn numbers_that_a_policy_does_not_change_leave_status_3() {
    let fleet = Fleet::new(1, 2);
    fleet.rotate();
    let audit = document(&fleet.run(&["fleet", "audit", "--json"]));
    let number = audit["findings"][0]["phone_number_id"].as_str().unwrap();
    let set = fleet
        .emulator
        .wa(number)
        .args(["encryption", "set", crate::support::OTHER_PUBLIC, "--yes"])
        .output()
        .unwrap();
    assert!(set.status.success(), "{set:?}");
    let applied = fleet.run(&["fleet", "apply", "--policy", "sync", "--yes"]);
    assert_eq!(code(&applied), 3, "{applied:?}");
    assert!(stderr(&applied).contains("1 ok, 1 foreign-key"), "{applied:?}");
    let taken = fleet.run(&["fleet", "apply", "--policy", "sync", "--take-over", "--yes"]);
    assert!(taken.status.success(), "{taken:?}");
}

#[test]
fn ctrl_c_completes_what_is_in_flight_and_reports_the_rest() {
    let fleet = Fleet::new(1, 30);
    fleet.configure("[filter]\n");
    fleet.rotate();
    fleet.reregister();
    let slow = json!({"fault": {"delay": {"ms": 700}}, "method": "POST", "times": null});
    fleet.emulator.control("POST", "faults", &slow.to_string());
    let mut process = Process::start(
        fleet.wa(&["fleet", "apply", "--policy", "repair", "--yes", "--json"]),
        Stdio::piped(),
    );
    let begun = Instant::now();
    while fleet.emulator.calls() < 60 + 4 && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(1200));
    process.signal("INT");
    let output = process.output();
    assert_eq!(code(&output), 130, "{output:?}");
    let report = document(&output);
    assert_eq!(report["items"].as_array().unwrap().len(), 30, "{report}");
    assert_eq!(report["summary"]["interrupted"], json!(true));
    let not_tried = report["summary"]["outcomes"]["not-tried"].as_u64().unwrap();
    assert!(not_tried > 0 && not_tried < 30, "{report}");
    fleet.emulator.control("DELETE", "faults", "");
    let again = fleet.run(&["fleet", "apply", "--policy", "repair", "--yes"]);
    assert!(again.status.success(), "{again:?}");
}

#[test]
fn a_watch_prints_changes_runs_a_command_and_serves_metrics() {
    let fleet = Fleet::new(1, 3);
    fleet.configure("[watch]\ninterval = \"1s\"\nmetrics_file = \"fleet.prom\"\non_change = [\"tee\", \"changes.jsonl\"]\n");
    fleet.rotate();
    let mut process = Process::start(
        fleet.wa(&["fleet", "watch", "--metrics-listen", "127.0.0.1:0"]),
        Stdio::piped(),
    );
    let mut log = process.child.stderr.take().unwrap();
    let mut address = Vec::new();
    let mut byte = [0];
    while !address.ends_with(b"/metrics\n") {
        log.read_exact(&mut byte).unwrap();
        address.push(byte[0]);
    }
    let text = String::from_utf8(address).unwrap();
    let url = text.trim().rsplit(' ').next().unwrap().to_owned();
    fleet.reregister();
    let change: Value = serde_json::from_str(&process.read_until("\n")).unwrap();
    assert_eq!(change["after"], json!("mismatch"), "{change}");
    let metrics = Command::new("curl").args(["-sf", &url]).output().unwrap();
    let metrics = String::from_utf8(metrics.stdout).unwrap();
    assert!(
        metrics.contains("wa_fleet_numbers{reason=\"mismatch\"} 3\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("# TYPE wa_fleet_audits_total counter\n"),
        "{metrics}"
    );
    process.signal("INT");
    drop(log);
    assert_eq!(process.output().status.code(), Some(130));
    let file = |name: &str| std::fs::read_to_string(fleet.folder.path().join(name)).unwrap();
    assert!(file("fleet.prom").contains("wa_fleet_last_success_timestamp_seconds "));
    assert!(file("changes.jsonl").contains("\"after\":\"mismatch\""));
}

/// Kills `wa fleet` commands at random moments. After every kill, no key is registered without its private key; every
/// tenth time, the command that is run again converges.
fn kill(fleet: &Fleet, command: &[&str], again: &[&str], kills: u32, longest: Duration) {
    let mut seen = 0;
    for round in 1..=kills {
        fleet.reregister();
        let mut child = fleet
            .wa(command)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(longest * ((round * 7919) % 100) / 100);
        let _ = child.kill();
        child.wait().unwrap();
        seen = fleet.check_store(seen);
        if round % 10 == 0 || round == kills {
            let output = fleet.run(again);
            assert!(output.status.success(), "{output:?}");
            seen = fleet.check_store(seen);
            let audit = fleet.run(&["fleet", "audit"]);
            assert!(audit.status.success(), "{audit:?}");
        }
    }
}

const APPLY: &[&str] = &["fleet", "apply", "--policy", "sync", "--yes"];
const ROTATE: &[&str] = &[
    "fleet",
    "rotate",
    "--no-instances",
    "--no-proof",
    "--yes",
    "--canary",
    "10",
];

#[test]
fn a_killed_apply_converges_when_it_is_run_again() {
    let fleet = Fleet::new(3, 30);
    fleet.rotate();
    kill(&fleet, APPLY, APPLY, 4, Duration::from_millis(600));
}

/// The long form: `cargo test -p wa-cli --test it -- --ignored killed_a_hundred`.
#[test]
#[ignore = "takes half an hour: a rotation waits a minute before it reads the keys back"]
fn killed_a_hundred_times_over_500_numbers() {
    let fleet = Fleet::new(10, 500);
    fleet.rotate();
    kill(&fleet, APPLY, APPLY, 100, Duration::from_secs(4));
    let forced = [ROTATE, &["--force"]].concat();
    kill(&fleet, &forced, ROTATE, 100, Duration::from_secs(8));
}

/// Runs a command, and returns its output with its peak memory in KiB.
fn measured(fleet: &Fleet, args: &[&str]) -> (Output, u64) {
    let mut command = fleet.wa(args);
    let log = tempfile::tempfile().unwrap();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(log.try_clone().unwrap())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = now.unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let output = Output {
        status,
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    (output, peak)
}

/// The long form: `cargo test -p wa-cli --test it -- --ignored ten_thousand --nocapture`.
#[test]
#[ignore = "takes five minutes"]
fn ten_thousand_numbers_take_one_call_to_audit_three_to_repair_and_80_mb() {
    for numbers in [1_000_u64, 10_000] {
        let fleet = Fleet::new(100, usize::try_from(numbers).unwrap());
        fleet.rotate();
        let before = fleet.emulator.calls();
        let (audit, audit_peak) = measured(&fleet, &["fleet", "audit"]);
        assert!(audit.status.success());
        let listing = 100;
        assert_eq!(fleet.emulator.calls() - before, numbers + listing);
        fleet.reregister();
        let before = fleet.emulator.calls();
        let (apply, apply_peak) = measured(&fleet, APPLY);
        assert!(apply.status.success());
        assert_eq!(fleet.emulator.calls() - before, 4 * numbers + listing);
        eprintln!("{numbers} numbers: audit {audit_peak} KiB, apply {apply_peak} KiB");
        assert!(audit_peak < 80 * 1024 && apply_peak < 80 * 1024);
    }
}
