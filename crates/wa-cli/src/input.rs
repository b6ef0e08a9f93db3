//! Key files as commands take them: any form, from a file or standard input, with a passphrase only where one is needed.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use wa_cloud::keys::file::{FileError, KeyFile, Read, is_key_text};
use wa_cloud::keys::{Inspection, KeyError, Passphrase, PrivateKey, PublicKey};
use wa_cloud::secrets::SecretWarning;
use zeroize::Zeroizing;

use crate::advice;
use crate::args::PassphraseArgs;
use crate::commands::Context;
use crate::failure::{Failure, Usage};
use crate::settings::{self, Environment, Place, Secret};
use crate::stdin;

/// The passphrase of the keys that a command reads: its file is read once for all of them, and only when one needs it.
pub(crate) struct KeyPassphrase<'a> {
    place: Place<'a>,
    /// Given by an option, so that it is meant for these keys.
    is_explicit: bool,
    found: Option<Secret>,
}

impl<'a> KeyPassphrase<'a> {
    pub(crate) fn of(args: &'a PassphraseArgs) -> Self {
        Self {
            place: Place {
                option: "--passphrase-file",
                file: args.passphrase_file.as_ref(),
                variables: &["WA_KEY_PASSPHRASE"],
            },
            is_explicit: args.passphrase_file.is_some() || args.empty_passphrase,
            found: args.empty_passphrase.then(Secret::default),
        }
    }

    /// What `--passphrase-file`, `--empty-passphrase` or the environment gives.
    pub(crate) fn given(&mut self, environment: &Environment) -> Result<Option<&Secret>, Failure> {
        if self.found.is_none() {
            self.found = self.place.secret(environment)?;
        }
        Ok(self.found.as_ref())
    }
}

/// Reads a private key of any form.
pub(crate) fn private_key(
    context: &mut Context,
    path: &Path,
    passphrase: &mut KeyPassphrase<'_>,
) -> Result<PrivateKey, Failure> {
    with_passphrase(context, path, passphrase, KeyFile::private_key)
}

/// Reads a public key, or derives it from a certificate or a private key.
pub(crate) fn public_half(
    context: &mut Context,
    path: &Path,
    passphrase: &mut KeyPassphrase<'_>,
) -> Result<PublicKey, Failure> {
    with_passphrase(context, path, passphrase, KeyFile::public_half)
}

/// Tells what a file holds, and the public half of what is encrypted in it where its passphrase is given: nobody is asked.
pub(crate) fn inspection(
    context: &mut Context,
    path: &Path,
    passphrase: &mut KeyPassphrase<'_>,
) -> Result<(Inspection, Option<Result<PublicKey, FileError>>), Failure> {
    let file = open(path)?;
    let inspection = warned(context, file.inspect().map_err(failure)?)?;
    let is_closed = inspection.problem().is_none() && inspection.main().encryption().is_some();
    let given = if is_closed {
        passphrase.given(&context.environment)?
    } else {
        None
    };
    let opened = given.map(|given| {
        let passphrase = Passphrase::new(given.as_str());
        file.public_half(Some(&passphrase)).map(Read::into_value)
    });
    let opened = match opened {
        Some(Err(error)) if is_wrong_passphrase(&error) => {
            if passphrase.is_explicit {
                return Err(failure(error));
            }
            // The variable may be for another key.
            None
        }
        other => other,
    };
    Ok((inspection, opened))
}

fn is_wrong_passphrase(error: &FileError) -> bool {
    matches!(
        error,
        FileError::Key {
            source: KeyError::WrongPassphrase { .. },
            ..
        }
    )
}

fn open(path: &Path) -> Result<KeyFile, Failure> {
    if path == Path::new("-") {
        KeyFile::from_reader("standard input", stdin::take()?)
    } else {
        KeyFile::open(path)
    }
    .map_err(|error| match error {
        FileError::Read { path, .. } if is_text(&path) => Usage::TextForFile.into(),
        other => failure(other),
    })
}

/// True if what should name a file is rather what the file should hold, which may be secret: a key, a description of media.
fn is_text(path: &Path) -> bool {
    is_key_text(path) || path.to_string_lossy().trim_start().starts_with(['{', '['])
}

/// A refused key file, with the remedy of the key crate as the hint.
pub(crate) fn failure(error: FileError) -> Failure {
    let hint = match &error {
        FileError::Protect {
            source: KeyError::EmptyPassphrase,
            ..
        } => Some("give a passphrase, or --no-passphrase to write the key unprotected".to_owned()),
        needed if needed.is_passphrase_needed() => Some(
            "give it with --passphrase-file FILE or in WA_KEY_PASSPHRASE (--empty-passphrase if it is empty); on a \
             terminal you are asked"
                .to_owned(),
        ),
        FileError::Key { path, source } => advice::remedy(source, path),
        other => other.remedy().map(Into::into),
    };
    Failure::failed(error).with_hint(hint)
}

/// Tries without a passphrase first, so that nobody is asked for what is not needed.
fn with_passphrase<T>(
    context: &mut Context,
    path: &Path,
    passphrase: &mut KeyPassphrase<'_>,
    parse: impl Fn(&KeyFile, Option<&Passphrase>) -> Result<Read<T>, FileError>,
) -> Result<T, Failure> {
    let file = open(path)?;
    let read = match parse(&file, None) {
        Err(needed) if needed.is_passphrase_needed() => {
            let asked;
            let secret = if let Some(given) = passphrase.given(&context.environment)? {
                given
            } else {
                asked = settings::ask_secret(&format!("Passphrase of {}: ", file.path().display()))?
                    .ok_or_else(|| failure(needed))?;
                &asked
            };
            parse(&file, Some(&Passphrase::new(secret.as_str())))
        }
        other => other,
    };
    warned(context, read.map_err(failure)?)
}

/// What was read, after a warning about its file; with `--strict` that is a refusal.
fn warned<T>(context: &Context, read: Read<T>) -> Result<T, Failure> {
    if let Some(warning) = read.warning() {
        let warning = SecretWarning::ReadableByOthers(warning.clone());
        context.environment.warn_of("private key", &warning)?;
    }
    Ok(read.into_value())
}

/// Reads all of a file or of standard input (`-`), unless it is longer than `limit` bytes.
pub(crate) fn bytes(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let source = |error| {
        if is_text(path) {
            return Usage::TextForFile.into();
        }
        Failure::failed(Unreadable {
            path: path.to_owned(),
            source: error,
        })
    };
    let mut bytes = Zeroizing::new(Vec::new());
    let most = limit as u64 + 1;
    if path == Path::new("-") {
        stdin::take()?.take(most).read_to_end(&mut bytes)
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
