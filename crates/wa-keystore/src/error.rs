//! The errors of a key store.

use std::borrow::Cow;

use wa_keys::Fingerprint;

use crate::backend::BackendError;
use crate::log::LogFault;
use crate::store::StoreId;

/// The reason why an operation of a key store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The storage cannot be reached, or refused the call.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A location cannot be the address of a key store.
    #[error("{location} cannot be the address of a key store: {reason}")]
    Location {
        /// The location, without credentials.
        location: String,
        /// The fault.
        reason: String,
    },
    /// The location is not a key store: it has no `store.json`.
    #[error("the location is not a key store: it has no store.json")]
    NotAStore,
    /// The store was written by a later version.
    #[error("the key store has format {found}; this version reads format {supported}")]
    NewerFormat {
        /// The format of the store.
        found: u64,
        /// The format that this version reads.
        supported: u64,
    },
    /// An object of the store is damaged.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// Its path in the store.
        path: String,
        /// The fault.
        reason: String,
    },
    /// A name cannot be the name of a key set.
    #[error("{name:?} cannot be the name of a key set")]
    SetName {
        /// The name.
        name: String,
    },
    /// The log of the set cannot be continued.
    #[error("the log of key set {set} cannot be continued")]
    NotWritable {
        /// The set.
        set: String,
        /// The fault of its log.
        #[source]
        fault: LogFault,
    },
    /// An instance has read events of the set that its log does not have: the store was restored from an
    /// older backup, or replaced by another store.
    #[error(
        "the log of key set {set} ends at event {last}, but instance {instance} has read event {seen} of another log"
    )]
    OlderLog {
        /// The set.
        set: String,
        /// The number of the last event of the log.
        last: u64,
        /// The instance.
        instance: String,
        /// The number of the last event that it has read.
        seen: u64,
    },
    /// The current state of the set does not allow the change.
    #[error("key set {set} does not allow this now: {change}{}", key.map(|key| format!(" {}", key.short())).unwrap_or_default())]
    NotAllowed {
        /// The set.
        set: String,
        /// The event that was to be written.
        change: String,
        /// The key that it is about.
        key: Option<Fingerprint>,
    },
    /// Another writer was faster: nothing was written. Re-read the log, and decide again.
    #[error("another writer changed key set {set} at the same time (event {number})")]
    Conflict {
        /// The set.
        set: String,
        /// The number of the other writer's event.
        number: u64,
    },
    /// A private key that a log names is not in the store.
    #[error("key set {set} has no private key {}", key.short())]
    NoPrivateKey {
        /// The set.
        set: String,
        /// The key.
        key: Fingerprint,
    },
    /// The store reported an event as created, but contains the event of another writer.
    #[error("the key store does not create objects conditionally: {path} is the event of another writer")]
    Unconditional {
        /// The path of the event.
        path: String,
    },
    /// An event would be longer than 1 MiB.
    #[error("the event {event:?} is too large to store")]
    TooLarge {
        /// The name of the event.
        event: String,
    },
    /// No passphrase decrypts a private key.
    #[error("the private key {} cannot be decrypted", key.short())]
    Locked {
        /// The key.
        key: Fingerprint,
        /// The error of the last passphrase.
        #[source]
        source: Box<wa_keys::KeyError>,
    },
    /// There are keys to serve, and none of them can be decrypted.
    #[error("no private key can be decrypted, such as {} of key set {set}", key.short())]
    NoneOpened {
        /// The set of one of them.
        set: String,
        /// One of them.
        key: Fingerprint,
    },
    /// A copy is that of another key store.
    #[error("{path} is a copy of key store {found}, not of {expected}")]
    OtherStore {
        /// The path of the copy.
        path: String,
        /// The store that it is a copy of.
        found: StoreId,
        /// The store that was opened.
        expected: StoreId,
    },
    /// The store did not respond in time.
    #[error("the key store did not respond in time")]
    TimedOut,
    /// A private key without a passphrase is not stored where others may read it.
    #[error("the private key {} is not encrypted, and this key store accepts encrypted keys only", key.short())]
    Unencrypted {
        /// The key.
        key: Fingerprint,
    },
    /// The operating system provides no randomness.
    #[error("the operating system provided no randomness")]
    Randomness(#[source] std::io::Error),
}

impl StoreError {
    /// Returns what to do about the error; `None` if that depends on its cause.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::Backend(_) | Self::Randomness(_) | Self::TimedOut => return None,
            Self::NoneOpened { .. } => "Check the passphrase of the key store.",
            Self::OtherStore { .. } => {
                "Use another directory for the copy, or check the address of the key store."
            }
            Self::Location { .. } => {
                "Pass a directory, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX, and set \
                 credentials and endpoints in the environment."
            }
            Self::NotAStore => "Check the path. A new key store is created by the first rotation or import.",
            Self::NewerFormat { .. } => "Use the version that wrote the store, or a later one.",
            Self::Damaged { path, .. } if path.starts_with("instances/") => {
                "Delete the object if that instance no longer runs."
            }
            Self::Damaged { .. } => "Restore the object from a backup of the store; nothing was changed.",
            Self::SetName { .. } => {
                "Use 1 to 63 lowercase letters, digits, '-' and '_', beginning with a letter or a digit."
            }
            Self::NotWritable { .. } => {
                "Restore the missing or damaged event from a backup, or use the version that wrote \
                 it. Endpoints continue to serve the keys that they have."
            }
            Self::OlderLog { .. } => {
                "Restore the later events and private keys from a newer backup with `wa store copy`. If there is \
                 none, check which key is registered, rotate with a new key set, or delete \
                 the objects in instances/ once no running instance serves lost keys."
            }
            Self::NotAllowed { .. } => "Re-read the state of the keys: it may have changed since.",
            Self::Conflict { .. } => {
                "Run the command again: it continues from the state that the other writer left."
            }
            Self::NoPrivateKey { .. } => {
                "Restore the file from a backup of the store, or rotate to a new key."
            }
            Self::Unconditional { .. } => {
                "Use a key store that `wa store check` accepts. Re-read the state of the keys."
            }
            Self::TooLarge { .. } => "Add fewer phone numbers at a time.",
            Self::Locked { .. } => {
                "Pass the passphrase that encrypts the key; while it changes, pass the old one \
                 and the new one."
            }
            Self::Unencrypted { .. } => "Pass a passphrase.",
        };
        Some(text.into())
    }
}
