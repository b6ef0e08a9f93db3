//! Runs the tests, checks, docs and benches of this workspace: see `cargo xtask --help`.

mod bench;
mod ci;
mod contrib;
mod coverage;
mod deny;
mod docs;
mod files;
mod fuzz;
mod graph;
mod lint;
mod readme;
mod sbom;
mod sh;
mod site;
mod snippets;
mod test;
mod tools;
mod unit;
mod wording;

use clap::{Parser, Subcommand};

/// Runs the tests, checks, docs and benches of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every test: unit, property, journey, transcript, doctest. With arguments, run `cargo test ARGS`.
    Test {
        /// For example `-p wa-keys` or a test name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check formatting, clippy, rustdoc, the crate graph, the systemd unit, and generated pages for drift.
    Lint,
    /// Format the code (`--check`: only report what would change).
    Fmt {
        #[arg(long)]
        check: bool,
    },
    /// Check the files in `contrib`: metric names, alerts, Kubernetes manifests, configurations.
    Contrib,
    /// Check the crate graph, and which dependencies each crate may have.
    Graph,
    /// Check licences, bans, sources and advisories of all dependencies. `WA_ADVISORIES=skip` skips the
    /// advisories.
    Deny,
    /// Feed random input to every parser of untrusted input.
    Fuzz {
        /// Run every target for a few seconds with the stable toolchain.
        #[arg(long)]
        smoke: bool,
        /// Repeat the smoke run with this seed.
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
        /// Regenerate the reference pages instead of comparing them.
        #[arg(long)]
        bless: bool,
    },
    /// Run `wa demo` in a release build.
    Demo,
    /// Measure the line coverage of the library crates: a table, and a report in `target/coverage`.
    Coverage,
    /// Run the benches in the profile `dist` and print their ratios. With a name, run only that bench.
    Bench { name: Option<String> },
    /// Run every check that a change must pass: fmt, lint, deny, test, fuzz smoke run, docs, demo, install.
    Ci {
        /// Skip the tests, because they already ran.
        #[arg(long)]
        without_tests: bool,
    },
}

/// Returns true if `line` is a valid xtask command.
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
        Command::Contrib => contrib::check(),
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
