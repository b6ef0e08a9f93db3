//! `wa emulator`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa emulator                                        use any free port, and print the URL
  wa emulator --listen 127.0.0.1:9009 --write-env .env
  wa emulator --accounts 12 --numbers 300            a fleet to practise on
  wa --env-file .env encryption set public.pem       use the emulator from another terminal")]
pub(crate) struct EmulatorArgs {
    /// Address and port to listen on; port 0 selects any free port.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// Ids of phone numbers to create in addition to the default one.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) phone_number_id: Vec<String>,

    /// Number of accounts to create in addition to the default one, up to 10,000.
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=10_000))]
    pub(crate) accounts: u16,

    /// Number of registered phone numbers to create in them, spread evenly, up to 100,000. Without
    /// `--accounts` they are created in one account.
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100_000))]
    pub(crate) numbers: u32,

    /// Write the settings of this emulator to a new file for `--env-file`. An existing file is never
    /// overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) write_env: Option<PathBuf>,
}
