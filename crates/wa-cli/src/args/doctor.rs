//! `wa doctor`.

use std::path::PathBuf;

use clap::Args;

use super::graph::ConnectionArgs;
use super::keys::PassphraseArgs;
use super::store::StoreArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa doctor --phone-number-id 106540352242922
  wa doctor --key private.pem --endpoint https://example.com/flow --app-secret-file app-secret.txt
  wa doctor --store keys --flow-id 1234567890 --json

Only reads: nothing is registered or stored, and the endpoint gets pings only. Without --endpoint, the
endpoint of the key set or of the Flow is examined. Exits with status 0 if nothing is broken, and with
3 if something is; warnings do not change the status.")]
pub(crate) struct DoctorArgs {
    /// Phone number id (not the phone number). [env: WA_PHONE_NUMBER_ID]
    #[arg(long, value_name = "ID")]
    pub(crate) phone_number_id: Option<String>,

    /// URL of the Flow endpoint.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,

    /// Id of a Flow that uses the endpoint.
    #[arg(long, value_name = "ID")]
    pub(crate) flow_id: Option<String>,

    /// Key that the endpoint is to have: a private key, public key or certificate.
    #[arg(long, value_name = "FILE", conflicts_with = "store")]
    pub(crate) key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}
