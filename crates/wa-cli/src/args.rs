//! Definitions of the command line. `settings` and `commands` interpret them.

#![allow(
    clippy::doc_markdown,
    reason = "these texts are shown unchanged on a terminal"
)]

mod doctor;
mod emulator;
mod encryption;
mod fleet;
mod flow;
mod gateway;
mod graph;
mod keys;
mod media;
mod numbers;
mod rotation;
mod store;
mod stored_keys;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use doctor::DoctorArgs;
pub(crate) use emulator::EmulatorArgs;
pub(crate) use encryption::{EncryptionCommand, GetArgs, GraphArgs, SetArgs, VerifyArgs};
pub(crate) use fleet::{
    ApplyArgs, AuditArgs, FleetArgs, FleetCommand, FleetRotateArgs, PlanArgs, PolicyArgs, WatchArgs,
};
pub(crate) use flow::{ActionName, CheckArgs, DecryptArgs, EndpointArgs, FlowCommand, SendArgs};
pub(crate) use gateway::GatewayArgs;
pub(crate) use graph::ConnectionArgs;
pub(crate) use keys::{ConvertArgs, GenerateArgs, InspectArgs, KeysCommand, PassphraseArgs, PublicArgs};
pub(crate) use media::{MediaCommand, MediaDecryptArgs};
pub(crate) use numbers::{ListArgs, NumbersCommand};
pub(crate) use rotation::{DisableArgs, EnableArgs, GcArgs, ProofArgs, RollbackArgs, RotateArgs, UntilStep};
pub(crate) use store::{
    KeySetArgs, NewKeyArgs, ReencryptArgs, StoreArgs, StoreCheckArgs, StoreCommand, StoreCopyArgs,
    StorePassphraseArgs,
};
pub(crate) use stored_keys::{ExportArgs, ImportArgs, StatusArgs};

/// Manage the encryption keys of WhatsApp Flows: generate, register, verify and rotate RSA keys; serve and
/// test encrypted endpoints.
#[derive(Debug, Parser)]
#[command(name = "wa", version, after_help = EXIT_CODES, after_long_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Print one JSON document on standard output; errors and warnings are JSON on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Read settings from this file, for example `.env`. Environment variables take precedence.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,

    /// Treat warnings about secrets as errors: a secret or private key file that others can read, an unusual
    /// app secret.
    #[arg(long, global = true)]
    pub(crate) strict: bool,

    /// When to colour the output; `auto` respects NO_COLOR and CLICOLOR_FORCE.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub(crate) color: ColorWhen,

    /// Log to standard error; -vv logs every detail. Secrets are never logged.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate, inspect and convert RSA keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Check, copy and re-encrypt key stores.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Register, read and verify the business public key of a phone number.
    #[command(subcommand)]
    Encryption(EncryptionCommand),
    /// List phone numbers.
    #[command(subcommand)]
    Numbers(NumbersCommand),
    /// Audit, repair and rotate the keys of many phone numbers.
    #[command(subcommand)]
    Fleet(FleetCommand),
    /// Test a Flow endpoint, and decrypt captured requests.
    #[command(subcommand)]
    Flow(FlowCommand),
    /// Decrypt files that users uploaded in a Flow.
    #[command(subcommand)]
    Media(MediaCommand),
    /// Examine one phone number: token, registered key, endpoint and Flow, the first broken cause first.
    Doctor(DoctorArgs),
    /// Run an emulator of Meta's Graph API on this machine, for tests without an account.
    Emulator(EmulatorArgs),
    /// Run a gateway that terminates Flows encryption in front of a plain JSON backend in any language.
    Gateway(GatewayArgs),
    /// Show how a key is registered, used and rotated, against the emulator (takes about two seconds).
    Demo,
    /// Print a shell completion script.
    #[command(
        after_help = "Example:\n  eval \"$(wa completions bash)\"    for this shell; add it to ~/.bashrc for \
                      every shell"
    )]
    Completions {
        /// The shell that the script is for.
        shell: clap_complete::Shell,
    },
    /// Print a reference page of the docs site as Markdown.
    #[command(hide = true)]
    Reference {
        /// The page.
        page: ReferencePage,
    },
}

impl Command {
    /// Returns true if the command serves until it is stopped. Its output must then never block.
    pub(crate) fn serves(&self) -> bool {
        match self {
            Self::Gateway(args) => !args.check,
            Self::Fleet(FleetCommand::Watch(args)) => !args.once,
            Self::Emulator(_) => true,
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ReferencePage {
    ErrorCodes,
    Cli,
    Environment,
    GatewayConfiguration,
    GatewayMetrics,
    EmulatorControl,
}

/// Returns the error, or another one if its text repeats a key that was given instead of a file name.
pub(crate) fn without_a_key(error: clap::Error) -> clap::Error {
    if !error.to_string().contains("-----BEGIN") {
        return error;
    }
    let words = "expected a file name, but got the text of a key: pass the name of the key file, or `-` \
                 and the key on standard input";
    Cli::command().error(clap::error::ErrorKind::UnknownArgument, words)
}

macro_rules! exit_codes {
    () => {
        "\
Exit codes:
  0    success
  1    failure; the error names the cause
  2    usage error: an invalid option, argument or setting
  3    check failed: invalid key, another key, MISMATCH, not registered, endpoint not conformant
  130  interrupted by Ctrl-C; the results so far are printed"
    };
}

pub(crate) const EXIT_CODES: &str = exit_codes!();

const EXAMPLES: &str = concat!(
    "\
Examples:
  wa demo                                       a complete run against the emulator
  wa keys generate                              create private.pem (encrypted) and public.pem
  wa encryption set private.pem                 register its public key and verify the registration
  wa encryption verify public.pem               check that this key is registered and VALID

",
    exit_codes!()
);
