//! Address and credentials of the Graph API.

use std::path::PathBuf;

use clap::Args;

/// Address and credentials of the Graph API.
#[derive(Debug, Args)]
#[command(next_help_heading = "Graph API")]
pub(crate) struct ConnectionArgs {
    /// Read the access token from this file (`-` is standard input). [env: WA_ACCESS_TOKEN contains the token
    /// itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) access_token_file: Option<PathBuf>,

    /// Read the app secret from this file, and send an `appsecret_proof` with every call. [env: WA_APP_SECRET
    /// contains the secret itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) app_secret_file: Option<PathBuf>,

    /// Base URL of the Graph API. [env: WA_GRAPH_URL] [default: https://graph.facebook.com]
    #[arg(long, value_name = "URL")]
    pub(crate) graph_url: Option<String>,

    /// Version of the Graph API. [env: WA_API_VERSION] [default: v25.0]
    #[arg(long, value_name = "VERSION")]
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
