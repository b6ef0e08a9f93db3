//! `cargo xtask deny`: checks the dependencies against `deny.toml`.

use std::fmt;

use anyhow::{Result, bail};

use crate::{sh, tools};

/// Set to `skip` where the advisory database cannot be fetched, such as on a machine that reaches only
/// package registries.
const SWITCH: &str = "WA_ADVISORIES";

const NO_DATABASE: &str = "the advisory database cannot be fetched: allow this machine to reach \
    https://github.com/RustSec/advisory-db, or copy the database to CARGO_HOME/advisory-dbs \
    (`cargo deny fetch db` on another machine creates it there); to continue without this check, set \
    WA_ADVISORIES=skip";

/// Whether advisories were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advisories {
    Checked,
    Skipped,
}

impl fmt::Display for Advisories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checked => "advisories: checked",
            Self::Skipped => "advisories: NOT checked (no database)",
        })
    }
}

/// Checks licences, bans and sources, then fetches the advisory database and checks advisories.
pub(crate) fn run() -> Result<Advisories> {
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
    let skip = std::env::var(SWITCH).ok();
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let advisories = decide(skip.as_deref(), is_ci, || {
        // If the fetch fails, an existing copy is used; `cargo deny` refuses one that is too old.
        let fetched = sh::run(&mut sh::command(&deny, &["fetch", "db"])).is_ok();
        fetched || database_exists()
    })?;
    match advisories {
        Advisories::Checked => sh::run(&mut sh::command(
            &deny,
            &[
                "--all-features",
                "check",
                "--disable-fetch",
                "--hide-inclusion-graph",
                "advisories",
            ],
        ))?,
        Advisories::Skipped => sh::step(&advisories.to_string()),
    }
    Ok(advisories)
}

/// Decides whether advisories are checked. `has_database` tries to fetch the database; it is not called if
/// the switch is set.
fn decide(switch: Option<&str>, is_ci: bool, has_database: impl FnOnce() -> bool) -> Result<Advisories> {
    match switch {
        Some("skip") => return Ok(Advisories::Skipped),
        None | Some("") => {}
        Some(other) => bail!("{SWITCH} is `{other}`; set it to `skip`, or unset it"),
    }
    if has_database() {
        return Ok(Advisories::Checked);
    }
    if is_ci {
        bail!(NO_DATABASE);
    }
    sh::step(NO_DATABASE);
    Ok(Advisories::Skipped)
}

fn database_exists() -> bool {
    let home = std::env::var_os("CARGO_HOME")
        .map(std::path::PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| std::path::Path::new(&home).join(".cargo")));
    home.and_then(|home| std::fs::read_dir(home.join("advisory-dbs")).ok())
        .is_some_and(|mut databases| databases.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::{Advisories, decide};

    #[test]
    fn a_missing_database_fails_on_ci_only_unless_it_is_skipped() {
        for (switch, is_ci, has_database, expected) in [
            (None, true, true, Some(Advisories::Checked)),
            (None, false, true, Some(Advisories::Checked)),
            (None, true, false, None),
            (Some(""), true, false, None),
            (None, false, false, Some(Advisories::Skipped)),
            (Some("skip"), true, false, Some(Advisories::Skipped)),
            (Some("off"), false, true, None),
        ] {
            let decided = decide(switch, is_ci, || has_database);
            assert_eq!(decided.ok(), expected, "{switch:?} {is_ci} {has_database}");
        }
    }

    #[test]
    fn with_the_switch_nothing_is_fetched() {
        let decided = decide(Some("skip"), true, || unreachable!("the database was fetched"));
        assert_eq!(
            decided.unwrap().to_string(),
            "advisories: NOT checked (no database)"
        );
    }
}
