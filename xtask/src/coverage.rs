//! `cargo xtask coverage`.

use anyhow::Result;

use crate::{sh, tools};

/// Line coverage by cargo-tarpaulin, which needs no component beyond the toolchain itself.
pub(crate) fn run() -> Result<()> {
    let tarpaulin = tools::TARPAULIN.path()?;
    let output = sh::target_dir().join("coverage");
    std::fs::create_dir_all(&output)?;
    let mut command = sh::command(
        tarpaulin,
        &[
            "tarpaulin",
            "--engine",
            "ptrace",
            "--workspace",
            "--all-features",
            "--exclude",
            "xtask",
            "--skip-clean",
        ],
    );
    command
        .args(["--out", "Html", "--out", "Lcov", "--output-dir"])
        .arg(&output);
    command
        .arg("--target-dir")
        .arg(sh::target_dir().join("tarpaulin"));
    // These two run the examples as programs, which are not built here.
    command.args([
        "--",
        "--skip",
        "the_examples_lead_from",
        "--skip",
        "calls_to_other_machines",
    ]);
    sh::run(&mut command)
}
