//! `wa fleet …`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum FleetCommand {
    /// Read the registered key of every number, and report the numbers that do not have theirs.
    Audit(AuditArgs),
    /// Write the smallest list of uploads that gives every number its key, without uploading.
    Plan(PlanArgs),
    /// Execute a plan, or make one, ask, and execute it.
    Apply(ApplyArgs),
    /// Rotate key sets to new keys, in waves.
    Rotate(FleetRotateArgs),
    /// Audit again and again: metrics, changes, and repairs with --heal.
    Watch(WatchArgs),
}

/// Options of every fleet command.
#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    /// The configuration of the fleet.
    #[arg(long, value_name = "FILE", default_value = "fleet.toml")]
    pub(crate) config: PathBuf,

    /// Also trust the root certificates (PEM) in this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_certificate: Option<PathBuf>,

    /// Allow the access token to be sent over plain http to any host.
    #[arg(long)]
    pub(crate) danger_allow_plain_http: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa fleet audit
  wa fleet audit --json | jq '.summary'
  wa fleet audit --csv --all > audit.csv

Makes one call for each number, and one for each 100 numbers of an account. Exits with status 3 if a
number does not have the primary key of its set.")]
pub(crate) struct AuditArgs {
    /// Print every number, not only those that need attention.
    #[arg(long)]
    pub(crate) all: bool,

    /// Print CSV.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,

    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
}

/// Which numbers a plan changes.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Which numbers get the primary key of their set: `create-only` those without a key, `repair` also those
    /// with the status MISMATCH, `sync` also those with an earlier key. [default: `policy` in the
    /// configuration, or `repair`]
    #[arg(long, value_name = "POLICY", value_parser = ["create-only", "repair", "sync"])]
    pub(crate) policy: Option<String>,

    /// Also replace keys that the key store does not have, and keys of other sets.
    #[arg(long)]
    pub(crate) take_over: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa fleet plan --output plan.json
  wa fleet plan --policy sync --output plan.json && wa fleet apply plan.json")]
pub(crate) struct PlanArgs {
    /// Write the plan to this new file. An existing file is never overwritten. By default, the plan is shown.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa fleet apply                            make a plan, show it, ask, execute it
  wa fleet apply plan.json                  execute a plan that was reviewed
  wa fleet apply --policy repair --yes      for timers

Numbers whose registered key changed since the plan, and keys that are no longer the primary of their
set, are skipped and reported. The command can be interrupted at any time and run again.")]
pub(crate) struct ApplyArgs {
    /// A plan that `wa fleet plan` wrote.
    #[arg(value_name = "PLAN", conflicts_with_all = ["policy", "take_over"])]
    pub(crate) plan: Option<PathBuf>,

    /// Do not ask. Without a plan, a policy is then required, here or in the configuration.
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa fleet rotate --canary 1
  wa fleet rotate --set bookings,orders
  wa fleet rotate --max-age 90d --yes       for a timer: only sets with an older key

Each set is rotated as by `wa keys rotate`: nothing is uploaded before every instance serves the new
key and the endpoint proves it. The endpoint of a set comes from the configuration, or from the set.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct FleetRotateArgs {
    /// Only these key sets.
    #[arg(long, value_name = "SET", value_delimiter = ',')]
    pub(crate) set: Vec<String>,

    /// Number of key sets in the first wave; if one of them fails, the run stops.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) canary: usize,

    /// Number of key sets in every further wave.
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub(crate) batch: usize,

    /// Stop after a wave if more than this percentage of the key sets failed.
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) max_failed: u32,

    /// Make a new key only if the primary is older, for example 90d. By default, if it is older than a day.
    #[arg(long, value_name = "TIME", conflicts_with = "force")]
    pub(crate) max_age: Option<String>,

    /// Make a new key although the primary is younger than a day.
    #[arg(long)]
    pub(crate) force: bool,

    /// Do not wait for instances: the endpoints write no records.
    #[arg(long)]
    pub(crate) no_instances: bool,

    /// Do not prove the keys by pings to the endpoints.
    #[arg(long)]
    pub(crate) no_proof: bool,

    /// Also replace keys that the key store does not have.
    #[arg(long)]
    pub(crate) take_over: bool,

    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa fleet watch
  wa fleet watch --heal --metrics-listen 127.0.0.1:9102

Prints each change as a line of JSON. --heal uploads the primary key to numbers without a key and
numbers with the status MISMATCH, when they were found so twice, ten minutes apart; if more than 3
numbers and more than 5 % are bad at the same time, nothing is repaired.")]
pub(crate) struct WatchArgs {
    /// Repair numbers without a key or with the status MISMATCH.
    #[arg(long)]
    pub(crate) heal: bool,

    /// Audit once, report, and exit.
    #[arg(long)]
    pub(crate) once: bool,

    /// Serve metrics on this address, at /metrics.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
}
