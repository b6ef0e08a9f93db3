//! Checks the code blocks of the book and the README: each is compiled, run or parsed.
//!
//! | language | check |
//! |---|---|
//! | `rust` | compiled as a doctest: the page must be in `crates/wa-cloud/src/book.rs` |
//! | `sh` | run by bash: all blocks of a page in order, in an empty directory, with `wa` and an emulator |
//! | `sh,ci` | not run here: every line must be a separate step of CI, or a valid xtask command |
//! | `json`, `toml` | parsed |
//! | `js`, `python`, `go` | syntax checked, if the program is installed |
//! | `text` | output; not checked |

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use crate::{files, sh};

/// Steps of CI other than xtask commands.
const STEPS_OF_CI: &[&str] = &[
    "cargo run --release --bin wa -- demo",
    "cargo install --path crates/wa-cli",
];

/// How long the shell blocks of one page may take.
const SHELL_LIMIT: Duration = Duration::from_mins(2);

/// Programs that the shell blocks call, other than `wa` and the usual Unix tools.
const PROGRAMS: &[&str] = &["openssl", "python3", "curl"];

struct Block {
    language: String,
    text: String,
}

/// Checks every block of every page.
pub(crate) fn run() -> Result<()> {
    sh::run(&mut sh::cargo(&["build", "--bin", "wa"]))?;
    let doctested =
        std::fs::read_to_string(sh::root().join("crates/wa-cloud/src/book.rs")).unwrap_or_default();
    let work = sh::target_dir().join("snippets");
    let mut count = 0;
    for page in files::pages()? {
        let name = page.strip_prefix(sh::root())?.display().to_string();
        let blocks = blocks(&std::fs::read_to_string(&page)?);
        count += blocks.len();
        let mut shell = String::new();
        for block in &blocks {
            check(block, &name, &doctested, &mut shell).with_context(|| format!("a code block of {name}"))?;
        }
        if let Some(missing) = PROGRAMS
            .iter()
            .find(|program| shell.contains(*program) && !sh::exists(program))
        {
            sh::step(&format!(
                "skipped the shell blocks of {name}: {missing} is not installed"
            ));
        } else if !shell.is_empty() {
            run_shell(&shell, &work.join(name.replace(['/', '.'], "-")), &name)?;
        }
    }
    ensure!(count > 0, "no page has a code block");
    sh::step(&format!("checked {count} code blocks"));
    Ok(())
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                open = Some(Block {
                    language,
                    text: String::new(),
                });
            }
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

fn check(block: &Block, page: &str, doctested: &str, shell: &mut String) -> Result<()> {
    let text = block.text.as_str();
    match block.language.as_str() {
        "text" => {}
        "sh" => shell.push_str(text),
        "sh,ci" => {
            for line in text
                .lines()
                .map(|line| line.split(" #").next().unwrap_or_default().trim())
            {
                ensure!(
                    STEPS_OF_CI.contains(&line) || crate::is_command(line),
                    "`{line}` is not a step of CI; use a `sh` block, or add it to STEPS_OF_CI"
                );
            }
        }
        "json" => drop(serde_json::from_str::<serde_json::Value>(text)?),
        "toml" => drop(text.parse::<toml::Table>()?),
        "js" => syntax("node", &["--input-type=module", "--check", "-"], text)?,
        "python" => syntax(
            "python3",
            &["-c", "import ast, sys; ast.parse(sys.stdin.read())"],
            text,
        )?,
        "go" => syntax("gofmt", &["-e"], text)?,
        language if language == "rust" || language.starts_with("rust,") => {
            ensure!(
                !language.contains("ignore"),
                "a Rust block must compile, so `ignore` is not allowed"
            );
            ensure!(
                doctested.contains(page),
                "{page} is not listed in crates/wa-cloud/src/book.rs"
            );
        }
        other => bail!("code blocks in `{other}` are not supported: nothing checks them"),
    }
    Ok(())
}

fn syntax(program: &str, args: &[&str], text: &str) -> Result<()> {
    if !sh::exists(program) {
        sh::step(&format!("skipped a code block: {program} is not installed"));
        return Ok(());
    }
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    child
        .stdin
        .take()
        .context("no standard input")?
        .write_all(text.as_bytes())?;
    ensure!(
        child.wait()?.success(),
        "{program} rejects the code block:\n{text}"
    );
    Ok(())
}

fn run_shell(script: &str, folder: &Path, page: &str) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let emulator = Emulator::start()?;
    let programs = debug_programs();
    let mut path = vec![programs];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let log = folder.with_extension("log");
    let printed = std::fs::File::create(&log)?;
    let mut bash = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path)?)
        .env("WA_GRAPH_URL", &emulator.url)
        .stdin(Stdio::null())
        .stdout(printed.try_clone()?)
        .stderr(printed)
        .spawn()
        .context("cannot start bash")?;
    let end = Instant::now() + SHELL_LIMIT;
    let status = loop {
        if let Some(status) = bash.try_wait()? {
            break status;
        }
        if Instant::now() > end {
            bash.kill()?;
            bail!(
                "the shell blocks of {page} took longer than {} s\n{}",
                SHELL_LIMIT.as_secs(),
                std::fs::read_to_string(&log)?
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        bail!(
            "the shell blocks of {page} failed: {status}\n{}",
            std::fs::read_to_string(&log)?
        );
    }
    sh::step(&format!("the shell blocks of {page} ran"));
    Ok(())
}

fn debug_programs() -> PathBuf {
    sh::target_dir().join("debug")
}

/// `wa emulator` on a free port; it is stopped on drop.
struct Emulator {
    child: Child,
    url: String,
}

impl Emulator {
    fn start() -> Result<Self> {
        let mut child = Command::new(debug_programs().join("wa"))
            .args(["emulator", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the emulator")?;
        let mut line = String::new();
        let stdout = child
            .stdout
            .take()
            .context("the emulator has no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line
            .trim()
            .strip_prefix("ready ")
            .context("the emulator did not print its `ready` line")?
            .to_owned();
        Ok(Self { child, url })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Both fail if the emulator has already exited, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, blocks, check};

    #[test]
    fn blocks_are_found_with_their_language() {
        let found = blocks("text\n\n```sh\nls\n```\n\n```json\n{}\n```\n");
        let pairs: Vec<_> = found
            .iter()
            .map(|b| (b.language.as_str(), b.text.as_str()))
            .collect();
        assert_eq!(pairs, [("sh", "ls\n"), ("json", "{}\n")]);
    }

    #[test]
    fn blocks_that_nothing_checks_are_refused() {
        let verdict = |language: &str, text: &str| {
            let block = Block {
                language: language.to_owned(),
                text: text.to_owned(),
            };
            check(&block, "docs/src/a.md", "", &mut String::new())
        };
        assert!(verdict("", "x").is_err());
        assert!(verdict("rust,ignore", "x").is_err());
        assert!(
            verdict("rust", "fn main() {}").is_err(),
            "the page is not among the doctests"
        );
        assert!(verdict("json", "{").is_err());
        assert!(verdict("sh,ci", "rm -rf /").is_err());
        assert!(verdict("sh,ci", "cargo xtask test\n").is_ok());
    }
}
