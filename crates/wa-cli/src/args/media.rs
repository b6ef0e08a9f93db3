//! `wa media …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum MediaCommand {
    /// Check and decrypt a file that a user picked in a Flow.
    Decrypt(MediaDecryptArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa media decrypt description.json --file downloaded.bin --out photo.jpg
  jq '.data.photos[0]' request.json | wa media decrypt --download --out photo.jpg

The description is one object of PhotoPicker or DocumentPicker: cdn_url, encryption_metadata and so on.")]
pub(crate) struct MediaDecryptArgs {
    /// The description of the file, JSON.
    #[arg(value_name = "DESCRIPTION", default_value = "-")]
    pub(crate) description: PathBuf,

    /// The encrypted file as it was downloaded from cdn_url.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "download",
        conflicts_with = "download"
    )]
    pub(crate) file: Option<PathBuf>,

    /// Download it from cdn_url; only https and only from whatsapp.net.
    #[arg(long)]
    pub(crate) download: bool,

    /// Where the decrypted file goes (mode 0600, never over an existing one); it appears when every check has passed.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
