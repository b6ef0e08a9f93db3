//! Options of every command on a key store, and `wa store …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::rotation::GcArgs;

/// The key store of a command.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// Key store: a directory, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX.
    ///
    /// By default, WA_KEY_STORE is used.
    #[arg(long, value_name = "LOCATION")]
    pub(crate) store: Option<String>,
}

/// The key set of a command.
#[derive(Debug, Args)]
pub(crate) struct KeySetArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    /// Key set. By default the only set of the store; a new store gets the set `default`.
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,
}

/// The passphrase of the private keys in a key store. It is never an argument, because other users can read
/// the command line.
#[derive(Debug, Args)]
pub(crate) struct StorePassphraseArgs {
    /// Read the passphrase of the key store from the first line of this file (`-` is standard input).
    ///
    /// By default, WA_KEY_PASSPHRASE is used; if it is not set, you are prompted on a terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// Read the passphrase of the key store from the first line that this command prints, for example
    /// `vault kv get -field=passphrase secret/flows`.
    #[arg(long, value_name = "COMMAND", conflicts_with = "passphrase_file")]
    pub(crate) passphrase_command: Option<String>,
}

/// How new private keys are stored.
#[derive(Debug, Args)]
pub(crate) struct NewKeyArgs {
    #[command(flatten)]
    pub(crate) passphrase: StorePassphraseArgs,

    /// Store private keys unencrypted. Only a directory accepts them.
    #[arg(long, conflicts_with_all = ["passphrase_file", "passphrase_command"])]
    pub(crate) no_passphrase: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Check the logs, keys and records of a key store, and whether its storage is safe for one.
    Check(StoreCheckArgs),
    /// Copy a key store: make a backup, or restore one. Existing objects are never changed.
    Copy(StoreCopyArgs),
    /// Encrypt the private keys of a key store with a new passphrase.
    Reencrypt(ReencryptArgs),
    /// Delete private keys that nothing needs any more.
    Gc(GcArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The storage is checked with probe objects below `check/`, which are deleted afterwards: creates must
be conditional, and reads and listings must show every change.

Exits with status 3 if something is missing or damaged, or if the storage is not safe. With --strict,
warnings count as well.")]
pub(crate) struct StoreCheckArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    /// Only read: write no probe objects.
    #[arg(long)]
    pub(crate) read_only: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa store copy s3://bucket/flows /backup/flows      back up
  wa store copy /backup/flows s3://bucket/flows      restore what is missing

Private keys are copied in the form in which they are stored; a bucket accepts encrypted ones only.
Exits with status 3 if an object of TO differs.")]
pub(crate) struct StoreCopyArgs {
    /// Location of the key store to read.
    #[arg(value_name = "FROM")]
    pub(crate) from: String,

    /// Location of the key store to add to; it is created if it does not exist.
    #[arg(value_name = "TO")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wa store reencrypt --store keys --passphrase-file old.txt --new-passphrase-file new.txt

Give the endpoints both passphrases before, and the new one only after the earlier encryptions are
deleted. A command that was interrupted can be repeated.")]
pub(crate) struct ReencryptArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    /// Encrypt the keys of this key set only; by default all.
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,

    #[command(flatten)]
    pub(crate) passphrase: StorePassphraseArgs,

    /// Read the new passphrase from the first line of this file (`-` is standard input).
    ///
    /// By default, WA_NEW_KEY_PASSPHRASE is used; if it is not set, you are prompted on a terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) new_passphrase_file: Option<PathBuf>,

    /// Read the new passphrase from the first line that this command prints.
    #[arg(long, value_name = "COMMAND", conflicts_with = "new_passphrase_file")]
    pub(crate) new_passphrase_command: Option<String>,
}
