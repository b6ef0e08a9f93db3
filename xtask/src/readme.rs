//! The README of each crate: a copy of its crate documentation, for the page of the crate in a registry.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::sh;

const NOTE: &str =
    "<!-- Generated from the crate documentation by `cargo xtask docs --bless`. Do not edit. -->";
const LICENCE: &str = "Licensed under MIT or Apache-2.0, at your choice.";

/// Returns the path and the text of each crate's README.
pub(crate) fn all() -> Result<Vec<(PathBuf, String)>> {
    let mut readmes = Vec::new();
    for entry in std::fs::read_dir(sh::root().join("crates"))? {
        let folder = entry?.path();
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let source = source(&folder)?;
        let documentation = markdown(&source);
        let text = format!("{NOTE}\n\n# {name}\n\n{}\n\n{LICENCE}\n", documentation.trim());
        readmes.push((folder.join("README.md"), text));
    }
    readmes.sort();
    Ok(readmes)
}

fn source(folder: &Path) -> Result<String> {
    let library = folder.join("src/lib.rs");
    let root = if library.exists() {
        library
    } else {
        folder.join("src/main.rs")
    };
    std::fs::read_to_string(&root).with_context(|| format!("cannot read {}", root.display()))
}

/// Returns the documentation at the top of a source file as Markdown that needs no rustdoc.
fn markdown(source: &str) -> String {
    let lines = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    let (mut text, mut prose) = (String::new(), String::new());
    let mut code = false;
    let mut rust = false;
    for line in lines {
        if let Some(language) = line.strip_prefix("```") {
            text.push_str(&without_links(&std::mem::take(&mut prose)));
            code = !code;
            rust = code && is_rust(language);
            let language = if rust { "rust" } else { language };
            text.push_str("```");
            text.push_str(language);
            text.push('\n');
        } else if code {
            // rustdoc hides these lines of Rust.
            if !rust || (line != "#" && !line.starts_with("# ")) {
                text.push_str(line);
                text.push('\n');
            }
        } else {
            // The heading of the README is above those of the documentation.
            if line.starts_with('#') {
                prose.push('#');
            }
            prose.push_str(line);
            prose.push('\n');
        }
    }
    text + &without_links(&prose)
}

/// Returns true if the words after the fence are those of a Rust example.
fn is_rust(words: &str) -> bool {
    let rust = ["", "rust", "no_run", "ignore", "should_panic", "compile_fail"];
    words.split(',').all(|word| rust.contains(&word))
}

/// Replaces links to items by their text; links to pages stay.
fn without_links(prose: &str) -> String {
    let mut text = String::new();
    let mut rest = prose;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let Some((label, after)) = after.split_once(']') else {
            text.push('[');
            rest = after;
            continue;
        };
        let name = label.replace("mod@", "");
        match target(after) {
            Some((target, after)) if !target.starts_with("http") && !target.starts_with('#') => {
                text.push_str(&name);
                rest = after;
            }
            None if label.starts_with('`') => {
                text.push_str(&name);
                rest = after;
            }
            _ => {
                text.push('[');
                text.push_str(label);
                text.push(']');
                rest = after;
            }
        }
    }
    text + rest
}

/// Returns the target of a link, whose text ends before `after`, and what follows it.
fn target(after: &str) -> Option<(&str, &str)> {
    let inner = after.strip_prefix('(')?;
    let mut depth = 1;
    let end = inner.find(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn documentation_becomes_plain_markdown() {
        let source = "//! A [`mod@key`] of [Meta](https://meta.example), see\n//! [its format](inspect()).\n//!\n//! \
                      # Use\n//!\n//! ```no_run\n//! # fn main() {\n//! let a = [1];\n//! # }\n//! ```\n//!\n//! \
                      ```text\n//! # out\n//! ```\n\nuse std::fmt;\n";
        assert_eq!(
            markdown(source),
            "A `key` of [Meta](https://meta.example), see\nits format.\n\n## Use\n\n```rust\nlet a = [1];\n```\n\n\
             ```text\n# out\n```\n"
        );
    }
}
