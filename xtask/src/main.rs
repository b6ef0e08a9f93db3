//! The one door to this workspace's tests, checks, docs and benches: `cargo xtask --help`.

mod bench;
mod ci;
mod coverage;
mod deny;
mod docs;
mod files;
mod fuzz;
mod graph;
mod lint;
mod sbom;
mod sh;
mod site;
mod snippets;
mod test;
mod tools;
mod unit;

use clap::{Parser, Subcommand};

/// Drives tests, checks, docs and benches of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every test: unit, property, journey, transcript, doctest. Extra arguments go to `cargo test`.
    Test {
        /// For example `-p wa-keys` or a test name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Formatting, clippy, rustdoc, the crate graph, the systemd unit, drift of generated pages.
    Lint,
    /// Format the code (`--check`: only say what would change).
    Fmt {
        #[arg(long)]
        check: bool,
    },
    /// Check the crate graph and what each crate may pull in.
    Graph,
    /// Licences, bans, sources and advisories of all dependencies. `WA_ADVISORIES=skip` leaves the advisories out.
    Deny,
    /// Feed random input to everything that reads what someone else wrote.
    Fuzz {
        /// Run every target for some seconds with the stable toolchain.
        #[arg(long)]
        smoke: bool,
        /// Repeat a smoke run whose seed this is.
        #[arg(long, requires = "smoke")]
        seed: Option<u64>,
        /// The target to run under libFuzzer with the nightly toolchain, until it is interrupted.
        #[arg(conflicts_with = "smoke", required_unless_present = "smoke")]
        target: Option<String>,
        /// Arguments for libFuzzer, for example `-max_total_time=600`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Write a bill of materials (`CycloneDX` JSON) for each crate into `target/sbom`.
    Sbom,
    /// Build the docs site and the API docs into `target/site`, and check every link and code block.
    Docs {
        /// Write the generated reference pages anew instead of only comparing them.
        #[arg(long)]
        bless: bool,
    },
    /// Run `wa demo` in a release build.
    Demo,
    /// Line coverage of the test suite as a table and as `target/coverage/`.
    Coverage,
    /// Run the benches in a release build and print their ratios. A name runs that bench alone.
    Bench { name: Option<String> },
    /// All that guards a change: fmt, lint, deny, test, fuzz smoke run, docs, demo.
    Ci {
        /// Leave the tests out: they were run already.
        #[arg(long)]
        without_tests: bool,
    },
}

/// True if `line` is a call of a command that there is.
fn is_command(line: &str) -> bool {
    line.strip_prefix("cargo xtask ").is_some_and(|words| {
        let words = std::iter::once("xtask").chain(words.split_whitespace());
        Cli::try_parse_from(words).is_ok()
    })
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Test { args } => test::run(&args).map(|counts| sh::say(&counts.to_string())),
        Command::Lint => lint::run(),
        Command::Fmt { check } => lint::fmt(check),
        Command::Graph => graph::run(),
        Command::Deny => deny::run().map(|advisories| sh::say(&advisories.to_string())),
        Command::Fuzz {
            target: Some(target),
            args,
            ..
        } => fuzz::long(&target, &args),
        Command::Fuzz { seed, .. } => fuzz::smoke(seed),
        Command::Sbom => sbom::run(),
        Command::Docs { bless } => docs::run(bless),
        Command::Demo => ci::demo(),
        Command::Coverage => coverage::run(),
        Command::Bench { name } => bench::run(name.as_deref()),
        Command::Ci { without_tests } => ci::run(without_tests),
    }
}
