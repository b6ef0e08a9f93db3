//! Address and credentials of the Graph API.

use std::path::PathBuf;

use clap::Args;
use wa_cloud::secrets::variables::{ACCESS_TOKEN, API_VERSION, APP_SECRET, GRAPH_URL};

/// Address and credentials of the Graph API.
// The environment is read in `settings`: `clap` takes an empty variable for a value, and knows no
// `--env-file`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Graph API")]
pub(crate) struct ConnectionArgs {
    #[arg(long, value_name = "FILE", help = format!(
        "Read the access token from this file (`-` is standard input). [env: {ACCESS_TOKEN} contains the token itself]"
    ))]
    pub(crate) access_token_file: Option<PathBuf>,

    #[arg(long, value_name = "FILE", help = format!(
        "Read the app secret from this file, and send an `appsecret_proof` with every call. [env: {APP_SECRET} \
         contains the secret itself]"
    ))]
    pub(crate) app_secret_file: Option<PathBuf>,

    #[arg(long, value_name = "URL", help = format!(
        "Base URL of the Graph API. [env: {GRAPH_URL}] [default: https://graph.facebook.com]"
    ))]
    pub(crate) graph_url: Option<String>,

    #[arg(long, value_name = "VERSION", help = format!(
        "Version of the Graph API. [env: {API_VERSION}] [default: v25.0]"
    ))]
    pub(crate) api_version: Option<String>,

    /// Time limit of each call in seconds, including its retries. Registering a key and reading it back takes
    /// a few calls.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub(crate) timeout: u64,

    /// Also trust the root certificates (PEM) in this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_certificate: Option<PathBuf>,

    /// Allow the access token to be sent over plain http to any host. Loopback addresses do not need this
    /// option.
    #[arg(long)]
    pub(crate) danger_allow_plain_http: bool,
}
