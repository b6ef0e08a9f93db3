//! `cargo xtask ci`: every check that a change must pass.

use std::time::Instant;

use anyhow::Result;

use crate::{deny, docs, fuzz, lint, sh, test};

/// Runs every check; the last line of output counts the tests. `without_tests` skips tests that the caller
/// already ran.
pub(crate) fn run(without_tests: bool) -> Result<()> {
    let start = Instant::now();
    lint::run()?;
    let advisories = deny::run()?;
    let counts = if without_tests {
        None
    } else {
        Some(test::run(&[])?)
    };
    fuzz::smoke(None)?;
    docs::run(false)?;
    demo()?;
    install()?;
    sh::step(&format!("all checks passed in {} s", start.elapsed().as_secs()));
    sh::step(&advisories.to_string());
    if let Some(counts) = counts {
        sh::say(&counts.to_string());
    }
    Ok(())
}

/// Runs the first command of the README.
pub(crate) fn demo() -> Result<()> {
    sh::run(&mut sh::cargo(&["run", "--release", "--bin", "wa", "--", "demo"]))
}

/// Installs the program as the README does, but below the target directory, and in the profile of the demo:
/// another profile would compile everything a second time.
fn install() -> Result<()> {
    let mut command = sh::cargo(&[
        "install",
        "--path",
        "crates/wa-cli",
        "--locked",
        "--offline",
        "--force",
        "--root",
    ]);
    sh::run(command.arg(sh::target_dir().join("installed")))
}
