//! `wa media …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum MediaCommand {
    /// Check and decrypt files that a user picked in a Flow.
    Decrypt(MediaDecryptArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa media decrypt description.json --file downloaded.bin --out photo.jpg
  wa flow decrypt body.json --key private.pem | wa media decrypt --download --out photo.jpg
  wa media decrypt request.json --file first.bin --file second.bin --out photo.jpg

The input is one object of PhotoPicker or DocumentPicker (cdn_url, encryption_metadata and so on),
a list of them, or a whole decrypted request. Several files are numbered: photo-1.jpg, photo-2.jpg.
Which description a --file belongs to is found by its SHA-256; only --download needs cdn_url.")]
pub(crate) struct MediaDecryptArgs {
    /// What describes the files, JSON.
    #[arg(value_name = "DESCRIPTION", default_value = "-")]
    pub(crate) description: PathBuf,

    /// The encrypted file as it was downloaded from cdn_url; repeat it for several.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "download",
        conflicts_with = "download"
    )]
    pub(crate) file: Vec<PathBuf>,

    /// Download every file that is described from its cdn_url; only https and only from whatsapp.net.
    #[arg(long)]
    pub(crate) download: bool,

    /// Where the decrypted file goes (mode 0600, never over an existing one); it appears when every check has passed.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
