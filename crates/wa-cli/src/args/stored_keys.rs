//! `wa keys import`, `export` and `status`.

use std::path::PathBuf;

use clap::Args;

use super::store::{KeySetArgs, NewKeyArgs, StoreArgs};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys import private.pem --store keys               into the only set of the store, or a new store
  wa keys import private.pem --store s3://bucket/flows --set bookings

The key becomes `enabled`: endpoints serve it, and a rotation does not take it for a new key. A key
that the set has already is not changed.")]
pub(crate) struct ImportArgs {
    /// Private key in any supported format: PEM, DER, PKCS#12, JSON Web Key (`-` is standard input).
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) set: KeySetArgs,

    #[command(flatten)]
    pub(crate) new_key: NewKeyArgs,

    /// Read the passphrase of FILE from the first line of this file.
    ///
    /// By default, the passphrase of the key store is tried; then you are prompted on a terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_passphrase_file: Option<PathBuf>,

    /// FILE is encrypted with an empty passphrase.
    #[arg(long, conflicts_with = "key_passphrase_file")]
    pub(crate) empty_passphrase: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys export 75452884cb8829e2 --public           print the public key
  wa keys export 75452884cb8829e2 --out private.pem  the private key, encrypted as it is stored")]
pub(crate) struct ExportArgs {
    /// Fingerprint of the key, or its first digits.
    #[arg(value_name = "FINGERPRINT")]
    pub(crate) fingerprint: String,

    #[command(flatten)]
    pub(crate) set: KeySetArgs,

    /// Write the private key to this file (mode 0600), in the form in which it is stored. An existing file is
    /// never overwritten.
    #[arg(long, value_name = "FILE", required_unless_present = "public")]
    pub(crate) out: Option<PathBuf>,

    /// Print the public key (SPKI PEM) instead.
    #[arg(long, conflicts_with = "out")]
    pub(crate) public: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exits with status 3 if a log has a fault, or is older than what an instance has read.")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    /// Show this key set only; by default all.
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,
}
