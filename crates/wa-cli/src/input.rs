//! Reads key files: any supported format, from a file or standard input. A passphrase is read only if it is
//! needed.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use wa_cloud::keys::file::{FileError, KeyFile, Read, is_key_text};
use wa_cloud::keys::{Inspection, KeyError, Passphrase, PrivateKey, PublicKey};
use wa_cloud::secrets::{SecretWarning, variables};
use zeroize::Zeroizing;

use crate::advice;
use crate::args::PassphraseArgs;
use crate::commands::Context;
use crate::failure::{Failure, Usage};
use crate::settings::{self, Environment, Secret, SecretSource};
use crate::stdin;

/// The passphrase of the keys that a command reads. Its file is read at most once, when the first key needs
/// it.
pub(crate) struct KeyPassphrase<'a> {
    source: SecretSource<'a>,
    /// True if the passphrase comes from an option, and is therefore meant for these keys.
    is_explicit: bool,
    found: Option<Secret>,
}

impl<'a> KeyPassphrase<'a> {
    pub(crate) fn of(args: &'a PassphraseArgs) -> Self {
        Self {
            source: SecretSource {
                option: "--passphrase-file",
                file: args.passphrase_file.as_ref(),
                variables: &[variables::KEY_PASSPHRASE],
            },
            is_explicit: args.passphrase_file.is_some() || args.empty_passphrase,
            found: args.empty_passphrase.then(Secret::default),
        }
    }

    /// Replaces the sources of the passphrase by one that was found before, if there is one.
    pub(crate) fn or_found(mut self, found: Option<Secret>) -> Self {
        if !self.is_explicit && found.is_some() {
            self.found = found;
        }
        self
    }

    /// Returns the passphrase from `--passphrase-file`, `--empty-passphrase` or the environment.
    pub(crate) fn given(&mut self, environment: &Environment) -> Result<Option<&Secret>, Failure> {
        if self.found.is_none() {
            self.found = self.source.secret(environment)?;
        }
        Ok(self.found.as_ref())
    }
}

/// Reads a private key in any supported format.
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

/// Inspects a key file. If it contains an encrypted key and a passphrase is given, also returns the public
/// key. Never prompts.
pub(crate) fn inspection(
    context: &mut Context,
    path: &Path,
    passphrase: &mut KeyPassphrase<'_>,
) -> Result<(Inspection, Option<Result<PublicKey, FileError>>), Failure> {
    let file = open(path)?;
    let inspection = warned(context, file.inspect().map_err(failure)?)?;
    let given = if file.needs_passphrase() {
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
            // The passphrase in the variable may belong to another key.
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

/// Returns true if an argument looks like the contents of a file (a key, or JSON) instead of its name. Such
/// an argument is never repeated in messages, because it may be secret.
fn is_text(path: &Path) -> bool {
    is_key_text(path) || path.to_string_lossy().trim_start().starts_with(['{', '['])
}

/// Converts an error about a key file into a failure whose hint is the remedy that `wa-keys` suggests.
pub(crate) fn failure(error: FileError) -> Failure {
    let hint = match &error {
        FileError::Protect {
            source: KeyError::EmptyPassphrase,
            ..
        } => Some(
            "use a passphrase that is not empty, or --no-passphrase to write the key \
                   unencrypted"
                .to_owned(),
        ),
        needed if needed.is_passphrase_needed() => Some(
            "pass --passphrase-file FILE or set WA_KEY_PASSPHRASE; if the passphrase is empty, pass \
             --empty-passphrase"
                .to_owned(),
        ),
        FileError::Key { path, source } => advice::remedy(source, path),
        other => other.remedy().map(Into::into),
    };
    Failure::failed(error).with_hint(hint)
}

/// Parses a key. The user is prompted for a passphrase only if the key needs one.
fn with_passphrase<T>(
    context: &mut Context,
    path: &Path,
    passphrase: &mut KeyPassphrase<'_>,
    parse: impl Fn(&KeyFile, Option<&Passphrase>) -> Result<Read<T>, FileError>,
) -> Result<T, Failure> {
    let file = open(path)?;
    let passphrase = if !file.needs_passphrase() {
        None
    } else if let Some(given) = passphrase.given(&context.environment)? {
        Some(Passphrase::new(given.as_str()))
    } else {
        settings::ask_secret(&format!("Passphrase of {}: ", file.path().display()))?
            .map(|asked| Passphrase::new(asked.as_str()))
    };
    let read = parse(&file, passphrase.as_ref()).map_err(failure)?;
    warned(context, read)
}

/// Returns the value, and prints the warning about its file, if any; with `--strict`, the warning is an
/// error.
fn warned<T>(context: &Context, read: Read<T>) -> Result<T, Failure> {
    if let Some(warning) = read.warning() {
        let warning = SecretWarning::ReadableByOthers(warning.clone());
        context.environment.warn_of("private key", &warning)?;
    }
    Ok(read.into_value())
}

/// Reads a file or standard input (`-`) of at most `limit` bytes.
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
    let max = limit as u64 + 1;
    if path == Path::new("-") {
        stdin::take()?.take(max).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(max).read_to_end(&mut bytes))
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
#[error("{} is longer than the limit of {limit} bytes", path.display())]
struct TooLong {
    path: PathBuf,
    limit: usize,
}
