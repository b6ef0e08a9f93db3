//! `wa media decrypt`.

use std::path::{Path, PathBuf};

use serde_json::json;
use wa_cloud::flows::{DownloadError, EncryptedMedia, FileSink, MediaDownloader, MediaSink};

use super::Context;
use crate::args::{MediaCommand, MediaDecryptArgs};
use crate::failure::{Exit, Failure, Usage};
use crate::input;

/// A description has a few hundred bytes, and a URL.
const MAX_DESCRIPTION: usize = 64 * 1024;
/// Four times what WhatsApp takes in a Flow, and the padding and MAC.
const MAX_FILE: usize = 100 * 1024 * 1024;

/// The description is none. Its text may hold keys, so that nothing of it is quoted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotADescription(String);

/// The file to write is there.
#[derive(Debug, thiserror::Error)]
#[error("{} exists already", .0.display())]
struct InTheWay(PathBuf);

pub(crate) async fn run(context: &mut Context, command: &MediaCommand) -> Result<Exit, Failure> {
    let MediaCommand::Decrypt(args) = command;
    if args.file.as_deref() == Some(Path::new("-")) && args.description == Path::new("-") {
        return Err(Usage::StandardInputTwice.into());
    }
    let media = description(&args.description)?;
    let sink = FileSink::create(&args.out).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            let hint = "remove it first, or name another file";
            return Failure::failed(InTheWay(args.out.clone())).with_hint(Some(hint));
        }
        Failure::failed(error)
    })?;
    save(&media, args, sink).await?;
    let bytes = std::fs::metadata(&args.out)?.len();
    let human = format!(
        "decrypted    {} ({bytes} bytes, every check passed)\n",
        args.out.display()
    );
    let machine = json!({ "file": args.out, "bytes": bytes, "media_id": media.media_id() });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Good)
}

async fn save(media: &EncryptedMedia, args: &MediaDecryptArgs, mut sink: FileSink) -> Result<(), Failure> {
    let Some(file) = &args.file else {
        let downloader = MediaDownloader::builder().build().map_err(Failure::failed)?;
        downloader
            .download_to(media, sink)
            .await
            .map_err(download_failed)?;
        return Ok(());
    };
    let encrypted = input::bytes(file, MAX_FILE)?;
    let plaintext = media.decrypt(&encrypted).map_err(Failure::failed)?;
    sink.write(&plaintext).await?;
    sink.commit().await?;
    Ok(())
}

fn description(path: &Path) -> Result<EncryptedMedia, Failure> {
    let bytes = input::bytes(path, MAX_DESCRIPTION)?;
    let hint = "give one object of the picker's list, with cdn_url and encryption_metadata";
    serde_json::from_slice(&bytes).map_err(|error| {
        let error = NotADescription(format!(
            "{} is no media description (line {}, column {})",
            path.display(),
            error.line(),
            error.column()
        ));
        Failure::failed(error).with_hint(Some(hint))
    })
}

fn download_failed(error: DownloadError) -> Failure {
    let hint = match error {
        DownloadError::UrlRefused => {
            Some("download it yourself if you trust the place, and give it with --file FILE")
        }
        _ => None,
    };
    Failure::failed(error).with_hint(hint)
}
