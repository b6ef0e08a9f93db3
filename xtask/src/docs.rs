//! `cargo xtask docs`: builds the site (mdBook) and the API docs (rustdoc) into one directory, and checks
//! them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::files::{pages, walk};
use crate::{sh, site, snippets, tools};

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

/// Compares every generated page with the output of the program; with `bless`, regenerates the pages.
pub(crate) fn generated(bless: bool) -> Result<()> {
    let mut stale = Vec::new();
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
        let path = sh::root().join(page);
        if std::fs::read_to_string(&path).unwrap_or_default() == text {
            continue;
        }
        if bless {
            std::fs::create_dir_all(path.parent().context("the path of a page has no parent")?)?;
            std::fs::write(&path, text)?;
        } else {
            stale.push(*page);
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

/// Fails if `faults.md` names a test that does not exist.
fn tests_exist() -> Result<()> {
    let mut sources = String::new();
    walk(&sh::root().join("crates"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(path)?);
        }
        Ok(())
    })?;
    let page = std::fs::read_to_string(sh::root().join("docs/src/faults.md"))?;
    let named: Vec<&str> = page
        .split('`')
        .filter(|word| word.starts_with("field_"))
        .collect();
    let missing: Vec<&&str> = named
        .iter()
        .filter(|name| !sources.contains(&format!("fn {name}(")))
        .collect();
    if named.is_empty() || !missing.is_empty() {
        bail!("docs/src/faults.md names no tests, or tests that do not exist: {missing:?}");
    }
    Ok(())
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
