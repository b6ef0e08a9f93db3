//! `wa keys …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::rotation::{DisableArgs, EnableArgs, RollbackArgs, RotateArgs};
use super::stored_keys::{ExportArgs, ImportArgs, StatusArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Generate a 2048-bit RSA key pair: an encrypted private key file and a public key file.
    Generate(GenerateArgs),
    /// Print the format, size, encryption and fingerprint of key files, and the remedy for each problem.
    Inspect(InspectArgs),
    /// Print the public key (SPKI PEM) of a private key, public key or certificate.
    Public(PublicArgs),
    /// Convert a private key of any supported format to PKCS#8 PEM, encrypted by default.
    Convert(ConvertArgs),
    /// Add an existing private key to a key store.
    Import(ImportArgs),
    /// Copy a key out of a key store: the private key into a file, or the public key.
    Export(ExportArgs),
    /// Show the keys of a key store, their states, and which instances serve them.
    Status(StatusArgs),
    /// Replace the primary key of a key set by a new one, without an outage.
    Rotate(Box<RotateArgs>),
    /// Return to an earlier key of a key set, without an outage.
    Rollback(Box<RollbackArgs>),
    /// Stop serving a key that is no longer used.
    Disable(DisableArgs),
    /// Serve a disabled key again.
    Enable(EnableArgs),
}

/// Source of a private key's passphrase. It is never an argument, because other users can read the command
/// line.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// Read the key's passphrase from the first line of this file (`-` is standard input).
    ///
    /// By default, WA_KEY_PASSPHRASE is used; if it is not set, you are prompted on a terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// The key is encrypted with an empty passphrase.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) empty_passphrase: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys generate                                     prompts for a passphrase
  wa keys generate --passphrase-file secret.txt        for scripts
  wa keys generate --out-dir keys/106540352242922      into a directory for one number")]
pub(crate) struct GenerateArgs {
    /// Directory for both files; it must exist.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out_dir: PathBuf,

    /// File name of the private key (encrypted PKCS#8 PEM, mode 0600).
    #[arg(long, value_name = "NAME", default_value = "private.pem")]
    pub(crate) private: PathBuf,

    /// File name of the public key (SPKI PEM).
    #[arg(long, value_name = "NAME", default_value = "public.pem")]
    pub(crate) public: PathBuf,

    /// Read the key's passphrase from the first line of this file (`-` is standard input).
    ///
    /// By default, WA_KEY_PASSPHRASE is used; if it is not set, you are prompted on a terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// Write the private key unencrypted (plain PKCS#8).
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) no_passphrase: bool,

    /// Overwrite existing files.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exits with status 3 if a file does not contain exactly one key that WhatsApp accepts, and with 1 if
a file cannot be read as a key.")]
pub(crate) struct InspectArgs {
    /// Key files to inspect (`-` is standard input).
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Decrypt keys with the passphrase in the first line of this file (`-` is standard input).
    ///
    /// By default, WA_KEY_PASSPHRASE is used; you are never prompted.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// The keys are encrypted with an empty passphrase.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) empty_passphrase: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys public private.pem --out public.pem
  wa keys public certificate.pem --out public.pem")]
pub(crate) struct PublicArgs {
    /// Private key, public key or X.509 certificate, PEM or DER (`-` is standard input).
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Overwrite the file of `--out` if it exists.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys convert legacy.pem --out private.pem                    prompts for both passphrases
  wa keys convert store.p12 --out private.pem                     the key in a PKCS#12 file
  wa keys convert legacy.pem --out private.pem --no-passphrase    unencrypted PKCS#8")]
pub(crate) struct ConvertArgs {
    /// Private key in any supported format: PEM, DER, PKCS#12, JSON Web Key (`-` is standard input).
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// File to write (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Read the passphrase of the new file from the first line of this file (`-` is standard input).
    ///
    /// By default, WA_NEW_KEY_PASSPHRASE is used, then the passphrase from --passphrase-file or
    /// WA_KEY_PASSPHRASE, then a prompt.
    #[arg(long, value_name = "FILE")]
    pub(crate) new_passphrase_file: Option<PathBuf>,

    /// Write the new file unencrypted (plain PKCS#8).
    #[arg(long, conflicts_with = "new_passphrase_file")]
    pub(crate) no_passphrase: bool,

    /// Overwrite the file of `--out` if it exists.
    #[arg(long)]
    pub(crate) force: bool,
}
