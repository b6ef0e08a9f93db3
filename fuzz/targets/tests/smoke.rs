//! Runs every target on its seeds and on random mutations of them, on stable.
//!
//! `WA_FUZZ_SECONDS` is the time for each target; without it, each runs on 300 mutations. `WA_FUZZ_SEED`
//! repeats a run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "smoke/mutation.rs"]
mod mutation;

use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use mutation::Random;
use wa_fuzz::{TARGETS, Target};

/// Mutations for each target if no time is set.
const INPUTS: usize = 300;
/// Time on one input after which the target counts as hanging.
const HANG: Duration = Duration::from_secs(20);
const SEED: u64 = 0x5eed;

/// Panics on all threads. A panic of a task does not propagate to its caller, so a hook counts them.
static PANICS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn key() {
    smoke("key");
}

#[test]
fn inspect() {
    smoke("inspect");
}

#[test]
fn envelope() {
    smoke("envelope");
}

#[test]
fn request() {
    smoke("request");
}

#[test]
fn signature() {
    smoke("signature");
}

#[test]
fn flow_token() {
    smoke("flow_token");
}

#[test]
fn media() {
    smoke("media");
}

#[test]
fn graph() {
    smoke("graph");
}

#[test]
fn emulator() {
    smoke("emulator");
}

#[test]
fn gateway_config() {
    smoke("gateway_config");
}

#[test]
fn secret_file() {
    smoke("secret_file");
}

#[test]
fn every_target_has_a_test_a_program_and_seeds() {
    let tests = include_str!("smoke.rs");
    for target in TARGETS {
        let name = target.name;
        assert!(tests.contains(&format!("\nfn {name}() {{\n")), "no test {name}");
        let program = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let text = fs::read_to_string(&program).unwrap();
        assert!(text.contains(&format!("wa_fuzz::run(\"{name}\"")), "{name}");
        let listed = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        assert!(listed.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(!seeds(target).is_empty(), "no seeds for {name}");
    }
}

#[test]
fn a_panic_on_another_thread_is_detected_and_its_input_is_saved() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    count_panics();
    let target = Target {
        name: "a_test_of_the_runner",
        run: |input| {
            if input == b"bad" {
                drop(std::thread::spawn(|| panic!("on purpose")).join());
            }
        },
        seeds: &[],
    };
    let mut current = Current::create(&target);
    check(&target, b"good", &mut current);
    let found = panic::catch_unwind(AssertUnwindSafe(|| check(&target, b"bad", &mut current)));
    assert!(found.is_err());
    assert_eq!(fs::read(current.folder.join("failed")).unwrap(), b"bad");
}

/// Lets only one target run at a time, so that a panic on any thread belongs to the current input.
static ALONE: Mutex<()> = Mutex::new(());

fn smoke(name: &str) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    count_panics();
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = seeds(target);
    let mut current = Current::create(target);
    for seed in &seeds {
        check(target, seed, &mut current);
    }
    let number = |variable: &str| std::env::var(variable).ok().map(|text| text.parse().unwrap());
    let seed = number("WA_FUZZ_SEED").unwrap_or(SEED);
    let deadline = number("WA_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut random = Random::new(seed);
    let mut inputs = 0_usize;
    while deadline.map_or(inputs < INPUTS, |deadline| Instant::now() < deadline) {
        check(target, &mutation::change(&seeds, &mut random), &mut current);
        inputs += 1;
    }
    eprintln!(
        "{name}: {} seeds, {inputs} mutations, WA_FUZZ_SEED={seed}",
        seeds.len()
    );
}

/// The file with the current input. After a stack overflow, it is the only trace of the input.
struct Current {
    file: File,
    folder: PathBuf,
}

impl Current {
    fn create(target: &Target) -> Self {
        let folder = root().join("target/fuzz").join(target.name);
        fs::create_dir_all(&folder).unwrap();
        let file = File::create(folder.join("current")).unwrap();
        Self { file, folder }
    }

    /// Saves the input. It reuses the file, because creating one takes longer than running most inputs.
    fn keep(&mut self, input: &[u8]) {
        self.file.rewind().unwrap();
        self.file.write_all(input).unwrap();
        self.file.set_len(u64::try_from(input.len()).unwrap()).unwrap();
    }
}

fn check(target: &Target, input: &[u8], current: &mut Current) {
    current.keep(input);
    let (before, started) = (PANICS.load(Ordering::SeqCst), Instant::now());
    let result = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let fault = if result.is_err() || PANICS.load(Ordering::SeqCst) > before {
        "panicked"
    } else if started.elapsed() > HANG {
        "took too long"
    } else {
        return;
    };
    let kept = current.folder.join("failed");
    fs::write(&kept, input).unwrap();
    panic!("{} {fault} on {}", target.name, kept.display());
}

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            report(info);
        }));
    });
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Returns the seeds in the order of their names, so that a run can be repeated.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let own = format!("fuzz/corpus/{}", target.name);
    for folder in std::iter::once(own.as_str()).chain(target.seeds.iter().copied()) {
        collect(&root().join(folder), &mut files);
    }
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
