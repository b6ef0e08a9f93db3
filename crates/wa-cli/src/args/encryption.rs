//! `wa encryption …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use wa_cloud::secrets::variables::PHONE_NUMBER_ID;

use super::graph::ConnectionArgs;
use super::keys::PassphraseArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum EncryptionCommand {
    /// Register a public key for one or more phone numbers, read it back and verify it.
    Set(SetArgs),
    /// Print the registered key and its signature status.
    Get(GetArgs),
    /// Check that this key is registered and that its signature status is VALID.
    Verify(VerifyArgs),
}

/// Phone numbers, and the connection to the Graph API.
#[derive(Debug, Args)]
#[command(next_help_heading = "Graph API")]
pub(crate) struct GraphArgs {
    #[arg(long, value_name = "ID", value_delimiter = ',', help = format!(
        "Phone number id (not the phone number); for several ids, repeat the option or separate them with \
         commas. [env: {PHONE_NUMBER_ID}]"
    ))]
    pub(crate) phone_number_id: Vec<String>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    /// Number of phone numbers to process at the same time.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 4,
        value_parser = clap::value_parser!(u8).range(1..=32)
    )]
    pub(crate) concurrency: u8,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa encryption set private.pem                                 for the number in WA_PHONE_NUMBER_ID
  wa encryption set public.pem --phone-number-id 1065,1066      one key for several numbers
  wa encryption set public.pem --skip-valid                     only for numbers without this key
  wa encryption set certificate.pem --no-verify                 upload only

If another key is registered, you are asked to confirm its replacement; --yes skips the question.
With several numbers, the first is completed before the others start, and they start only if it
succeeds. Results are printed as they arrive. After Ctrl-C, calls in flight may take 5 more
seconds. A rate limit or a rejected access token stops the run; to continue later, run the same
command with --skip-valid.")]
pub(crate) struct SetArgs {
    /// Public key, X.509 certificate, or private key (only its public key is uploaded); `-` is standard
    /// input.
    #[arg(value_name = "KEY")]
    pub(crate) key: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Upload the key without reading it back and verifying it.
    #[arg(long)]
    pub(crate) no_verify: bool,

    /// Skip numbers for which this key is already registered with the status VALID.
    #[arg(long)]
    pub(crate) skip_valid: bool,

    /// Replace another registered key without a confirmation prompt.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Before the upload, check that this Flow endpoint serves the key: it must respond to a ping that is
    /// encrypted with the key and signed with the app secret.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,

    #[command(flatten)]
    pub(crate) graph: GraphArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa encryption get
  wa encryption get --pem > registered.pem

Exits with status 0 if the registration could be read, whether or not a key is registered; to check
a key, use `wa encryption verify`. With --json, `registered` is true if there is a key, and `usable`
is true if its status is VALID.")]
pub(crate) struct GetArgs {
    /// Print only the registered key of one phone number, as PEM.
    #[arg(long)]
    pub(crate) pem: bool,

    #[command(flatten)]
    pub(crate) graph: GraphArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa encryption verify public.pem && echo VALID
  wa encryption verify private.pem --json")]
pub(crate) struct VerifyArgs {
    /// Public key, X.509 certificate, or private key (its public key is compared); `-` is standard input.
    #[arg(value_name = "KEY")]
    pub(crate) key: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    #[command(flatten)]
    pub(crate) graph: GraphArgs,
}
