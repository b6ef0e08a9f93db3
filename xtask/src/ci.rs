//! `cargo xtask ci`: all that guards a change.

use std::time::Instant;

use anyhow::Result;

use crate::{deny, docs, fuzz, lint, sh, test};

/// Runs every check; the last line counts the tests. `without_tests` is for callers that ran them already.
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

/// The first command of the README.
pub(crate) fn demo() -> Result<()> {
    sh::run(&mut sh::cargo(&["run", "--release", "--bin", "wa", "--", "demo"]))
}

/// The README's way to the program, into a folder of our own.
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
