//! `cargo xtask docs`: builds the site (mdBook) and the API docs (rustdoc) into one directory, and checks
//! them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::files::{pages, walk};
use crate::{readme, sh, site, snippets, tools};

/// Reference pages that `wa` generates from its own tables, so that they always match its behaviour.
const GENERATED: &[(&str, &str)] = &[
    ("error-codes", "docs/src/reference/error-codes.md"),
    ("cli", "docs/src/reference/wa.md"),
    ("environment", "docs/src/reference/environment.md"),
    (
        "gateway-configuration",
        "docs/src/reference/gateway-configuration.md",
    ),
    ("gateway-metrics", "docs/src/reference/gateway-metrics.md"),
    ("emulator-control", "docs/src/reference/emulator-control.md"),
];

/// Builds everything into `target/site` and checks it.
pub(crate) fn run(bless: bool) -> Result<()> {
    generated(bless)?;
    let site = sh::target_dir().join("site");
    if site.exists() {
        std::fs::remove_dir_all(&site)?;
    }
    let mut mdbook = sh::command(tools::MDBOOK.path()?, &["build", "docs", "--dest-dir"]);
    // The site shows the version in its title.
    mdbook.env(
        "MDBOOK_BOOK__TITLE",
        format!("Encrypted WhatsApp Flows in Rust {}", version()?),
    );
    sh::run(mdbook.arg(&site))?;
    rustdoc()?;
    copy(&sh::target_dir().join("doc"), &site.join("api"))?;
    site::check_links(&site)?;
    tests_exist()?;
    files_exist()?;
    snippets::run()?;
    sh::step(&format!(
        "the docs site is at {}",
        site.join("index.html").display()
    ));
    Ok(())
}

/// Builds the API docs of all crates; a warning is an error.
pub(crate) fn rustdoc() -> Result<()> {
    let mut command = sh::cargo(&[
        "doc",
        "--workspace",
        "--exclude",
        "xtask",
        "--no-deps",
        "--all-features",
    ]);
    command.args(["--lib"]).env("RUSTDOCFLAGS", "--deny warnings");
    sh::run(&mut command)
}

/// Compares every generated page with what it is generated from; with `bless`, regenerates the pages.
pub(crate) fn generated(bless: bool) -> Result<()> {
    let mut pages = readme::all()?;
    for (name, page) in GENERATED {
        let text = sh::output(&mut sh::cargo(&[
            "run",
            "--quiet",
            "--bin",
            "wa",
            "--",
            "reference",
            name,
        ]))?;
        pages.push((sh::root().join(page), text));
    }
    let mut stale = Vec::new();
    for (path, text) in pages {
        if std::fs::read_to_string(&path).unwrap_or_default() == text {
            continue;
        }
        if bless {
            std::fs::create_dir_all(path.parent().context("the path of a page has no parent")?)?;
            std::fs::write(&path, text)?;
        } else {
            stale.push(path.strip_prefix(sh::root())?.display().to_string());
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!(
        "generated pages are out of date: {} (run `cargo xtask docs --bless` to regenerate them)",
        stale.join(", ")
    );
}

/// The version that all crates of the workspace share.
fn version() -> Result<String> {
    let manifest: toml::Table = std::fs::read_to_string(sh::root().join("Cargo.toml"))?.parse()?;
    let version = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.get("version")?.as_str());
    version.map(str::to_owned).context("the workspace has no version")
}

/// Pages that name tests as evidence.
const EVIDENCE: &[&str] = &["docs/src/faults.md", "docs/src/threat-model.md"];

/// Fails if a page of [`EVIDENCE`] names a test that does not exist, or none at all.
fn tests_exist() -> Result<()> {
    let mut sources = String::new();
    walk(&sh::root().join("crates"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(path)?);
        }
        Ok(())
    })?;
    for name in EVIDENCE {
        let page = std::fs::read_to_string(sh::root().join(name))?;
        let named: Vec<&str> = page.split('`').filter(|word| is_test_name(word)).collect();
        let missing: Vec<&&str> = named
            .iter()
            .filter(|test| !sources.contains(&format!("fn {test}(")))
            .collect();
        if named.is_empty() || !missing.is_empty() {
            bail!("{name} names no tests, or tests that do not exist: {missing:?}");
        }
    }
    Ok(())
}

/// Returns true for a long name in snake case that is not the name of a metric.
fn is_test_name(word: &str) -> bool {
    let is_snake = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    word.chars().all(is_snake) && word.matches('_').count() >= 3 && !word.starts_with("wa_gateway_")
}

/// Fails if a page names a source file that does not exist.
fn files_exist() -> Result<()> {
    let mut missing = Vec::new();
    for page in pages()? {
        let text = std::fs::read_to_string(&page)?;
        let is_source = |name: &&str| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "rs")
        };
        let named = text
            .split('`')
            .filter(|word| word.starts_with("crates/"))
            .filter(is_source);
        missing.extend(
            named
                .filter(|name| !sh::root().join(name).is_file())
                .map(|name| format!("{}: {name}", page.display())),
        );
    }
    if !missing.is_empty() {
        bail!("pages name source files that do not exist: {missing:?}");
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    walk(from, &mut |path| {
        let target = to.join(path.strip_prefix(from)?);
        std::fs::create_dir_all(target.parent().context("the path of a file has no parent")?)?;
        std::fs::copy(path, target)?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{is_test_name, version};

    #[test]
    fn a_test_name_is_long_snake_case() {
        assert!(is_test_name("field_5_the_signature_is_checked_by_default"));
        for other in [
            "flow_token_signature",
            "wa_gateway_key_opened_total",
            "a page_of_some_words",
            "x",
        ] {
            assert!(!is_test_name(other), "{other}");
        }
    }

    #[test]
    fn the_workspace_has_a_version() {
        assert!(version().unwrap().starts_with(|char: char| char.is_ascii_digit()));
    }
}
