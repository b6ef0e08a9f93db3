//! One private key of a ring.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use wa_keys::{Fingerprint, PrivateKey};
use zeroize::Zeroizing;

use crate::envelope::{BLOCK, ENCRYPTED_KEY};
use crate::ring::KeyRingError;

/// A private key that is ready to decrypt: parsed and tested, with the counters of its use. Clones share
/// both.
///
/// ```
/// use wa_flows::{KeyRing, RingKey, RingState};
/// use wa_keys::PrivateKey;
///
/// # fn example(new: &PrivateKey, old: &PrivateKey) -> Result<(), wa_flows::KeyRingError> {
/// let ring = KeyRing::empty();
/// let (new, old) = (RingKey::new(new)?, RingKey::new(old)?);
/// ring.set_keys([(RingState::Primary, new), (RingState::Enabled, old)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RingKey(Arc<Inner>);

struct Inner {
    fingerprint: Fingerprint,
    oaep: OaepPrivateDecryptingKey,
    /// Replaces a session key that could not be decrypted. It is random and secret: if an attacker could
    /// encrypt with it, the response time would reveal that the RSA decryption failed.
    fallback: Zeroizing<[u8; BLOCK]>,
    opened: AtomicU64,
    /// Seconds since the epoch; 0 before the first use.
    last_opened: AtomicU64,
}

impl RingKey {
    /// Parses a key, and tests that it decrypts a message encrypted with its public key. It takes one or two
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// Returns [`KeyRingError`] if the key cannot be used.
    pub fn new(key: &PrivateKey) -> Result<Self, KeyRingError> {
        let fingerprint = key.public_key().fingerprint();
        let oaep = PrivateDecryptingKey::from_pkcs8(key.secret_pkcs8_der())
            .ok()
            .filter(|key| key.key_size_bytes() == ENCRYPTED_KEY)
            .and_then(|key| OaepPrivateDecryptingKey::new(key).ok())
            .ok_or(KeyRingError::Unusable(fingerprint))?;
        let mut fallback = Zeroizing::new([0; BLOCK]);
        rand::fill(&mut *fallback).map_err(|_| KeyRingError::NoRandomNumbers)?;
        if !opens_what_is_sealed(&oaep, key.public_key().as_der(), &fallback) {
            return Err(KeyRingError::Unusable(fingerprint));
        }
        Ok(Self(Arc::new(Inner {
            fingerprint,
            oaep,
            fallback,
            opened: AtomicU64::new(0),
            last_opened: AtomicU64::new(0),
        })))
    }

    /// Returns the key's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// Returns the number of requests that it has decrypted.
    pub fn opened(&self) -> u64 {
        self.0.opened.load(Ordering::Relaxed)
    }

    /// Returns when it last decrypted a request, to the second.
    pub fn last_opened(&self) -> Option<SystemTime> {
        let seconds = self.0.last_opened.load(Ordering::Relaxed);
        (seconds > 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// Decrypts a session key. If that fails, returns the fallback and `false`, so that the caller continues
    /// with the same work.
    pub(crate) fn unwrap_session_key(
        &self,
        encrypted: &[u8; ENCRYPTED_KEY],
    ) -> (Zeroizing<[u8; BLOCK]>, bool) {
        let mut buffer = Zeroizing::new([0; ENCRYPTED_KEY]);
        let mut session_key = self.0.fallback.clone();
        let unwrapped = match decrypt_oaep(&self.0.oaep, encrypted, &mut buffer) {
            Some(message) if message.len() == BLOCK => {
                session_key.copy_from_slice(message);
                true
            }
            _ => false,
        };
        (session_key, unwrapped)
    }

    pub(crate) fn count(&self) {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        self.0.last_opened.store(now.as_secs(), Ordering::Relaxed);
    }
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingKey")
            .field("fingerprint", &self.0.fingerprint.short())
            .finish_non_exhaustive()
    }
}

/// Encrypts a message with the public key as a phone does, and checks that the private key decrypts it.
fn opens_what_is_sealed(key: &OaepPrivateDecryptingKey, spki: &[u8], message: &[u8; BLOCK]) -> bool {
    let public = PublicEncryptingKey::from_der(spki)
        .ok()
        .and_then(|public| OaepPublicEncryptingKey::new(public).ok());
    let mut sealed = [0; ENCRYPTED_KEY];
    let sealed_whole = public.is_some_and(|public| {
        public
            .encrypt(&OAEP_SHA256_MGF1SHA256, message, &mut sealed, None)
            .is_ok_and(|sealed| sealed.len() == ENCRYPTED_KEY)
    });
    let mut buffer = Zeroizing::new([0; ENCRYPTED_KEY]);
    sealed_whole && decrypt_oaep(key, &sealed, &mut buffer).is_some_and(|opened| opened == message)
}

/// Decrypts RSA-OAEP with SHA-256, MGF1-SHA-256 and an empty label (RFC 8017 §7.1.2).
fn decrypt_oaep<'a>(
    key: &OaepPrivateDecryptingKey,
    encrypted: &[u8],
    buffer: &'a mut [u8; ENCRYPTED_KEY],
) -> Option<&'a [u8]> {
    key.decrypt(&OAEP_SHA256_MGF1SHA256, encrypted, buffer, None)
        .ok()
        .map(|message| &*message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hex, test_data, text};

    #[test]
    fn wycheproof_rsa_oaep_2048_with_sha_256() {
        let vectors = test_data("wycheproof_rsa_oaep_2048_sha256.json");
        let pkcs8 = hex(text(&vectors["privateKeyPkcs8"]));
        let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).unwrap();
        let key = OaepPrivateDecryptingKey::new(key).unwrap();
        let cases = vectors["tests"].as_array().unwrap();
        assert_eq!(cases.len(), 29);
        for case in cases {
            let mut buffer = [0; ENCRYPTED_KEY];
            let message = decrypt_oaep(&key, &hex(text(&case["ct"])), &mut buffer);
            let expected = (case["result"] == "valid").then(|| hex(text(&case["msg"])));
            assert_eq!(
                message.map(<[u8]>::to_vec),
                expected,
                "case {}: {}",
                case["tcId"],
                case["comment"]
            );
        }
    }

    #[test]
    fn a_message_of_the_wrong_length_is_no_session_key() {
        let vectors = test_data("wycheproof_rsa_oaep_2048_sha256.json");
        let key = PrivateKey::parse(hex(text(&vectors["privateKeyPkcs8"])), None).unwrap();
        let key = RingKey::new(&key).unwrap();
        for case in vectors["tests"].as_array().unwrap() {
            let Ok(encrypted) = hex(text(&case["ct"])).try_into() else {
                continue;
            };
            let (session_key, unwrapped) = key.unwrap_session_key(&encrypted);
            assert!(!unwrapped, "case {}", case["tcId"]);
            assert_eq!(session_key, key.0.fallback);
        }
    }

    #[test]
    fn a_key_must_decrypt_what_its_public_key_encrypts() {
        let vectors = test_data("wycheproof_rsa_oaep_2048_sha256.json");
        let key = PrivateKey::parse(hex(text(&vectors["privateKeyPkcs8"])), None).unwrap();
        let other = PrivateKey::generate().unwrap();
        let ready = RingKey::new(&key).unwrap();
        let opens = |spki| opens_what_is_sealed(&ready.0.oaep, spki, &[7; BLOCK]);
        assert!(opens(key.public_key().as_der()));
        assert!(!opens(other.public_key().as_der()));
        assert!(!opens(&[]));
    }

    #[test]
    fn the_fallback_session_key_is_random() {
        let vectors = test_data("wycheproof_rsa_oaep_2048_sha256.json");
        let key = PrivateKey::parse(hex(text(&vectors["privateKeyPkcs8"])), None).unwrap();
        let (one, other) = (RingKey::new(&key).unwrap(), RingKey::new(&key).unwrap());
        assert_ne!(*one.0.fallback, [0; BLOCK]);
        assert_ne!(one.0.fallback, other.0.fallback);
    }
}
