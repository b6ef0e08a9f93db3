//! The private keys of an endpoint.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wa_flows::KeyRing;
use wa_keys::file::{FileError, Read, read_private_key};
use wa_keys::{KeyError, Passphrase, PrivateKey};

use crate::config::{ConfigFault, Located, Problems};
use crate::material::files::{FileStamp, key_files, refuse_special};

/// Keys that were read, by their files: opening an encrypted one takes a good part of a second, and most files stay as
/// they are when one changes.
#[derive(Default)]
pub(crate) struct KeyCache(HashMap<PathBuf, (FileStamp, Arc<PrivateKey>)>);

/// Makes the ring of the keys in the files that are named; a problem for each that cannot be used.
pub(crate) fn ring(
    paths: &Located<Vec<PathBuf>>,
    passphrases: &[Passphrase],
    cache: &mut KeyCache,
    problems: &mut Problems,
) -> Option<KeyRing> {
    let mut report = |fault| problems.add(paths.origin.clone(), "keys", fault);
    let mut files = Vec::new();
    for path in &paths.value {
        match key_files(path) {
            Ok(found) if found.is_empty() => report(ConfigFault::NoKeys(path.clone())),
            Ok(found) => files.extend(found),
            Err(source) => report(ConfigFault::File {
                path: path.clone(),
                source,
            }),
        }
    }
    let mut fresh = KeyCache::default();
    let mut keys = Vec::new();
    for file in files {
        if let Err(source) = refuse_special(&file) {
            report(ConfigFault::File { path: file, source });
            continue;
        }
        match cache.key(&file, passphrases, &mut fresh) {
            Ok(key) => keys.push(key),
            Err(error) => report(ConfigFault::Key(Box::new(error))),
        }
    }
    *cache = fresh;
    let (first, others) = keys.split_first()?;
    let ring = others
        .iter()
        .try_fold(KeyRing::new(first), |ring, key| Ok(ring?.with_earlier(key)));
    match ring.and_then(std::convert::identity) {
        Ok(ring) => Some(ring),
        Err(error) => {
            report(ConfigFault::Ring(error));
            None
        }
    }
}

impl KeyCache {
    /// The key of a file, from this cache if the file is unchanged; it is put into `fresh`.
    fn key(
        &self,
        file: &Path,
        passphrases: &[Passphrase],
        fresh: &mut Self,
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
            None => Arc::new(read(file, passphrases)?),
        };
        if let Some(stamp) = stamp {
            fresh.0.insert(place, (stamp, Arc::clone(&key)));
        }
        Ok(key)
    }
}

/// Reads a key, trying each passphrase where it is encrypted.
fn read(file: &Path, passphrases: &[Passphrase]) -> Result<PrivateKey, FileError> {
    let (last, others) = match passphrases.split_last() {
        Some((last, others)) => (Some(last), others),
        None => (None, passphrases),
    };
    for passphrase in others {
        match read_private_key(file, Some(passphrase)) {
            Err(FileError::Key {
                source: KeyError::WrongPassphrase { .. },
                ..
            }) => {}
            other => return other.map(accept),
        }
    }
    read_private_key(file, last).map(accept)
}

fn accept(read: Read<PrivateKey>) -> PrivateKey {
    if let Some(warning) = read.warning() {
        tracing::warn!(%warning, help = warning.help(), "a private key is exposed");
    }
    read.into_value()
}
