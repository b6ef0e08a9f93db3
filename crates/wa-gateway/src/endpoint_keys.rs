//! The keys of an endpoint: from files and from the key store, in one ring.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wa_flows::{KeyRing, RingKey, RingState};
use wa_keys::Fingerprint;
use wa_keystore::{KeyState, ServedKeys};

use crate::config::KeySets;
use crate::material::Revoked;

/// The key ring of an endpoint, and where its keys come from.
///
/// Key files and the key store change independently: each change sets its part, and the ring is put together
/// again.
#[derive(Debug)]
pub(crate) struct EndpointKeys {
    ring: KeyRing,
    parts: Mutex<Parts>,
}

type Keys = Vec<(RingState, RingKey)>;

#[derive(Debug)]
struct Parts {
    files: Keys,
    revoked: Revoked,
    sets: KeySets,
    stored: Keys,
}

/// A revoked key that was removed from the ring.
pub(crate) struct RevokedKey {
    pub(crate) key: Fingerprint,
    /// The file and the line that revoke it.
    pub(crate) list: String,
    pub(crate) line: usize,
}

impl EndpointKeys {
    pub(crate) fn new() -> Self {
        Self {
            ring: KeyRing::empty(),
            parts: Mutex::new(Parts {
                files: Vec::new(),
                revoked: Revoked::default(),
                sets: KeySets::Named(Vec::new()),
                stored: Vec::new(),
            }),
        }
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(crate) fn sets(&self) -> KeySets {
        self.lock().sets.clone()
    }

    /// Sets everything: the keys of the files, the revoked keys, and the key sets with the keys that they
    /// have now.
    pub(crate) fn configure(
        &self,
        files: &KeyRing,
        revoked: Revoked,
        sets: &KeySets,
        served: Option<&ServedKeys>,
    ) {
        let mut parts = self.lock();
        let found = |key: wa_flows::KeyUse| Some((key.state, files.find(&key.fingerprint)?));
        parts.files = files.keys().into_iter().filter_map(found).collect();
        parts.revoked = revoked;
        parts.sets = sets.clone();
        parts.stored = served.map_or_else(Vec::new, |served| self.stored(sets, served).0);
        self.assemble(&parts);
    }

    /// Sets the keys of the key store; returns true if all of them can be used.
    pub(crate) fn set_stored(&self, served: &ServedKeys) -> bool {
        let mut parts = self.lock();
        let (stored, is_complete) = self.stored(&parts.sets, served);
        parts.stored = stored;
        self.assemble(&parts);
        is_complete
    }

    /// Sets the revoked keys; returns those that were in the ring.
    pub(crate) fn revoke(&self, revoked: Revoked) -> Vec<RevokedKey> {
        let mut parts = self.lock();
        let removed = self.ring.keys().into_iter().filter_map(|key| {
            let revocation = revoked.find(&key.fingerprint)?;
            Some(RevokedKey {
                key: key.fingerprint,
                list: revocation.list.display().to_string(),
                line: revocation.line,
            })
        });
        let removed: Vec<_> = removed.collect();
        parts.revoked = revoked;
        if !removed.is_empty() {
            self.assemble(&parts);
        }
        removed
    }

    /// Returns the keys of some sets, and whether all can be used. A key that the ring has is not parsed
    /// again.
    fn stored(&self, sets: &KeySets, served: &ServedKeys) -> (Keys, bool) {
        let (mut keys, mut is_complete) = (Vec::new(), true);
        for (name, set) in served.sets().filter(|(name, _)| sets.contain(name)) {
            for key in &set.keys {
                let Some(state) = ring_state(key.state) else {
                    continue;
                };
                let ready = self.ring.find(&key.fingerprint);
                match ready.map_or_else(|| RingKey::new(&key.key), Ok) {
                    Ok(ready) => keys.push((state, ready)),
                    Err(error) => {
                        is_complete = false;
                        let remedy = error.remedy();
                        let remedy = remedy.as_deref();
                        tracing::error!(set = name, %error, remedy, "cannot use a stored key");
                    }
                }
            }
        }
        (keys, is_complete)
    }

    /// Puts the ring together. The states of the key store apply, if it has a primary key: then the first key
    /// file is a previous key.
    fn assemble(&self, parts: &Parts) {
        let has_primary = parts.stored.iter().any(|(state, _)| *state == RingState::Primary);
        let is_stored = |key: &RingKey| {
            let fingerprint = key.fingerprint();
            parts
                .stored
                .iter()
                .any(|(_, stored)| stored.fingerprint() == fingerprint)
        };
        let files = parts.files.iter().filter(|(_, key)| !is_stored(key));
        let files = files.map(|(state, key)| {
            let state = if has_primary { RingState::Enabled } else { *state };
            (state, key.clone())
        });
        let all = parts.stored.iter().cloned().chain(files);
        self.ring
            .set_keys(all.filter(|(_, key)| parts.revoked.find(&key.fingerprint()).is_none()));
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the state in a ring of a key of the store; `None` if it is not served.
pub(crate) fn ring_state(state: KeyState) -> Option<RingState> {
    match state {
        KeyState::Primary => Some(RingState::Primary),
        KeyState::Enabled => Some(RingState::Enabled),
        KeyState::Pending => Some(RingState::Pending),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use wa_keys::PrivateKey;

    use super::*;

    #[test]
    fn a_revoked_key_does_not_come_back_with_a_change_of_the_store() {
        let directory = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate().unwrap();
        let fingerprint = key.public_key().fingerprint();
        let keys = EndpointKeys::new();
        keys.configure(
            &KeyRing::new(&key).unwrap(),
            Revoked::default(),
            &KeySets::All,
            None,
        );
        assert!(keys.ring().contains(&fingerprint));
        std::fs::write(directory.path().join("revoked.txt"), fingerprint.to_string()).unwrap();
        let read = || Revoked::read(&[directory.path().to_owned()]).0;
        let removed = keys.revoke(read());
        assert_eq!((removed.len(), removed[0].line), (1, 1));
        assert!(keys.set_stored(&ServedKeys::default()));
        assert!(keys.ring().keys().is_empty() && keys.revoke(read()).is_empty());
    }
}
