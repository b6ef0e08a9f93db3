//! The part of `cargo xtask lint` that keeps one word for one thing: words that read like a translation are
//! refused, and the message names the better one. The table of terms in CONTRIBUTING.md is for people; this
//! list is its check.

use std::path::Path;

use anyhow::{Result, bail};

use crate::sh;

/// Words that must not come back, each with what to write instead. Whole words, in any case.
const REFUSED: &[(&str, &str)] = &[
    (
        "told",
        "returned, reported, shown, indicated; server-requested (a delay)",
    ),
    ("tell", "return, report, show, indicate"),
    ("tells", "returns, reports, shows, indicates"),
    (
        "anew",
        "again, or a verb with re-: re-registered, re-read, regenerated",
    ),
    ("nobody", "no one, no client, or the passive"),
    ("stranger", "unauthenticated client"),
    ("strangers", "unauthenticated clients"),
    ("under way", "in flight, in progress"),
    ("whoever", "anyone who, the client that"),
    ("at hand", "available"),
    ("heeded", "honoured, applied"),
    ("by itself", "automatically, on its own"),
    ("for itself", "individually"),
    ("gives way", "is evicted, is closed to free a slot"),
    ("give way", "be evicted, be closed to free a slot"),
    ("error notice", "error notification"),
    ("error notices", "error notifications"),
];

/// Files that quote the words themselves.
const EXEMPT: &[&str] = &["CONTRIBUTING.md", "xtask/src/wording.rs"];

/// What is searched: the kinds of files that people read.
const KINDS: &[&str] = &["*.rs", "*.md", "*.toml", "*.trycmd", "*.html"];

/// Fails with every refused word, with its file and line.
pub(crate) fn run() -> Result<()> {
    sh::step("wording");
    let mut list = sh::command(
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard", "--"],
    );
    let mut found = Vec::new();
    for name in sh::output(list.args(KINDS))?.lines() {
        if EXEMPT.contains(&name) || name.contains("/tests/data/") {
            continue;
        }
        // A file that was deleted and not yet committed is still listed.
        if let Ok(text) = std::fs::read_to_string(sh::root().join(Path::new(name))) {
            found.extend(
                refused_in(&text).map(|(line, word, better)| {
                    format!("{name}:{line}: write “{better}” instead of “{word}”")
                }),
            );
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!("{} refused words:\n  {}", found.len(), found.join("\n  "));
}

/// The refused words of a text, with their lines.
fn refused_in(text: &str) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
    text.lines().enumerate().flat_map(|(at, line)| {
        REFUSED
            .iter()
            .filter(move |(word, _)| has_word(line, word))
            .map(move |(word, better)| (at + 1, *word, *better))
    })
}

/// Returns true if `line` contains `word` in any case, with no letter, digit or underscore on either side. A
/// name in camel case, such as `NoBody`, is not that word.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |char: char| char.is_alphanumeric() || char == '_';
    line.to_ascii_lowercase().match_indices(word).any(|(at, _)| {
        let (before, found, after) = (
            line.get(..at).unwrap_or_default(),
            line.get(at..at + word.len()).unwrap_or_default(),
            line.get(at + word.len()..).unwrap_or_default(),
        );
        let rest = found.get(1..).unwrap_or_default();
        let one_case = rest == rest.to_ascii_lowercase() || rest == rest.to_ascii_uppercase();
        one_case && !before.ends_with(joins) && !after.starts_with(joins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_words_are_found_whole_and_in_any_case() {
        let text = "It Tells\nretold, teller, tell_tale, NoBody\nunder way: NOBODY";
        let words: Vec<_> = refused_in(text).map(|(line, word, _)| (line, word)).collect();
        assert_eq!(words, [(1, "tells"), (3, "nobody"), (3, "under way")]);
    }
}
