//! Phone numbers and their keys, stored compactly: an emulator may have 100,000 of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use serde::Serialize;
use tokio::time::Instant;

use super::NumberState;
use crate::pem::CheckedKey;

/// An id that several objects share.
pub(crate) type Id = Arc<str>;

/// Whether Meta's signature over a registered key is valid (`business_public_key_signature_status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum SignatureStatus {
    /// The key was uploaded after the number was last registered.
    Valid,
    /// The number was re-registered after the upload, or there is no key.
    Mismatch,
}

/// The state of one phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NumberView {
    /// The phone number id.
    pub id: String,
    /// The WhatsApp Business account that the number belongs to.
    pub account: String,
    /// Whether a key can be set for it.
    pub state: NumberState,
    /// The registered key with LF line ends, or `None`.
    pub business_public_key: Option<String>,
    /// The SHA-256 of the registered key's SPKI DER as 64 hex digits, or `None`.
    pub fingerprint: Option<String>,
    /// Whether the signature over that key is valid.
    pub signature_status: SignatureStatus,
    /// The number of uploads that were accepted since the number was added.
    pub uploads: u32,
}

/// A registered public key. Numbers with the same key share it.
#[derive(Debug)]
pub(crate) struct PublicKey {
    der: Box<[u8]>,
    /// The uploaded text, if it is not the usual one (lines of 64 characters, a line end after the block).
    text: Option<Box<str>>,
}

impl PublicKey {
    pub(crate) fn pem(&self) -> String {
        match &self.text {
            Some(text) => text.to_string(),
            None => crate::pem::encode(&self.der),
        }
    }

    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.der)
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Renders a fingerprint as people and other tools write it.
pub(crate) fn hex(fingerprint: &[u8; 32]) -> String {
    HEXLOWER.encode(fingerprint)
}

/// The keys in use, each stored once.
#[derive(Debug, Default)]
pub(crate) struct KeyPool {
    keys: HashMap<[u8; 32], Arc<PublicKey>>,
    /// The size at which unused keys are removed next.
    sweep_at: usize,
}

impl KeyPool {
    const SMALLEST_SWEEP: usize = 1024;

    pub(crate) fn intern(&mut self, key: CheckedKey) -> Arc<PublicKey> {
        if self.keys.len() >= self.sweep_at.max(Self::SMALLEST_SWEEP) {
            self.keys.retain(|_, key| Arc::strong_count(key) > 1);
            self.sweep_at = self.keys.len() * 2;
        }
        let CheckedKey { pem, der } = key;
        let shared = self.keys.entry(sha256(pem.as_bytes())).or_insert_with(|| {
            let is_usual = crate::pem::encode(&der) == pem;
            Arc::new(PublicKey {
                der: der.into_boxed_slice(),
                text: (!is_usual).then(|| pem.into_boxed_str()),
            })
        });
        Arc::clone(shared)
    }
}

/// What Graph knows about the key of a number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registration {
    pub(crate) key: Option<Arc<PublicKey>>,
    pub(crate) signed: bool,
}

impl Registration {
    pub(crate) fn status(&self) -> SignatureStatus {
        if self.signed && self.key.is_some() {
            SignatureStatus::Valid
        } else {
            SignatureStatus::Mismatch
        }
    }
}

#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) account: Id,
    /// The position in the list of the account.
    pub(crate) position: u64,
    pub(crate) display: Option<Box<str>>,
    pub(crate) verified_name: Option<Box<str>>,
    pub(crate) state: NumberState,
    pub(crate) uploads: u32,
    current: Registration,
    /// What a read that is not up to date returns.
    previous: Registration,
    /// Until then every read returns `previous`.
    visible_at: Option<Instant>,
}

impl Number {
    pub(crate) fn new(account: Id, position: u64, state: NumberState) -> Self {
        Self {
            account,
            position,
            display: None,
            verified_name: None,
            state,
            uploads: 0,
            current: Registration::default(),
            previous: Registration::default(),
            visible_at: None,
        }
    }

    pub(crate) fn display(&self) -> String {
        let position = self.position;
        match &self.display {
            Some(display) => display.to_string(),
            None => format!("+1 555-{:03}-{:04}", position / 10_000 % 1_000, position % 10_000),
        }
    }

    pub(crate) fn verified_name(&self, id: &str) -> String {
        match &self.verified_name {
            Some(name) => name.to_string(),
            None => format!("Number {id}"),
        }
    }

    /// Returns what is registered, whether or not reads show it yet.
    pub(crate) fn registration(&self) -> &Registration {
        &self.current
    }

    /// Returns what a read shows: the state before the last change if `stale`, or before it has propagated.
    pub(crate) fn visible(&self, stale: bool) -> &Registration {
        if stale || self.visible_at.is_some_and(|at| Instant::now() < at) {
            &self.previous
        } else {
            &self.current
        }
    }

    /// Sets the key; reads show it after `delay`.
    pub(crate) fn set_key(&mut self, key: Option<Arc<PublicKey>>, delay: Duration) {
        self.previous = self.visible(false).clone();
        self.current = Registration {
            signed: key.is_some(),
            key,
        };
        self.visible_at = (!delay.is_zero()).then(|| Instant::now() + delay);
    }

    /// Gives the number a new WhatsApp identity: the signature over its key is no longer valid.
    pub(crate) fn reregister(&mut self) {
        self.current.signed = false;
        self.visible_at = None;
        self.state = NumberState::Registered;
    }

    pub(crate) fn view(&self, id: &str) -> NumberView {
        let key = self.current.key.as_ref();
        NumberView {
            id: id.to_owned(),
            account: self.account.to_string(),
            state: self.state,
            business_public_key: key.map(|key| key.pem()),
            fingerprint: key.map(|key| hex(&key.fingerprint())),
            signature_status: self.current.status(),
            uploads: self.uploads,
        }
    }
}
