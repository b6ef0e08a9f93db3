//! `wa emulator`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa emulator                                   any free port; the first line says `ready http://127.0.0.1:PORT`
  wa emulator --listen 127.0.0.1:9009 --write-env .env
  wa --env-file .env encryption set public.pem       in another terminal, with that .env")]
pub(crate) struct EmulatorArgs {
    /// Address and port to listen on; port 0 takes any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// Phone numbers to begin with, besides the default one.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) phone_number_id: Vec<String>,

    /// Write the settings that reach this emulator to a file that `--env-file` reads (never over an existing one).
    #[arg(long, value_name = "FILE")]
    pub(crate) write_env: Option<PathBuf>,
}
