//! `cargo xtask deny`: what the dependencies may be, by `deny.toml`.

use anyhow::Result;

use crate::{sh, tools};

/// Licences, bans and sources always; advisories only where a copy of the database is at hand, because it
/// cannot be fetched without a network.
pub(crate) fn run() -> Result<()> {
    let deny = tools::CARGO_DENY.path()?;
    sh::run(&mut sh::command(
        &deny,
        &[
            "--all-features",
            "check",
            "--hide-inclusion-graph",
            "licenses",
            "bans",
            "sources",
        ],
    ))?;
    let Some(home) = std::env::var_os("CARGO_HOME").or_else(|| {
        std::env::var_os("HOME").map(|home| std::path::Path::new(&home).join(".cargo").into_os_string())
    }) else {
        return Ok(());
    };
    if std::path::Path::new(&home).join("advisory-dbs").is_dir() {
        return sh::run(&mut sh::command(
            &deny,
            &["--offline", "--all-features", "check", "advisories"],
        ));
    }
    sh::step("advisories: skipped, no database below CARGO_HOME/advisory-dbs (`cargo deny fetch` brings it)");
    Ok(())
}
