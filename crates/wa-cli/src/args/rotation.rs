//! `wa keys rotate`, `rollback`, `disable` and `enable`, and `wa store gc`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::graph::ConnectionArgs;
use super::store::{KeySetArgs, NewKeyArgs};

/// The endpoint and the instances that must serve a key before it is uploaded.
#[derive(Debug, Args)]
#[command(next_help_heading = "Proof")]
pub(crate) struct ProofArgs {
    /// Do not wait for instances: the endpoint writes no records. The pings then stand alone.
    #[arg(long)]
    pub(crate) no_instances: bool,

    /// Do not wait for the instance with this name, which does not run any more. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) ignore_instance: Vec<String>,

    /// Do not send pings to the endpoint.
    #[arg(long)]
    pub(crate) no_proof: bool,

    /// How long to wait for instances and for the endpoint.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    pub(crate) wait: Duration,

    /// Run this command of the shell after each step. It gets WA_STEP, WA_SET, WA_KEY and WA_NUMBERS in its
    /// environment; if it fails, the rotation stops.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) after_step: Option<String>,

    /// Read the keys back this long after a promotion.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = humantime::parse_duration, hide = true)]
    pub(crate) settle: Duration,
}

/// A step after which a rotation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UntilStep {
    /// The new key is stored.
    Stored,
    /// Every instance serves it.
    Served,
    /// The endpoint proved it.
    Proved,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys rotate --store keys --endpoint https://example.com/flow --phone-number-id 106540352242922
                                                 the first time; the key set remembers both
  wa keys rotate --store keys                    from then on
  wa keys rotate --store keys --max-age 90d      daily, from a timer: a new key every 90 days
  wa keys rotate --store keys --compromised 75452884cb8829e2

A rotation stores a new key, waits until every instance serves it, proves it with pings to the
endpoint, makes it the primary key, uploads it, reads it back, and disables keys that are no longer
used. It can be interrupted at any time: the same command continues. If the primary key is younger
than a day, no new key is made, and numbers that do not have the primary key get it.

Exits with status 3 if a number does not have the key, or its status is not VALID.")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command")]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    pub(crate) set: KeySetArgs,

    /// Phone number ids to add to the key set, which remembers them; repeat the option or separate them with
    /// commas. Ids of AWS (phone-number-id-…) are remembered too. [env: WA_PHONE_NUMBER_ID, for a new set]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) phone_number_id: Vec<String>,

    /// URL of the endpoint that serves the key set, which remembers it.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,

    #[command(flatten)]
    pub(crate) new_key: NewKeyArgs,

    /// Make a new key only if the primary key is older, for example 90d.
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Option<Duration>,

    /// Make a new key although the primary key is younger than a day.
    #[arg(long)]
    pub(crate) force: bool,

    /// Fingerprint of a key that leaked, or its first digits. Rotates if it is the primary key, and disables
    /// it without grace time.
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) compromised: Option<String>,

    /// Replace registered keys that the key set does not have.
    #[arg(long)]
    pub(crate) take_over: bool,

    /// End after this step.
    #[arg(long, value_name = "STEP")]
    pub(crate) until: Option<UntilStep>,

    /// Print what would be done; nothing is written or uploaded.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the commands that register the key for numbers that AWS hosts, which Graph does not serve.
    #[arg(long)]
    pub(crate) print_aws: bool,

    /// Do not ask for a confirmation.
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) proof: ProofArgs,

    #[command(flatten)]
    pub(crate) graph: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys rollback --store keys                          to the primary key before the last rotation
  wa keys rollback --store keys --to 75452884cb8829e2

The key is served, proved, promoted, uploaded and read back, as in a rotation. A rollback that was
interrupted continues.")]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) set: KeySetArgs,

    /// Fingerprint of the key to return to, or its first digits. By default the previous primary key.
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) to: Option<String>,

    #[command(flatten)]
    pub(crate) proof: ProofArgs,

    #[command(flatten)]
    pub(crate) graph: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A key can be disabled seven days after it stopped being the primary key, if no phone number has it and
no request used it for three days. `wa keys rotate` does it on its own.")]
pub(crate) struct DisableArgs {
    /// Fingerprint of the key, or its first digits.
    #[arg(value_name = "FINGERPRINT")]
    pub(crate) fingerprint: String,

    #[command(flatten)]
    pub(crate) set: KeySetArgs,

    /// The private key leaked: disable the key without grace time, for good.
    #[arg(long)]
    pub(crate) compromised: bool,

    /// You have checked that no number that AWS hosts has the key.
    #[arg(long)]
    pub(crate) aws_checked: bool,

    /// Do not ask for a confirmation.
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) graph: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EnableArgs {
    /// Fingerprint of the key, or its first digits.
    #[arg(value_name = "FINGERPRINT")]
    pub(crate) fingerprint: String,

    #[command(flatten)]
    pub(crate) set: KeySetArgs,

    #[command(flatten)]
    pub(crate) graph: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Keys that were disabled 30 days ago are scheduled, and 7 days later their private keys are deleted. A
key that a phone number has is never deleted. Buckets with versions or soft deletion keep what is
deleted here: see their lifecycle rules.")]
pub(crate) struct GcArgs {
    #[command(flatten)]
    pub(crate) set: KeySetArgs,

    /// You have checked that no number that AWS hosts has one of the keys.
    #[arg(long)]
    pub(crate) aws_checked: bool,

    #[command(flatten)]
    pub(crate) graph: ConnectionArgs,
}
