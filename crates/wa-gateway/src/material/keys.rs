//! The private keys of an endpoint.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wa_flows::KeyRing;
use wa_keys::file::{FileError, KeyFile, ReadableByOthers};
use wa_keys::{KeyError, Passphrase, PrivateKey};
use wa_secrets::SecretWarning;

use crate::config::{ConfigFault, EndpointConfig, Problems};
use crate::material::files::{FileStamp, key_files, refuse_special};

/// The keys by file, so that a change of one file does not cause all others to be decrypted again, which
/// takes a large part of a second for each.
#[derive(Default)]
pub(crate) struct KeyCache(HashMap<PathBuf, (FileStamp, Arc<PrivateKey>)>);

/// Builds the key ring of an endpoint, and reports a problem for each invalid key.
pub(crate) fn ring(
    endpoint: &EndpointConfig,
    passphrases: &[Passphrase],
    cache: &mut KeyCache,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<KeyRing> {
    let paths = &endpoint.keys;
    if paths.value.is_empty() {
        return Some(KeyRing::empty());
    }
    let mut files = Vec::new();
    let mut report = |fault| problems.add(paths.origin.clone(), "keys", fault);
    for path in &paths.value {
        match key_files(path) {
            Ok(found) if found.is_empty() => report(ConfigFault::NoKeys(path.clone())),
            Ok(found) => {
                let listed = found.first() != Some(path);
                files.extend(found.into_iter().map(|file| (file, listed)));
            }
            Err(source) => report(ConfigFault::File {
                path: path.clone(),
                source,
            }),
        }
    }
    let mut fresh = KeyCache::default();
    let mut keys = Vec::new();
    for (file, listed) in files {
        if let Err(source) = refuse_special(&file) {
            report(ConfigFault::File { path: file, source });
            continue;
        }
        match cache.key(&file, passphrases, &mut fresh, warnings) {
            Ok(key) => {
                keys.push(key);
                if let Some(warning) = open_to_all(&file).filter(|_| endpoint.strict_secrets) {
                    report(ConfigFault::StrictSecret(SecretWarning::ReadableByOthers(
                        warning,
                    )));
                }
            }
            Err(error) if listed && is_public(&error) => {
                warnings.push(format!(
                    "{} contains no private key and is ignored: a key directory is for private keys only",
                    file.display()
                ));
            }
            Err(error) => report(ConfigFault::Key(Box::new(error))),
        }
    }
    *cache = fresh;
    let Some((first, others)) = keys.split_first() else {
        if !problems.found_any() {
            let directory = paths.value.first().cloned().unwrap_or_default();
            problems.add(paths.origin.clone(), "keys", ConfigFault::NoKeys(directory));
        }
        return None;
    };
    let ring = others
        .iter()
        .try_fold(KeyRing::new(first), |ring, key| Ok(ring?.with_previous(key)));
    match ring.and_then(std::convert::identity) {
        Ok(ring) => Some(ring),
        Err(error) => {
            problems.add(paths.origin.clone(), "keys", ConfigFault::Ring(error));
            None
        }
    }
}

/// Returns true if the file contains the public half of a key, which `wa keys generate` writes next to the
/// private one.
fn is_public(error: &FileError) -> bool {
    matches!(
        error,
        FileError::Key {
            source: KeyError::PublicKeyGiven { .. },
            ..
        }
    )
}

/// Returns a warning if all users can access a file. Group access is allowed: orchestrators grant files that
/// way.
fn open_to_all(file: &Path) -> Option<ReadableByOthers> {
    let metadata = std::fs::metadata(file).ok()?;
    ReadableByOthers::of(file, &metadata).filter(|warning| warning.mode() & 0o007 != 0)
}

impl KeyCache {
    /// Returns the key of a file, from this cache if the file is unchanged, and stores it in `fresh`.
    fn key(
        &self,
        file: &Path,
        passphrases: &[Passphrase],
        fresh: &mut Self,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<PrivateKey>, FileError> {
        // Two names of one file, such as a link `current.pem`, are one key.
        let place = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let stamp = FileStamp::of(&place).ok();
        let known = [&*fresh, self].into_iter().find_map(|cache| {
            cache
                .0
                .get(&place)
                .filter(|(seen, _)| Some(seen) == stamp.as_ref())
                .map(|(_, key)| Arc::clone(key))
        });
        let key = match known {
            Some(key) => key,
            None => Arc::new(read(file, passphrases, warnings)?),
        };
        if let Some(stamp) = stamp {
            fresh.0.insert(place, (stamp, Arc::clone(&key)));
        }
        Ok(key)
    }
}

/// Reads a key, trying each passphrase if it is encrypted.
fn read(
    file: &Path,
    passphrases: &[Passphrase],
    warnings: &mut Vec<String>,
) -> Result<PrivateKey, FileError> {
    let file = KeyFile::open(file)?;
    let mut read = file.private_key(None);
    for passphrase in passphrases {
        match &read {
            Err(FileError::Key {
                source: KeyError::PassphraseNeeded { .. } | KeyError::WrongPassphrase { .. },
                ..
            }) => read = file.private_key(Some(passphrase)),
            _ => break,
        }
    }
    let key = read?.into_value();
    if let Some(warning) = open_to_all(file.path()) {
        let remedy = warning.remedy().unwrap_or_default();
        warnings.push(format!("the private key {warning}; {remedy}"));
    }
    Ok(key)
}
