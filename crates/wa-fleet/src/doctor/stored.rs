//! The keys of a set of a key store.

use std::sync::Arc;

use wa_graph::PhoneNumberId;
use wa_keys::{Fingerprint, Passphrase, PublicKey};
use wa_keystore::{KeyState, KeyStore, LockedKey, StoreError};

use super::check::Check;
use super::diagnosis::Notes;
use super::local::{chain, quoted};

/// A set of a key store that was read.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoredSet {
    /// The store, as it was given.
    pub store: String,
    /// The name of the set; `None` if the number is in no set.
    pub name: Option<String>,
    /// The endpoint of the set.
    pub endpoint: Option<String>,
    /// The keys, the primary first.
    pub keys: Vec<StoredKey>,
}

/// A key of a set.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoredKey {
    /// The public key.
    pub key: PublicKey,
    /// Its state.
    pub state: KeyState,
    /// Why its private key cannot be used; read for served keys.
    pub problem: Option<String>,
}

impl StoredSet {
    pub(super) fn compare(&self, number: &PhoneNumberId, registered: Fingerprint, notes: &mut Notes) {
        let store = quoted(&self.store);
        let key = registered.short();
        let Some(name) = &self.name else {
            let evidence = format!("no key set of {} has number {number}", self.store);
            let remedy = format!(
                "Import its key and rotate: wa keys rotate --store {store} --phone-number-id {number}"
            );
            return notes.warning(Check::KeyMatch, evidence, remedy);
        };
        let rotate = format!("wa keys rotate --store {store} --set {name}");
        let state = self
            .keys
            .iter()
            .find(|stored| stored.key.fingerprint() == registered);
        match state.map(|stored| stored.state) {
            Some(KeyState::Primary) => notes.ok(Check::KeyMatch, format!("the primary key of set {name}")),
            Some(state @ (KeyState::Enabled | KeyState::Pending)) => {
                let evidence =
                    format!("{key} is {state} in set {name}, not its primary key; it is still served");
                notes.warning(
                    Check::KeyMatch,
                    evidence,
                    format!("Upload the primary key: {rotate}"),
                );
            }
            Some(state) => {
                let evidence = format!("{key} is {state} in set {name}, so no instance serves it");
                notes.broken(
                    Check::KeyMatch,
                    evidence,
                    format!("Upload the primary key: {rotate}"),
                );
            }
            None => {
                let evidence =
                    format!("{key} is registered, which set {name} does not have: others uploaded it");
                let remedy = format!(
                    "Find who uploaded it. If its private key is yours, import it with `wa keys import`; to \
                     replace it: \
                     {rotate} --take-over"
                );
                notes.broken(Check::KeyMatch, evidence, remedy);
            }
        }
    }

    pub(super) fn judge(&self, notes: &mut Notes) {
        let Some(name) = &self.name else { return };
        let served: Vec<&StoredKey> = self.keys.iter().filter(|key| key.state.is_served()).collect();
        if let Some((key, problem)) = served.iter().find_map(|key| Some((key, key.problem.as_ref()?))) {
            let evidence = format!("key {} of set {name}: {problem}", key.key.fingerprint().short());
            let remedy = "Pass the passphrase that the store's keys are encrypted with, or restore the key \
                          from a backup.";
            return notes.broken(Check::LocalKey, evidence, remedy);
        }
        match served.len() {
            0 => notes.broken(
                Check::LocalKey,
                format!("set {name} has no key that instances serve"),
                format!("wa keys rotate --store {} --set {name}", quoted(&self.store)),
            ),
            count => notes.ok(
                Check::LocalKey,
                format!("set {name} of {} serves {count}", self.store),
            ),
        }
    }
}

/// Reads the set that a number is in, and tries to decrypt its served keys.
pub(super) async fn read_set(
    store: &KeyStore,
    name: &str,
    number: &PhoneNumberId,
    passphrases: Arc<Vec<Passphrase>>,
) -> Result<StoredSet, StoreError> {
    let mut found = StoredSet {
        store: name.to_owned(),
        name: None,
        endpoint: None,
        keys: Vec::new(),
    };
    for set_name in store.sets().await? {
        let set = store.set(&set_name)?;
        let log = set.read().await?;
        if !log.numbers().any(|listed| listed == number.as_str()) {
            continue;
        }
        found.name = Some(set_name);
        found.endpoint = log.endpoint().map(str::to_owned);
        for record in log.keys() {
            let problem = if record.state.is_served() {
                let locked = set.private_key(record.fingerprint).await;
                let passphrases = Arc::clone(&passphrases);
                match locked {
                    Ok(locked) => unlock(locked, passphrases).await,
                    Err(error) => Some(chain(&error)),
                }
            } else {
                None
            };
            found.keys.push(StoredKey {
                key: set.public_key(record.fingerprint).await?,
                state: record.state,
                problem,
            });
        }
        found.keys.sort_by_key(|key| key.state != KeyState::Primary);
        break;
    }
    Ok(found)
}

/// Decrypts a key on a thread that may block; returns what is wrong with it.
async fn unlock(locked: LockedKey, passphrases: Arc<Vec<Passphrase>>) -> Option<String> {
    let work = move || match locked.unlock(&passphrases) {
        // Without a passphrase, nothing is known about an encrypted key.
        Err(StoreError::Locked { .. }) if passphrases.is_empty() => None,
        Err(error) => Some(chain(&error)),
        Ok(_) => None,
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Some(error.to_string()))
}
