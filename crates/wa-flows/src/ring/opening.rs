//! The decryption of one envelope, which can be continued with keys that are added later.

use std::sync::Arc;

use crate::envelope::{DecodedEnvelope, Envelope};
use crate::ring::{Entry, KeyRing, OpenError, Opened, Payload};
use crate::session::ResponseSeal;

/// An envelope that is being decrypted.
pub(crate) struct Opening {
    decoded: DecodedEnvelope,
    well_formed: bool,
    /// The keys that do not decrypt it.
    tried: Arc<[Entry]>,
}

impl Opening {
    pub(crate) fn new(envelope: Envelope) -> Self {
        let decoded = envelope.into_decoded();
        Self {
            well_formed: decoded.is_some(),
            decoded: decoded.unwrap_or_else(DecodedEnvelope::decoy),
            tried: Arc::default(),
        }
    }

    /// Tries the keys of a ring, except those that an earlier call tried. A malformed envelope takes the same
    /// work as one for another key.
    pub(crate) fn attempt(&mut self, ring: &KeyRing) -> Result<Opened, OpenError> {
        let keys = ring.snapshot();
        let tried = std::mem::replace(&mut self.tried, Arc::clone(&keys));
        for Entry { key, .. } in keys.iter().filter(|entry| is_new(entry, &tried)) {
            let (session_key, unwrapped) = key.unwrap_session_key(&self.decoded.encrypted_key);
            let seal = ResponseSeal::new(&session_key, self.decoded.iv);
            // Both are computed before either is tested, so that the time does not reveal which failed.
            let opened = seal.open_request(&mut self.decoded.data);
            if self.well_formed & unwrapped & opened {
                key.count();
                return Ok(Opened {
                    seal,
                    key: key.fingerprint(),
                    payload: Payload(std::mem::take(&mut self.decoded.data)),
                });
            }
        }
        Err(OpenError::Undecryptable)
    }

    /// True if the ring has a key that was not tried.
    pub(crate) fn can_continue(&self, ring: &KeyRing) -> bool {
        ring.snapshot().iter().any(|entry| is_new(entry, &self.tried))
    }
}

fn is_new(entry: &Entry, tried: &[Entry]) -> bool {
    let fingerprint = entry.key.fingerprint();
    !tried.iter().any(|tried| tried.key.fingerprint() == fingerprint)
}
