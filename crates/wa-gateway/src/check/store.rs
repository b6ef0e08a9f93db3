//! The check of the key store: every key that would be served is read, opened and tested.

use std::io;
use std::path::PathBuf;

use wa_flows::{RingKey, RingState};
use wa_keys::{Fingerprint, Passphrase};
use wa_keystore::{KeyStore, StoreError};

use crate::config::{ConfigFault, GatewayConfig, KeySets, Problems};
use crate::endpoint_keys::ring_state;
use crate::key_store;

/// A key set as it is in the store.
#[derive(Debug)]
pub(super) struct CheckedSet {
    name: String,
    keys: Vec<(RingState, Fingerprint)>,
    numbers: Vec<String>,
}

/// Reads the key sets of all endpoints, and reports a problem for each key that cannot be used. It blocks.
pub(super) fn read(
    config: &GatewayConfig,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Vec<CheckedSet> {
    let Some(store) = &config.settings.key_store else {
        return Vec::new();
    };
    let location = store.location.value.as_str();
    let origin = &store.location.origin;
    let passphrases = match config.store_passphrases() {
        Ok(passphrases) => passphrases,
        Err(errors) => {
            problems.extend(errors);
            return Vec::new();
        }
    };
    let names = key_store::all_sets(&config.settings);
    let mut faults = Vec::new();
    let work = async {
        let backend = wa_keystore::open_url_with(location, key_store::variables(&config.environment))?;
        read_sets(KeyStore::open(backend).await?, names, &passphrases, &mut faults).await
    };
    let read = match block_on(work) {
        Ok(read) => read,
        Err(source) => {
            let path = PathBuf::from(location);
            problems.add(origin.clone(), "key_store", ConfigFault::File { path, source });
            return Vec::new();
        }
    };
    for fault in faults {
        problems.add(origin.clone(), "key_store", fault);
    }
    match read {
        Ok(sets) => sets,
        Err(StoreError::NotAStore) => {
            warnings.push(format!(
                "there is no key store at {location} yet: requests get 421 until its first key is created"
            ));
            Vec::new()
        }
        Err(error) => {
            problems.add(
                origin.clone(),
                "key_store",
                ConfigFault::KeyStore(Box::new(error)),
            );
            Vec::new()
        }
    }
}

async fn read_sets(
    store: KeyStore,
    names: Option<Vec<String>>,
    passphrases: &[Passphrase],
    faults: &mut Vec<ConfigFault>,
) -> Result<Vec<CheckedSet>, StoreError> {
    let names = match names {
        Some(names) => names,
        None => store.sets().await?,
    };
    let mut sets = Vec::new();
    for name in names {
        let set = store.set(&name)?;
        let log = set.read().await?;
        let mut keys = Vec::new();
        for record in log.served() {
            let opened = async { set.private_key(record.fingerprint).await?.unlock(passphrases) };
            match opened.await {
                Ok(key) => match RingKey::new(&key) {
                    Ok(key) => keys.extend(ring_state(record.state).map(|state| (state, key.fingerprint()))),
                    Err(error) => faults.push(ConfigFault::Ring(error)),
                },
                Err(error) => faults.push(ConfigFault::KeyStore(Box::new(error))),
            }
        }
        keys.sort_by_key(|(state, _)| *state);
        sets.push(CheckedSet {
            name,
            keys,
            numbers: log.numbers().map(str::to_owned).collect(),
        });
    }
    Ok(sets)
}

/// Runs a future to its end on a thread of its own: the caller may be on a thread of a runtime, which cannot
/// wait.
fn block_on<T: Send>(work: impl Future<Output = T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok(runtime.block_on(work))
        });
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("reading it panicked")))
    })
}

/// Returns the keys of an endpoint, in the order in which they are tried, and the phone numbers of its key
/// sets.
pub(super) fn keys_of(
    sets: &[CheckedSet],
    used: &KeySets,
    files: Vec<(RingState, Fingerprint)>,
) -> (Vec<(RingState, Fingerprint)>, Vec<String>) {
    let mut stored: Vec<_> = Vec::new();
    let mut numbers: Vec<_> = Vec::new();
    for set in sets.iter().filter(|set| used.contain(&set.name)) {
        stored.extend(set.keys.iter().copied());
        numbers.extend(set.numbers.iter().cloned());
    }
    let has_primary = stored.iter().any(|(state, _)| *state == RingState::Primary);
    let files = files
        .into_iter()
        .filter(|(_, key)| stored.iter().all(|(_, known)| known != key))
        .map(|(state, key)| (if has_primary { RingState::Enabled } else { state }, key))
        .collect::<Vec<_>>();
    stored.extend(files);
    stored.sort_by_key(|(state, _)| *state);
    (stored, numbers)
}
