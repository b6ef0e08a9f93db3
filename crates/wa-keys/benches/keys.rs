//! Measures parsing, encryption and generation of keys, and compares generation with `openssl` in the same
//! run.
//!
//! Prints one line per figure: `name: median unit (details)`. The runs of the two programs alternate, so that
//! other load on the machine slows down both equally.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its figures"
)]

use std::{
    hint::black_box,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use wa_keys::{Passphrase, PrivateKey, Protection, PublicKey};

const PKCS8: &str = include_str!("../tests/data/openssl/pkcs8.pem");
const PUBLIC: &str = include_str!("../tests/data/openssl/public.pem");
const TRADITIONAL: &str = include_str!("../tests/data/openssl/traditional-des3.pem");

fn main() {
    // `cargo bench` passes `--bench`. Without it, as in `cargo test --all-targets`, a short run is enough.
    let (reads, keys) = if std::env::args().any(|argument| argument == "--bench") {
        (500, 60)
    } else {
        (3, 1)
    };
    reading(reads);
    encrypting(keys.min(5));
    generating(keys);
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn mean(times: &[Duration]) -> Duration {
    times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap_or(1)
}

fn repeated<T>(runs: usize, work: impl Fn() -> T) -> Duration {
    median((0..runs).map(|_| time(&work)).collect())
}

/// Returns the processor time of this thread in nanoseconds, if the system provides it. Other load on the
/// machine does not increase it.
fn processor_time() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

fn reading(runs: usize) {
    let passphrase = Passphrase::new("correct horse");
    let start = processor_time();
    let private = repeated(runs, || PrivateKey::parse(black_box(PKCS8), None).unwrap());
    let processor = start.zip(processor_time()).map(|(start, end)| {
        let each = (end - start) / u64::try_from(runs).unwrap() / 1000;
        format!(", {each} µs of processor time")
    });
    let public = repeated(runs, || PublicKey::parse(black_box(PUBLIC)).unwrap());
    let traditional = repeated(runs, || {
        PrivateKey::parse(black_box(TRADITIONAL), Some(&passphrase)).unwrap()
    });
    println!(
        "read a PKCS#8 private key: {} µs median of {runs}{} (target: under 5000)",
        private.as_micros(),
        processor.unwrap_or_default()
    );
    println!("read a public key: {} µs median of {runs}", public.as_micros());
    println!(
        "read a traditionally encrypted key: {} µs median of {runs}",
        traditional.as_micros()
    );
}

fn encrypting(runs: usize) {
    let key = PrivateKey::parse(PKCS8, None).unwrap();
    let (passphrase, protection) = (Passphrase::new("correct horse"), Protection::default());
    let encrypt = || key.encrypted_pkcs8_pem(&passphrase, &protection).unwrap();
    let encrypted = encrypt();
    let writing = repeated(runs, encrypt);
    let reading = repeated(runs, || PrivateKey::parse(&encrypted, Some(&passphrase)).unwrap());
    let rounds = protection.rounds();
    println!(
        "encrypt a key ({rounds} rounds): {} ms median of {runs}",
        writing.as_millis()
    );
    println!(
        "decrypt a key ({rounds} rounds): {} ms median of {runs}",
        reading.as_millis()
    );
}

fn generating(runs: usize) {
    let openssl = Command::new("openssl")
        .arg("version")
        .output()
        .ok()
        .filter(|output| output.status.success());
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut starts = Vec::new();
    for _ in 0..runs {
        ours.push(time(|| PrivateKey::generate().unwrap()));
        if openssl.is_some() {
            theirs.push(time(|| run_openssl(&["genrsa", "2048"])));
            starts.push(time(|| run_openssl(&["version"])));
        }
    }
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let ours_mean = millis(mean(&ours));
    let ours = millis(median(ours));
    println!("generate a key: {ours:.1} ms median of {runs} (mean {ours_mean:.1})");
    let Some(version) = openssl else {
        println!("generate a key with openssl: skipped, it is not on the PATH");
        return;
    };
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let start = millis(median(starts));
    let theirs_mean = millis(mean(&theirs)) - start;
    let theirs = millis(median(theirs)) - start;
    println!(
        "generate a key with openssl: {theirs:.1} ms median of {runs} (mean {theirs_mean:.1}; {version};"
    );
    println!("    its process start of {start:.1} ms is subtracted)");
    println!(
        "ratio to openssl: {:.2} by median, {:.2} by mean (target: at most 1)",
        ours / theirs,
        ours_mean / theirs_mean
    );
}

fn run_openssl(arguments: &[&str]) {
    let status = Command::new("openssl")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}
