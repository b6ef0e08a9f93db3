//! `wa media …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum MediaCommand {
    /// Verify and decrypt files that a user uploaded in a Flow.
    Decrypt(MediaDecryptArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa media decrypt description.json --file downloaded.bin --out photo.jpg
  wa flow decrypt body.json --key private.pem | wa media decrypt --download --out photo.jpg
  wa media decrypt request.json --file first.bin --file second.bin --out photo.jpg

DESCRIPTION is one object from PhotoPicker or DocumentPicker (cdn_url, encryption_metadata and so
on), a list of them, or a complete decrypted request. Several output files are numbered:
photo-1.jpg, photo-2.jpg. Each --file is matched to its description by SHA-256; only --download
needs cdn_url.")]
pub(crate) struct MediaDecryptArgs {
    /// JSON file that describes the media (`-` is standard input).
    #[arg(value_name = "DESCRIPTION", default_value = "-")]
    pub(crate) description: PathBuf,

    /// Encrypted file, as downloaded from cdn_url; repeat the option for several files.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "download",
        conflicts_with = "download"
    )]
    pub(crate) file: Vec<PathBuf>,

    /// Download each file from its cdn_url; only https URLs of whatsapp.net are allowed.
    #[arg(long)]
    pub(crate) download: bool,

    /// Decrypted file to write (mode 0600). It is written only after all checks pass, and never overwrites a
    /// file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
