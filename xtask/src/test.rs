//! `cargo xtask test`: runs the whole suite and counts the tests.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::sh;

/// Test results, added up over all test programs of a run.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.ignored
        )
    }
}

impl Counts {
    /// Adds the counts of a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; …`; ignores
    /// other lines.
    fn add(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<&str> = summary
            .split([' ', ';'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            if let [number, what] = pair
                && let Ok(number) = number.parse::<u64>()
            {
                match *what {
                    "passed" => self.passed += number,
                    "failed" => self.failed += number,
                    "ignored" => self.ignored += number,
                    _ => {}
                }
            }
        }
    }
}

/// Runs all tests with all features, then the tests of `wa-keys` without its default features.
///
/// With `args`, runs only `cargo test ARGS`.
pub(crate) fn run(args: &[String]) -> Result<Counts> {
    let mut counts = Counts::default();
    if !args.is_empty() {
        let mut command = sh::cargo(&["test"]);
        command.args(args);
        count(&mut command, &mut counts)?;
        return Ok(counts);
    }
    count(
        &mut sh::cargo(&["test", "--workspace", "--all-features"]),
        &mut counts,
    )?;
    count(
        &mut sh::cargo(&["test", "--package", "wa-keys", "--no-default-features"]),
        &mut counts,
    )?;
    if counts.passed == 0 {
        bail!("no test ran");
    }
    Ok(counts)
}

fn count(command: &mut Command, counts: &mut Counts) -> Result<()> {
    sh::step(&format!(
        "cargo {}",
        command
            .get_args()
            .map(|a| a.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    ));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo has no standard output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read the output of the tests")?;
        counts.add(&line);
        sh::say(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("tests failed ({counts})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn summaries_are_added_up_and_other_lines_are_not() {
        let mut counts = Counts::default();
        counts.add(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
        );
        counts.add("test result: FAILED. 2 passed; 5 failed; 0 ignored; 0 measured; 0 filtered out");
        counts.add("test passed_5 passed ... ok");
        assert_eq!(counts.to_string(), "14 passed, 5 failed, 1 skipped");
    }
}
