//! `wa flow …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wa_cloud::secrets::variables::APP_SECRET;

use super::keys::PassphraseArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum FlowCommand {
    /// Send one encrypted request to a Flow endpoint, as WhatsApp does, and print the decrypted response.
    Send(SendArgs),
    /// Check that a Flow endpoint, in any language, does what WhatsApp requires.
    Check(CheckArgs),
    /// Decrypt a captured request body with a private key.
    Decrypt(DecryptArgs),
}

/// The endpoint, and what WhatsApp knows about it.
#[derive(Debug, Args)]
pub(crate) struct EndpointArgs {
    /// URL of the endpoint.
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Public key of the business, or its certificate or private key; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    #[arg(long, value_name = "FILE", help = format!(
        "Read the app secret, which signs requests, from this file. [env: {APP_SECRET} contains the secret itself]"
    ))]
    pub(crate) app_secret_file: Option<PathBuf>,

    /// Send requests of data API version 4.0, with flow_token_signature.
    #[arg(long)]
    pub(crate) sign_flow_token: bool,

    /// Time limit of each request in seconds; WhatsApp waits 10 seconds.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    pub(crate) timeout: u64,

    /// Also trust the root certificates (PEM) in this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_certificate: Option<PathBuf>,
}

/// The action of a request, as on the wire.
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
  wa flow send $URL --public-key public.pem --action data_exchange --screen DATES --data @dates.json
  wa flow send $URL --public-key public.pem --error payload-schema-error

Prints the decrypted response to standard output. Without an app secret, the request is not signed.
Exits with status 3 if the endpoint refuses the request or its response cannot be decrypted.")]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,

    /// Action of the request. [default: data_exchange with --screen or --error, otherwise ping]
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<ActionName>,

    /// Screen that the request comes from.
    #[arg(long, value_name = "NAME")]
    pub(crate) screen: Option<String>,

    /// Data that the user entered, as a JSON object; `@FILE` reads it from a file, `@-` from standard input.
    #[arg(long, value_name = "JSON", conflicts_with = "error")]
    pub(crate) data: Option<String>,

    /// Flow token of the request. [default: wa-flow-send]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) flow_token: Option<String>,

    /// Send an error notification with this error key, for example invalid-screen-transition.
    #[arg(long, value_name = "KEY")]
    pub(crate) error: Option<String>,

    /// Message of the error notification.
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

Sends about 50 requests: pings, INITs, a BACK, error notifications, and requests that the endpoint
must refuse. The report lists failures first; -v also lists the rules that were not run.
Exits with status 0 if no rule is broken, 3 if one is, and 1 if the endpoint cannot be reached.")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,

    /// Also send a data_exchange from this screen.
    #[arg(long, value_name = "NAME")]
    pub(crate) screen: Option<String>,

    /// Data of the data_exchange, as a JSON object; `@FILE` reads it from a file, `@-` from standard input.
    #[arg(long, value_name = "JSON", requires = "screen")]
    pub(crate) data: Option<String>,

    /// Send no INIT; use it for a Flow whose first screen is static.
    #[arg(long)]
    pub(crate) no_init: bool,

    /// Send no BACK; use it for a Flow in which no screen has refresh_on_back.
    #[arg(long)]
    pub(crate) no_back: bool,

    /// Flow token of the requests. [default: conformance-check]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) flow_token: Option<String>,

    /// Number of pings for the latency measurement.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(1..=10_000)
    )]
    pub(crate) pings: u16,

    /// Start no more requests after this many seconds.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 120,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub(crate) total_time: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa flow decrypt --key private.pem body.json
  pbpaste | wa flow decrypt --key private.pem --key old.pem")]
pub(crate) struct DecryptArgs {
    /// The captured request body: JSON with encrypted_flow_data, encrypted_aes_key and initial_vector.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) body: PathBuf,

    /// Private key in any supported format; repeat the option to try several keys.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}
