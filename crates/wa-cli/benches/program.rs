//! Measures the program as a process: start time, memory, size, and a registration against the emulator.
//!
//! Run it with `cargo xtask bench program`. Times are compared with those of other
//! programs in the same run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first error"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WA: &str = env!("CARGO_BIN_EXE_wa");
const RUNS: usize = 40;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let size = std::fs::metadata(WA).unwrap().len();
    println!(
        "size                   {:>9.2} MB (as built, symbols stripped)",
        megabytes(size)
    );

    let start = median(|| succeed(Command::new(WA).arg("--version")));
    let openssl = median(|| succeed(Command::new("openssl").arg("version")));
    println!(
        "wa --version           {:>9.2} ms, {:.2} of `openssl version`",
        ms(start),
        ratio(start, openssl)
    );
    println!(
        "  peak memory          {}",
        peak_memory(&["--version"], folder.path())
    );

    let emulator = Emulator::start();
    succeed(
        Command::new(WA)
            .args(["keys", "generate", "--no-passphrase"])
            .current_dir(folder.path()),
    );
    let register = ["encryption", "set", "private.pem"];
    let registration = median(|| succeed(&mut emulator.client(&register, folder.path())));
    let by_curl = median(|| curl(&emulator, folder.path()));
    println!(
        "set, get, verify       {:>9.2} ms, {:.2} of a POST and a GET with curl (two processes)",
        ms(registration),
        ratio(registration, by_curl)
    );
    let verify =
        median(|| succeed(&mut emulator.client(&["encryption", "verify", "public.pem"], folder.path())));
    println!("verify                 {:>9.2} ms", ms(verify));
}

fn curl(emulator: &Emulator, folder: &Path) {
    let url = format!(
        "{}/v25.0/{}/whatsapp_business_encryption",
        emulator.url, emulator.number
    );
    let token = format!("Authorization: Bearer {}", emulator.token);
    let call = |more: &[&str]| {
        let mut curl = Command::new("curl");
        succeed(
            curl.args(["-sf", "-H", &token, &url])
                .args(more)
                .current_dir(folder),
        );
    };
    call(&["--data-urlencode", "business_public_key@public.pem"]);
    call(&[]);
}

fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn median(mut run: impl FnMut()) -> Duration {
    run();
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times.get(RUNS / 2).copied().unwrap()
}

/// Returns the peak memory, measured with GNU time if it is installed.
fn peak_memory(args: &[&str], folder: &Path) -> String {
    let report: PathBuf = folder.join("peak");
    let run = Command::new("/usr/bin/time")
        .args(["-f", "%M", "-o"])
        .arg(&report)
        .arg(WA)
        .args(args)
        .output();
    match run {
        Ok(output) if output.status.success() => {
            let kilobytes: u64 = std::fs::read_to_string(report).unwrap().trim().parse().unwrap();
            format!("{:>9.2} MB", megabytes(kilobytes * 1024))
        }
        _ => "not measured: /usr/bin/time is not installed".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

struct Emulator {
    child: Child,
    url: String,
    token: String,
    number: String,
}

impl Emulator {
    fn start() -> Self {
        let mut child = Command::new(WA)
            .args(["emulator", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut text = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !text.ends_with("}\n") {
            assert!(
                lines.read_line(&mut text).unwrap() > 0,
                "the emulator did not start: {text}"
            );
        }
        let ready: serde_json::Value = serde_json::from_str(&text).unwrap();
        let string = |pointer: &str| ready.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        Self {
            child,
            url: string("/ready"),
            token: string("/access_token"),
            number: string("/phone_number_ids/0"),
        }
    }

    fn client(&self, args: &[&str], folder: &Path) -> Command {
        let mut command = Command::new(WA);
        command
            .args(args)
            .current_dir(folder)
            .env("WA_GRAPH_URL", &self.url)
            .env("WA_ACCESS_TOKEN", &self.token)
            .env("WA_PHONE_NUMBER_ID", &self.number);
        command
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
