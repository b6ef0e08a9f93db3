//! `cargo xtask fuzz`: runs the targets in `fuzz/targets`, for seconds on stable or for hours with libFuzzer.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};

use crate::{sh, tools};

/// Seconds for each target in a smoke run. The eleven targets together take less than two minutes, without
/// compilation.
const SECONDS: &str = "5";

/// Runs every target on its seeds and on random mutations of them, with the stable toolchain.
pub(crate) fn smoke(seed: Option<u64>) -> Result<()> {
    // With `--workspace`, features are those of `cargo xtask test`, so that no dependency is compiled twice.
    let mut command = sh::cargo(&["test", "--workspace", "--all-features", "--test", "smoke"]);
    command
        .args(["--", "--nocapture"])
        .env("WA_FUZZ_SECONDS", SECONDS);
    if let Some(seed) = seed {
        command.env("WA_FUZZ_SEED", seed.to_string());
    }
    sh::run(&mut command)
}

/// Runs one target under libFuzzer until it is interrupted, or until a limit in `args` is reached.
pub(crate) fn long(name: &str, args: &[String]) -> Result<()> {
    let program = sh::root().join("fuzz/fuzz_targets").join(format!("{name}.rs"));
    if !program.exists() {
        bail!(
            "no fuzz target is named `{name}`; targets: {}",
            names()?.join(", ")
        );
    }
    ensure!(
        sh::exists("rustup"),
        "cargo-fuzz needs a nightly toolchain: install rustup (https://rustup.rs)"
    );
    let found = sh::target_dir().join("fuzz").join(name).join("corpus");
    fs::create_dir_all(&found)?;
    let mut command = sh::command("rustup", &["run", "nightly"]);
    command.arg(tools::CARGO_FUZZ.path()?);
    command.args(["run", "--fuzz-dir", "fuzz", name]);
    // libFuzzer writes new inputs to the first directory, and only reads the others.
    command.arg(&found).arg(sh::root().join("fuzz/corpus").join(name));
    if matches!(name, "key" | "inspect") {
        command.arg(sh::root().join("crates/wa-keys/tests/data"));
    }
    if !args.is_empty() {
        command.arg("--").args(args);
    }
    for variable in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    sh::run(&mut command)
}

fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(sh::root().join("fuzz/fuzz_targets"))? {
        let path: PathBuf = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
