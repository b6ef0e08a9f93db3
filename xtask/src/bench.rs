//! `cargo xtask bench`: runs every bench of the workspace in turn, in the profile that is shipped; each
//! compares with a baseline of the same run.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::sh;

/// The profile of programs that are installed or shipped.
const PROFILE: &str = "dist";

/// Runs all benches, or only the bench `name`.
pub(crate) fn run(name: Option<&str>) -> Result<()> {
    let metadata: Value = serde_json::from_str(&sh::output(&mut sh::cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
    ]))?)?;
    // Some benches measure the program `wa`.
    sh::run(&mut sh::cargo(&["build", "--profile", PROFILE, "--bin", "wa"]))?;
    let mut found = false;
    for package in metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        for target in package["targets"].as_array().into_iter().flatten() {
            let is_bench = target["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "bench"));
            let (Some(package), Some(bench)) = (package["name"].as_str(), target["name"].as_str()) else {
                continue;
            };
            if is_bench && name.is_none_or(|name| name == bench) {
                found = true;
                sh::run(&mut sh::cargo(&[
                    "bench",
                    "--profile",
                    PROFILE,
                    "--package",
                    package,
                    "--all-features",
                    "--bench",
                    bench,
                ]))?;
            }
        }
    }
    if !found {
        match name {
            Some(name) => bail!("no bench is named `{name}`"),
            None => bail!("the workspace has no benches"),
        }
    }
    Ok(())
}
