//! `wa keys …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Generate a 2048-bit RSA key pair: a protected private key file and its public key.
    Generate(GenerateArgs),
    /// Say what a key file is: form, size, protection, fingerprint, and what to do about it.
    Inspect(InspectArgs),
    /// Print the public key (SPKI PEM) of a private key, public key or certificate.
    Public(PublicArgs),
    /// Write a private key of any form as PKCS#8 PEM, protected unless asked otherwise.
    Convert(ConvertArgs),
}

/// Where a private key's passphrase comes from. Never the command line: others can read that.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// Read the key's passphrase from this file (its first line; `-` is standard input).
    ///
    /// Without it WA_KEY_PASSPHRASE is used, and on a terminal you are asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// The key is encrypted with an empty passphrase.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) empty_passphrase: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys generate                                     asks for a passphrase
  wa keys generate --passphrase-file secret.txt        for scripts
  wa keys generate --out-dir keys/106540352242922      keys for one number")]
pub(crate) struct GenerateArgs {
    /// Folder for both files; it must exist.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out_dir: PathBuf,

    /// File name of the private key (encrypted PKCS#8 PEM, mode 0600).
    #[arg(long, value_name = "NAME", default_value = "private.pem")]
    pub(crate) private: PathBuf,

    /// File name of the public key (SPKI PEM).
    #[arg(long, value_name = "NAME", default_value = "public.pem")]
    pub(crate) public: PathBuf,

    /// Read the key's passphrase from this file (its first line; `-` is standard input).
    ///
    /// Without it WA_KEY_PASSPHRASE is used, and on a terminal you are asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// Write the private key unprotected (plain PKCS#8).
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) no_passphrase: bool,

    /// Replace files that are already there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Ends with 3 when a file does not hold one key that WhatsApp takes, with 1 when nothing can be told of it.")]
pub(crate) struct InspectArgs {
    /// Files to look into (`-` is standard input).
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Look into encrypted keys with the passphrase in this file (its first line; `-` is standard input).
    ///
    /// Without it WA_KEY_PASSPHRASE is used; you are never asked.
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

    /// Replace the file of `--out` if it is already there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa keys convert legacy.pem --out private.pem                    asks for both passphrases
  wa keys convert store.p12 --out private.pem                     the key of a PKCS#12 container
  wa keys convert legacy.pem --out private.pem --no-passphrase    unprotected PKCS#8")]
pub(crate) struct ConvertArgs {
    /// Private key of any form: PEM, DER, PKCS#12, JSON Web Key (`-` is standard input).
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The new file (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Read the new passphrase from this file (its first line). Default: WA_NEW_KEY_PASSPHRASE, then what
    /// --passphrase-file or WA_KEY_PASSPHRASE gives, then a prompt.
    #[arg(long, value_name = "FILE")]
    pub(crate) new_passphrase_file: Option<PathBuf>,

    /// Write the new file unprotected (plain PKCS#8).
    #[arg(long, conflicts_with = "new_passphrase_file")]
    pub(crate) no_passphrase: bool,

    /// Replace the file of `--out` if it is already there.
    #[arg(long)]
    pub(crate) force: bool,
}
