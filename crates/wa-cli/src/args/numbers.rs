//! `wa numbers …`.

use clap::{Args, Subcommand};

use super::graph::ConnectionArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum NumbersCommand {
    /// List the phone numbers of WhatsApp Business Accounts.
    List(ListArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa numbers list --account 102290129340398
  wa numbers list --business 200000000000001 --status CONNECTED
  wa numbers list --account 102290129340398 --csv > numbers.csv

The token needs the permission whatsapp_business_management, and business_management for --business.
The CSV file can be the inventory of `wa fleet`.")]
pub(crate) struct ListArgs {
    /// Id of a WhatsApp Business Account; for several, repeat the option or separate them with commas.
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        required_unless_present = "business"
    )]
    pub(crate) account: Vec<String>,

    /// Id of a business: all accounts that it owns or that clients share with it.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) business: Vec<String>,

    /// Only numbers with this status, for example CONNECTED.
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,

    /// Only numbers on this platform, for example CLOUD_API.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,

    /// Print CSV.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}
