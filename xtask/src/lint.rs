//! `cargo xtask lint` and `cargo xtask fmt`.

use anyhow::Result;

use crate::{contrib, docs, graph, sh, unit, wording};

/// Checks formatting, the crate graph, the systemd unit, clippy, rustdoc, the generated pages and `contrib`.
pub(crate) fn run() -> Result<()> {
    fmt(true)?;
    graph::run()?;
    unit::check()?;
    wording::run()?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "--deny",
        "warnings",
    ];
    sh::run(&mut sh::cargo(&clippy))?;
    let bare = [
        "clippy",
        "--package",
        "wa-keys",
        "--no-default-features",
        "--",
        "--deny",
        "warnings",
    ];
    sh::run(&mut sh::cargo(&bare))?;
    docs::rustdoc()?;
    docs::generated(false)?;
    contrib::check()
}

/// Formats all members; with `check`, only reports what would change.
pub(crate) fn fmt(check: bool) -> Result<()> {
    let mut command = sh::cargo(&["fmt", "--all"]);
    if check {
        command.arg("--check");
    }
    sh::run(&mut command)
}
