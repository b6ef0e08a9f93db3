//! `cargo xtask coverage`: measures line coverage.

use anyhow::Result;

use crate::{sh, tools};

/// The measured crates: libraries whose tests run in their own process. The tests of the program and of the
/// servers spawn other programs, which the instrumentation does not follow.
const PACKAGES: &[&str] = &["wa-keys", "wa-graph", "wa-encryption", "wa-flows"];

/// Measures line coverage with cargo-tarpaulin, which needs no additional toolchain component.
///
/// It uses the compiler's own instrumentation: with ptrace, which stops at every line, the suite never ends.
pub(crate) fn run() -> Result<()> {
    let tarpaulin = tools::TARPAULIN.path()?;
    let output = sh::target_dir().join("coverage");
    std::fs::create_dir_all(&output)?;
    let mut command = sh::command(tarpaulin, &["tarpaulin", "--engine", "llvm"]);
    for package in PACKAGES {
        command.args(["--packages", package]);
    }
    command.args([
        "--all-features",
        "--lib",
        "--tests",
        "--skip-clean",
        "--timeout",
        "300",
    ]);
    command
        .args(["--out", "Html", "--out", "Lcov", "--output-dir"])
        .arg(&output);
    command
        .arg("--target-dir")
        .arg(sh::target_dir().join("tarpaulin"));
    sh::run(&mut command)
}
