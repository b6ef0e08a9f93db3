//! Key files as commands take them: any form, from a file or standard input, with a passphrase only where one is needed.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use wa_cloud::keys::file::{self, FileError};
use wa_cloud::keys::limits::MAX_INPUT_BYTES;
use wa_cloud::keys::{Inspection, KeyError, Passphrase, PrivateKey, PublicKey, inspect};
use zeroize::Zeroizing;

use crate::args::PassphraseArgs;
use crate::commands::Context;
use crate::failure::{Failure, Usage};
use crate::settings;

/// Where a key comes from.
enum Source<'a> {
    File(&'a Path),
    StandardInput(Zeroizing<Vec<u8>>),
}

impl<'a> Source<'a> {
    fn open(path: &'a Path) -> Result<Self, Failure> {
        if path != Path::new("-") {
            return Ok(Self::File(path));
        }
        // Room for all of it at once: growing would leave copies behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT_BYTES + 1));
        io::stdin()
            .lock()
            .take(MAX_INPUT_BYTES as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok(Self::StandardInput(bytes))
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => (*path).to_owned(),
            Self::StandardInput(_) => PathBuf::from("standard input"),
        }
    }

    fn refused(&self, source: KeyError) -> FileError {
        FileError::Key {
            path: self.path(),
            source,
        }
    }
}

/// Reads a private key of any form.
pub(crate) fn private_key(
    context: &mut Context,
    path: &Path,
    args: &PassphraseArgs,
) -> Result<PrivateKey, Failure> {
    with_passphrase(context, path, args, |context, source, passphrase| match source {
        Source::File(path) => file::read_private_key(path, passphrase).map(|read| {
            warn(context, read.warning());
            read.into_value()
        }),
        Source::StandardInput(bytes) => {
            PrivateKey::parse(bytes, passphrase).map_err(|error| source.refused(error))
        }
    })
}

/// Reads a public key, or derives it from a certificate or a private key.
pub(crate) fn public_half(
    context: &mut Context,
    path: &Path,
    args: &PassphraseArgs,
) -> Result<PublicKey, Failure> {
    with_passphrase(context, path, args, |context, source, passphrase| match source {
        Source::File(path) => file::read_or_derive_public_key(path, passphrase).map(|read| {
            warn(context, read.warning());
            read.into_value()
        }),
        Source::StandardInput(bytes) => {
            PublicKey::parse_or_derive(bytes, passphrase).map_err(|error| source.refused(error))
        }
    })
}

/// Tells what a file holds.
pub(crate) fn inspection(context: &mut Context, path: &Path) -> Result<Inspection, Failure> {
    let source = Source::open(path)?;
    let inspection = match &source {
        Source::File(path) => file::inspect(path).map(|read| {
            warn(context, read.warning());
            read.into_value()
        }),
        Source::StandardInput(bytes) => inspect(bytes).map_err(|error| source.refused(error)),
    };
    inspection.map_err(failure)
}

/// A refused key file, with the key crate's own help as the hint.
pub(crate) fn failure(error: FileError) -> Failure {
    let hint = match &error {
        FileError::Exists { .. } => {
            Some("choose another name, or give --force if nobody needs it any more".into())
        }
        FileError::Key {
            source: KeyError::PassphraseNeeded { .. },
            ..
        } => Some(
            "give it with --passphrase-file FILE or in WA_KEY_PASSPHRASE; on a terminal you are asked".into(),
        ),
        other => other.help(),
    };
    Failure::failed(error).with_hint(hint)
}

/// Tries without a passphrase first, so that nobody is asked for what is not needed.
fn with_passphrase<T>(
    context: &mut Context,
    path: &Path,
    args: &PassphraseArgs,
    read: impl Fn(&mut Context, &Source<'_>, Option<&Passphrase>) -> Result<T, FileError>,
) -> Result<T, Failure> {
    let source = Source::open(path)?;
    let needed = match read(context, &source, None) {
        Err(
            error @ FileError::Key {
                source: KeyError::PassphraseNeeded { .. },
                ..
            },
        ) => error,
        other => return other.map_err(failure),
    };
    if matches!(source, Source::StandardInput(_)) && args.passphrase_file.as_deref() == Some(path) {
        return Err(Usage::StandardInputTwice.into());
    }
    let given = settings::secret(
        args.passphrase_file.as_ref(),
        &context.environment,
        &["WA_KEY_PASSPHRASE"],
    )?;
    let asked = || settings::ask_secret(&format!("Passphrase of {}: ", source.path().display()));
    let Some(passphrase) = given.map_or_else(asked, |given| Ok(Some(given)))? else {
        return Err(failure(needed));
    };
    read(context, &source, Some(&Passphrase::new(passphrase.as_str()))).map_err(failure)
}

fn warn(context: &mut Context, warning: Option<&file::ReadableByOthers>) {
    if let Some(warning) = warning {
        context.terminal.warn(&format!("{warning}; {}", warning.help()));
    }
}

/// Reads all of a file or of standard input (`-`), unless it is longer than `limit` bytes.
pub(crate) fn bytes(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let source = |error| {
        Failure::failed(Unreadable {
            path: path.to_owned(),
            source: error,
        })
    };
    let mut bytes = Zeroizing::new(Vec::new());
    let most = limit as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    }
    .map_err(source)?;
    if bytes.len() > limit {
        let path = path.to_owned();
        return Err(Failure::failed(TooLong { path, limit }));
    }
    Ok(bytes)
}

#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

#[derive(Debug, thiserror::Error)]
#[error("{} is longer than {limit} bytes: this cannot be the right file", path.display())]
struct TooLong {
    path: PathBuf,
    limit: usize,
}
