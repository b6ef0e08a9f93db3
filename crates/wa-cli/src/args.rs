//! What can be written on the command line. Definitions only: meaning is given in `settings` and `commands`.

#![allow(
    clippy::doc_markdown,
    reason = "these texts are shown on a terminal, as they are"
)]

mod emulator;
mod encryption;
mod flow;
mod gateway;
mod keys;
mod media;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use emulator::EmulatorArgs;
pub(crate) use encryption::{EncryptionCommand, GetArgs, GraphArgs, SetArgs, VerifyArgs};
pub(crate) use flow::{ActionName, CheckArgs, DecryptArgs, EndpointArgs, FlowCommand, SendArgs};
pub(crate) use gateway::GatewayArgs;
pub(crate) use keys::{ConvertArgs, GenerateArgs, InspectArgs, KeysCommand, PassphraseArgs, PublicArgs};
pub(crate) use media::{MediaCommand, MediaDecryptArgs};

/// Keys and encryption of WhatsApp Flows: make RSA keys, register them with the Cloud API, know that they are good.
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

    /// Read settings from this file too, for example `.env`; the environment wins over it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,

    /// Refuse what is otherwise a warning: a file of a secret or a private key that others can read, an unusual app secret.
    #[arg(long, global = true)]
    pub(crate) strict: bool,

    /// Colour the output; `auto` also respects NO_COLOR and CLICOLOR_FORCE.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub(crate) color: ColorWhen,

    /// Say what is being done on standard error; twice for every detail. No secret is ever logged.
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
    /// Make RSA keys, look into them, and turn them into other forms.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Register a phone number's business public key, read it back and verify it.
    #[command(subcommand)]
    Encryption(EncryptionCommand),
    /// Try, check and look into the encrypted data channel of a Flow.
    #[command(subcommand)]
    Flow(FlowCommand),
    /// Decrypt files that users picked in a Flow.
    #[command(subcommand)]
    Media(MediaCommand),
    /// Serve a local stand-in for Meta's Graph API, for tests without an account.
    Emulator(EmulatorArgs),
    /// Serve encrypted Flows in front of a plain JSON backend in any language.
    Gateway(GatewayArgs),
    /// Show the whole life of a key against the emulator, in a second or two.
    Demo,
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example:\n  eval \"$(wa completions bash)\"    for this shell; in ~/.bashrc for every one"
    )]
    Completions {
        /// The shell that the script is for.
        shell: clap_complete::Shell,
    },
    /// Print a reference page of the docs site as Markdown.
    #[command(hide = true)]
    Reference {
        /// Which page.
        page: ReferencePage,
    },
}

impl Command {
    /// True if it serves until it is stopped: then no reader of its output may block it.
    pub(crate) fn serves(&self) -> bool {
        match self {
            Self::Gateway(args) => !args.check,
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
}

/// The same error, unless it repeats a key that was given where the name of its file is due.
pub(crate) fn without_a_key(error: clap::Error) -> clap::Error {
    if !error.to_string().contains("-----BEGIN") {
        return error;
    }
    let words = "the text of a key is given where the name of its file is due: give the name, or `-` and the key on \
                 standard input";
    Cli::command().error(clap::error::ErrorKind::UnknownArgument, words)
}

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done, and good
  1    failed; the error says what to do
  2    wrong usage: an option, an argument or a setting
  3    done, but what was verified is not good (another key, MISMATCH, none registered)
  130  interrupted by Ctrl-C; what was done is printed";

const EXAMPLES: &str = "\
Examples:
  wa demo                                       see it work, without an account
  wa keys generate                              private.pem (protected) and public.pem
  wa encryption set private.pem                 register its public half and verify
  wa encryption verify public.pem               is it this key, and VALID?

Exit codes:
  0    done, and good
  1    failed; the error says what to do
  2    wrong usage: an option, an argument or a setting
  3    done, but what was verified is not good (another key, MISMATCH, none registered)
  130  interrupted by Ctrl-C; what was done is printed";
