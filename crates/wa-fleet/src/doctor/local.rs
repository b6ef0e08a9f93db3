//! The keys that the endpoint is to have: a key file, or a set of a key store.

use std::path::PathBuf;
use std::sync::Arc;

use wa_graph::PhoneNumberId;
use wa_keys::file::KeyFile;
use wa_keys::{Fingerprint, Passphrase, PublicKey};
use wa_keystore::KeyStore;

use super::check::Check;
use super::diagnosis::Notes;
use super::stored::StoredSet;

/// The keys that the endpoint is to have.
#[derive(Debug)]
#[non_exhaustive]
pub enum LocalKeys {
    /// Not known.
    None,
    /// A key file.
    File(LocalFile),
    /// The set of a key store that the number is in.
    Set(StoredSet),
    /// They cannot be read.
    Unreadable {
        /// The file or the store.
        name: String,
        /// What happened.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
    },
}

/// A key file that was read.
#[derive(Debug)]
#[non_exhaustive]
pub struct LocalFile {
    /// The path, as it was given.
    pub path: String,
    /// The public key, or the public half.
    pub key: PublicKey,
    /// Why others than the owner can read it.
    pub warning: Option<String>,
}

impl LocalKeys {
    /// Reads a key file, private or public, on a thread that may block.
    pub async fn read_file(path: impl Into<PathBuf>, passphrase: Option<Passphrase>) -> Self {
        let path = path.into();
        let name = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || {
            let file = KeyFile::open(&path)?;
            file.public_half(passphrase.as_ref())
        });
        match read.await {
            Ok(Ok(read)) => Self::File(LocalFile {
                path: name,
                warning: read.warning().map(ToString::to_string),
                key: read.into_value(),
            }),
            Ok(Err(error)) => Self::Unreadable {
                name,
                problem: chain(&error),
                remedy: error.remedy().map(std::borrow::Cow::into_owned),
            },
            Err(error) => Self::unreadable(name, &error),
        }
    }

    /// Reads the set of a store that a number is in, and tries to decrypt its served keys.
    ///
    /// `name` is how the user wrote the store. Without passphrases, encrypted keys are not tried.
    pub async fn read_store(
        store: &KeyStore,
        name: &str,
        number: &PhoneNumberId,
        passphrases: Vec<Passphrase>,
    ) -> Self {
        match super::stored::read_set(store, name, number, Arc::new(passphrases)).await {
            Ok(set) => Self::Set(set),
            Err(error) => Self::Unreadable {
                name: name.to_owned(),
                problem: chain(&error),
                remedy: error.remedy().map(std::borrow::Cow::into_owned),
            },
        }
    }

    fn unreadable(name: String, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Unreadable {
            name,
            problem: chain(error),
            remedy: None,
        }
    }

    /// Returns the endpoint of the set.
    pub(super) fn endpoint(&self) -> Option<&str> {
        match self {
            Self::Set(set) => set.endpoint.as_deref(),
            _ => None,
        }
    }

    /// Returns the keys that the endpoint is to have, and how to name each of them; the one to upload first.
    pub(super) fn served(&self) -> Vec<(&PublicKey, String)> {
        match self {
            Self::File(file) => vec![(&file.key, file.path.clone())],
            Self::Set(set) => {
                let served = set.keys.iter().filter(|key| key.state.is_served());
                served
                    .map(|key| (&key.key, format!("the {} key of {}", key.state, set.store)))
                    .collect()
            }
            Self::None | Self::Unreadable { .. } => Vec::new(),
        }
    }

    /// Returns the command that uploads the local key.
    pub(super) fn upload_command(&self, number: &PhoneNumberId) -> String {
        match self {
            Self::File(file) => format!(
                "wa encryption set {} --phone-number-id {number}",
                quoted(&file.path)
            ),
            Self::Set(set) => format!(
                "wa keys rotate --store {} --phone-number-id {number}",
                quoted(&set.store)
            ),
            Self::None | Self::Unreadable { .. } => {
                format!("wa encryption set public.pem --phone-number-id {number}")
            }
        }
    }

    /// Compares the registered key with the local ones.
    pub(super) fn compare(&self, number: &PhoneNumberId, registered: Fingerprint, notes: &mut Notes) {
        match self {
            Self::File(file) => {
                let local = file.key.fingerprint();
                if local == registered {
                    return notes.ok(Check::KeyMatch, format!("{} is the registered key", file.path));
                }
                let evidence = format!(
                    "{} is registered, but {} is {}",
                    registered.short(),
                    file.path,
                    local.short()
                );
                let remedy = format!(
                    "Give the endpoint the private key of {}, or, if the endpoint has {}, upload it: {}",
                    registered.short(),
                    file.path,
                    self.upload_command(number)
                );
                notes.broken(Check::KeyMatch, evidence, remedy);
            }
            Self::Set(set) => set.compare(number, registered, notes),
            Self::None | Self::Unreadable { .. } => {}
        }
    }

    /// Judges whether the local keys can be used.
    pub(super) fn judge(&self, notes: &mut Notes) {
        match self {
            Self::None => {}
            Self::Unreadable {
                name,
                problem,
                remedy,
            } => {
                let remedy = remedy.clone().unwrap_or_else(|| format!("Check {name}."));
                notes.broken(Check::LocalKey, format!("{name}: {problem}"), remedy);
            }
            Self::File(file) => {
                let key = file.key.fingerprint().short();
                notes.ok(Check::LocalKey, format!("{}: {key}, RSA 2048", file.path));
                match &file.warning {
                    Some(warning) => {
                        let remedy = format!("chmod 600 {}", quoted(&file.path));
                        notes.warning(Check::LocalKeyMode, warning.clone(), remedy);
                    }
                    None => notes.ok(Check::LocalKeyMode, "only its owner can read it"),
                }
            }
            Self::Set(set) => set.judge(notes),
        }
    }
}

/// Returns an error and its causes in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// Quotes a path for a shell, if it needs quotes.
pub(super) fn quoted(path: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-:@+".contains(character);
    if !path.is_empty() && path.chars().all(is_plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}
