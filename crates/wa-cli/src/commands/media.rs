//! `wa media decrypt`.

mod descriptions;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wa_cloud::flows::{DownloadError, EncryptedMedia, FileSink, MediaDownloader, MediaError, MediaSink};

use self::descriptions::{Described, Descriptions};
use super::Context;
use crate::args::{MediaCommand, MediaDecryptArgs};
use crate::failure::{Exit, Failure, Usage};
use crate::input;

/// Four times the maximum size of a file in a Flow, which leaves room for padding and MAC.
const MAX_FILE: usize = 100 * 1024 * 1024;

/// An output file exists.
#[derive(Debug, thiserror::Error)]
#[error("{} already exists", .0.display())]
struct OutputExists(PathBuf);

/// An encrypted file matches none of several descriptions.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} matches none of the {count} descriptions: its SHA-256 is not among their encrypted_hash values",
    path.display()
)]
struct NotDescribed {
    path: PathBuf,
    count: usize,
}

/// One of several files could not be decrypted.
#[derive(Debug, thiserror::Error)]
#[error("{place} was not decrypted")]
struct OneOfSeveral {
    place: String,
    source: DownloadError,
}

pub(crate) async fn run(context: &mut Context, command: &MediaCommand) -> Result<Exit, Failure> {
    let MediaCommand::Decrypt(args) = command;
    let inputs = args.file.iter().chain([&args.description]);
    if inputs.filter(|path| path.as_path() == Path::new("-")).count() > 1 {
        return Err(Usage::StandardInputTwice.into());
    }
    let descriptions = descriptions::read(&args.description)?;
    let mut saved = Vec::new();
    let result = save(&descriptions, args, &mut saved).await;
    if result.is_ok() || !saved.is_empty() {
        report(context, descriptions.is_lone, &saved)?;
    }
    result.map(|()| Exit::Success)
}

/// A file that was written, and its description.
struct Saved<'a> {
    path: PathBuf,
    bytes: u64,
    media: &'a EncryptedMedia,
}

fn report(context: &mut Context, is_lone: bool, saved: &[Saved<'_>]) -> Result<(), Failure> {
    let mut human = String::new();
    for Saved { path, bytes, .. } in saved {
        let _ = writeln!(
            human,
            "decrypted    {} ({bytes} bytes, all checks passed)",
            path.display()
        );
    }
    let files: Vec<_> = saved
        .iter()
        .map(|Saved { path, bytes, media }| {
            json!({
                "file": path,
                "bytes": bytes,
                "media_id": media.media_id(),
                "file_name": media.file_name(),
            })
        })
        .collect();
    let machine = match <[Value; 1]>::try_from(files) {
        Ok([file]) if is_lone => file,
        Ok(file) => json!({ "files": file }),
        Err(files) => json!({ "files": files }),
    };
    context.terminal.result(&human, &machine)?;
    Ok(())
}

/// Writes all files. `saved` receives those that were completed before the first failure.
async fn save<'a>(
    descriptions: &'a Descriptions,
    args: &MediaDecryptArgs,
    saved: &mut Vec<Saved<'a>>,
) -> Result<(), Failure> {
    let all = &descriptions.all;
    let count = if args.download { all.len() } else { args.file.len() };
    // All output files are reserved before any download, so that an existing file fails the command early.
    let mut sinks = Vec::new();
    for number in 1..=count {
        sinks.push(sink(&output_path(&args.out, number, count)).await?);
    }
    if args.download {
        let downloader = MediaDownloader::builder().build().map_err(Failure::failed)?;
        for (described, sink) in all.iter().zip(sinks) {
            let path = downloader.download_to(&described.media, sink).await;
            let path = path.map_err(|error| download_failed(error, described, all.len()))?;
            saved.push(written(path, &described.media)?);
        }
        return Ok(());
    }
    for (file, sink) in args.file.iter().zip(sinks) {
        let encrypted = input::bytes(file, MAX_FILE)?;
        let (media, plaintext) = decrypted(all, file, &encrypted)?;
        saved.push(written(write(sink, &plaintext).await?, media)?);
    }
    Ok(())
}

/// Decrypts a file with the description whose SHA-256 matches.
fn decrypted<'a>(
    all: &'a [Described],
    file: &Path,
    encrypted: &[u8],
) -> Result<(&'a EncryptedMedia, Vec<u8>), Failure> {
    for Described { media, .. } in all {
        match media.decrypt(encrypted) {
            Err(MediaError::EncryptedHash) if all.len() > 1 => {}
            result => {
                let plaintext = result.map_err(|error| {
                    let hint = error.remedy();
                    Failure::failed(error).with_hint(hint)
                })?;
                return Ok((media, plaintext));
            }
        }
    }
    Err(Failure::failed(NotDescribed {
        path: file.to_owned(),
        count: all.len(),
    }))
}

async fn sink(path: &Path) -> Result<FileSink, Failure> {
    FileSink::create(path).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            let hint = "pass another file name with --out FILE";
            return Failure::failed(OutputExists(path.to_owned())).with_hint(Some(hint));
        }
        Failure::failed(error)
    })
}

async fn write(mut sink: FileSink, plaintext: &[u8]) -> std::io::Result<PathBuf> {
    sink.write(plaintext).await?;
    sink.commit().await
}

fn written(path: PathBuf, media: &EncryptedMedia) -> std::io::Result<Saved<'_>> {
    let bytes = std::fs::metadata(&path)?.len();
    Ok(Saved { path, bytes, media })
}

/// Returns the path of an output file, numbered if there are several (`photo-1.jpg`, `photo-2.jpg` for
/// `photo.jpg`). The file name from the user's phone is never used.
fn output_path(out: &Path, number: usize, count: usize) -> PathBuf {
    if count == 1 {
        return out.to_owned();
    }
    let mut name = out.file_stem().map(OsString::from).unwrap_or_default();
    name.push(format!("-{number}"));
    if let Some(extension) = out.extension() {
        name.push(".");
        name.push(extension);
    }
    out.with_file_name(name)
}

fn download_failed(error: DownloadError, described: &Described, count: usize) -> Failure {
    let hint: Option<Cow<'static, str>> = match error {
        DownloadError::UrlRefused => {
            Some("if you trust this URL, download the file yourself and pass it with --file FILE".into())
        }
        DownloadError::NoUrl => Some("pass the encrypted file with --file FILE instead of --download".into()),
        // Their remedies name settings that only the library has.
        DownloadError::TooLarge { .. } | DownloadError::TimedOut(_) => None,
        _ => error.remedy(),
    };
    let failure = if count == 1 {
        Failure::failed(error)
    } else {
        let place = described.place.clone();
        Failure::failed(OneOfSeveral { place, source: error })
    };
    failure.with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_files_are_numbered_before_the_extension() {
        let path = |out: &str, number, count| output_path(Path::new(out), number, count);
        assert_eq!(path("a/photo.jpg", 1, 1), Path::new("a/photo.jpg"));
        assert_eq!(path("a/photo.jpg", 2, 3), Path::new("a/photo-2.jpg"));
        assert_eq!(path("photo", 1, 2), Path::new("photo-1"));
    }
}
