//! `wa flow …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::keys::PassphraseArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum FlowCommand {
    /// Send one request to a Flow endpoint, as WhatsApp does, and print the decrypted answer.
    Send(SendArgs),
    /// Check that a Flow endpoint, in any language, does what WhatsApp demands of it.
    Check(CheckArgs),
    /// Decrypt the captured body of a request with a private key.
    Decrypt(DecryptArgs),
}

/// Which endpoint, and what WhatsApp knows of it.
#[derive(Debug, Args)]
pub(crate) struct EndpointArgs {
    /// Where the endpoint is.
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The business's public key, its certificate, or its private key; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Read the app secret that requests are signed with from this file. [env: WA_APP_SECRET holds the secret itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) app_secret_file: Option<PathBuf>,

    /// Send requests of data API 4.0 with flow_token_signature.
    #[arg(long)]
    pub(crate) sign_flow_token: bool,

    /// Give a request up after this many seconds; WhatsApp waits ten.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) timeout: u64,

    /// Trust the root certificates (PEM) in this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_certificate: Option<PathBuf>,
}

/// What a request asks for, as it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ActionName {
    #[value(name = "ping")]
    Ping,
    #[value(name = "INIT")]
    Init,
    #[value(name = "data_exchange")]
    DataExchange,
    #[value(name = "BACK")]
    Back,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa flow send https://example.com/flow --public-key public.pem
  wa flow send http://127.0.0.1:8080/flow --public-key public.pem --action INIT --flow-token token-1
  wa flow send $URL --public-key public.pem --action data_exchange --screen DATES --data '{\"date\":\"2027-01-04\"}'
  wa flow send $URL --public-key public.pem --error payload-schema-error

The decrypted answer goes to standard output. Without an app secret the request is not signed.
Ends with 3 when the endpoint refuses, or its answer cannot be read.")]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,

    /// What to ask for. [default: ping, or what --error and --screen imply]
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<ActionName>,

    /// The screen that the user is on.
    #[arg(long, value_name = "NAME")]
    pub(crate) screen: Option<String>,

    /// What the user entered, a JSON object; `@FILE` reads it from a file, `@-` from standard input.
    #[arg(long, value_name = "JSON", conflicts_with = "error")]
    pub(crate) data: Option<String>,

    /// The Flow's token. [default: wa-flow-send]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) flow_token: Option<String>,

    /// Notify the endpoint of this error, for example invalid-screen-transition.
    #[arg(long, value_name = "KEY")]
    pub(crate) error: Option<String>,

    /// The text of that error.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "error",
        default_value = "sent by wa flow send"
    )]
    pub(crate) error_message: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa flow check https://example.com/flow --public-key public.pem --app-secret-file secret.txt
  wa flow check http://127.0.0.1:8080/flow --public-key public.pem --json > report.json
  wa flow check $URL --public-key public.pem --screen DATES --data '{\"date\":\"2027-01-04\"}'

About fifty requests are sent: pings, INITs, a BACK, error notifications, and requests that have to
be refused. The report begins with what failed; -v also names the rules that were not run.
Exits with status 0 when no rule is broken, with 3 when one is, with 1 when nothing answers.")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,

    /// Also send a data_exchange from this screen.
    #[arg(long, value_name = "NAME")]
    pub(crate) screen: Option<String>,

    /// The data of that data_exchange, a JSON object; `@FILE` reads it from a file, `@-` from standard input.
    #[arg(long, value_name = "JSON", requires = "screen")]
    pub(crate) data: Option<String>,

    /// Send no INIT: a Flow whose first screen is static never gets one.
    #[arg(long)]
    pub(crate) no_init: bool,

    /// Send no BACK: only a screen with refresh_on_back sends one.
    #[arg(long)]
    pub(crate) no_back: bool,

    /// The Flow token of requests. [default: conformance-check]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) flow_token: Option<String>,

    /// How many pings the latency is taken from.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) pings: u16,

    /// Begin nothing more after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) total_time: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa flow decrypt --key private.pem body.json
  pbpaste | wa flow decrypt --key private.pem --key old.pem")]
pub(crate) struct DecryptArgs {
    /// The captured body: JSON with encrypted_flow_data, encrypted_aes_key and initial_vector.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) body: PathBuf,

    /// Private key of any form; repeat it to try several.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}
