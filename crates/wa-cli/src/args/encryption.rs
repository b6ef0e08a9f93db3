//! `wa encryption …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::keys::PassphraseArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum EncryptionCommand {
    /// Register a public key for one or more phone numbers, read it back and verify it.
    Set(SetArgs),
    /// Show the registered key and its signature status.
    Get(GetArgs),
    /// Check that this key is registered and that its signature status is VALID.
    Verify(VerifyArgs),
}

/// How the Graph API is reached, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Graph API")]
pub(crate) struct GraphArgs {
    /// The phone number id (not the phone number); repeat it or separate by commas for several. [env: WA_PHONE_NUMBER_ID]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) phone_number_id: Vec<String>,

    /// Read the access token from this file (`-` is standard input). [env: WA_ACCESS_TOKEN holds the token itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) access_token_file: Option<PathBuf>,

    /// Read the app secret from this file, and prove it with every call. [env: WA_APP_SECRET holds the secret itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) app_secret_file: Option<PathBuf>,

    /// Where the Graph API is. [env: WA_GRAPH_URL] [default: graph.facebook.com over https]
    #[arg(long, value_name = "URL")]
    pub(crate) graph_url: Option<String>,

    /// Its version. [env: WA_API_VERSION] [default: v25.0]
    #[arg(long, value_name = "VERSION")]
    pub(crate) api_version: Option<String>,

    /// Give up each call, its retries included, after this many seconds; setting a key and reading it back takes a few calls.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,

    /// Work on this many phone numbers at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) concurrency: u8,

    /// Trust the root certificates (PEM) in this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_certificate: Option<PathBuf>,

    /// Send the access token over plain http to any host. Loopback addresses never need this.
    #[arg(long)]
    pub(crate) danger_allow_plain_http: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa encryption set private.pem                                 the number in WA_PHONE_NUMBER_ID
  wa encryption set public.pem --phone-number-id 1065,1066      one key, several numbers
  wa encryption set public.pem --skip-valid                     again, for the numbers without it
  wa encryption set certificate.pem --no-verify                 do not read it back

A registered key is replaced by another one only after a question, or with --yes. Of several
numbers, one is finished first; the others follow if it has the key. Results are printed as
they arrive. Ctrl-C finishes what is in flight, within 5 seconds. A reached limit or a refused
token ends the run; the same command with --skip-valid goes on later.")]
pub(crate) struct SetArgs {
    /// Public key, X.509 certificate, or private key (only its public half leaves this machine); `-` is standard input.
    #[arg(value_name = "KEY")]
    pub(crate) key: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Upload only; do not read the key back and verify it.
    #[arg(long)]
    pub(crate) no_verify: bool,

    /// Leave numbers alone that have this key already with the status VALID.
    #[arg(long)]
    pub(crate) skip_valid: bool,

    /// Replace another registered key without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// First prove that this Flow endpoint serves the key: it must answer a ping encrypted with it and signed with the app
    /// secret.
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

Exits with 0 when this could be read, whatever is registered: `wa encryption verify` checks a key. With --json,
`registered` says whether there is a key, `usable` whether it has the status VALID.")]
pub(crate) struct GetArgs {
    /// Print the registered key of one phone number as PEM and nothing else.
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
    /// Public key, X.509 certificate, or private key (its public half is compared); `-` is standard input.
    #[arg(value_name = "KEY")]
    pub(crate) key: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    #[command(flatten)]
    pub(crate) graph: GraphArgs,
}
