//! Where the private keys of WhatsApp Flows are stored, and which state each of them is in.
//!
//! A **key store** is a directory or a prefix of a bucket. It contains **key sets**: named keys, one of them
//! the *primary*, with the phone numbers and the endpoint URL that use them. What happens to a set is an
//! append-only log of small events; the states of its keys are derived from the log and stored nowhere else.
//! Objects are only ever created, so two operators on two machines can work on one set at the same time, and
//! a process that is killed leaves nothing half-done that the next run does not continue.
//!
//! [`open_url`] opens a directory or a bucket; buckets need the features `s3`, `gcs` and `azure`. A server
//! takes its keys from a [`Follower`], which keeps them in memory and follows changes.
//!
//! | state | served | uploaded |
//! |---|---|---|
//! | [`Pending`](KeyState::Pending) | yes | not yet |
//! | [`Primary`](KeyState::Primary) | yes | yes, the only one |
//! | [`Enabled`](KeyState::Enabled) | yes | no longer |
//! | [`Disabled`](KeyState::Disabled) | no | no |
//! | [`DestroyScheduled`](KeyState::DestroyScheduled) | no | no |
//! | [`Destroyed`](KeyState::Destroyed) | no | no; the private key is deleted |
//!
//! ```
//! use wa_keys::{Passphrase, PrivateKey};
//! use wa_keystore::{Added, Directory, KeyStore, ProtectedKey};
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("keys");
//! let store = KeyStore::open_or_create(Directory::new(&folder)).await?;
//! let set = store.set("bookings")?.by("alice");
//! let passphrase = Passphrase::new("a passphrase of your own");
//!
//! let key = ProtectedKey::encrypt(&PrivateKey::generate()?, &passphrase)?;
//! let mut log = set.read().await?;
//! assert_eq!(set.add(&mut log, &key).await?, Added::New);
//! set.promote(&mut log, key.fingerprint()).await?;
//! assert_eq!(log.primary().map(|key| key.fingerprint), Some(key.fingerprint()));
//! # Ok(()) }
//! ```

mod backend;
mod clock;
mod conformance;
mod error;
mod event;
mod follower;
mod instance;
mod location;
mod log;
mod protected_key;
mod rfc3339;
mod set;
mod state;
mod store;
mod warning;

pub use backend::directory::Directory;
pub use backend::memory::Memory;
pub use backend::{Backend, BackendError, Created, Listed, Object};
pub use clock::Clock;
pub use conformance::{ConformanceError, check_conformance};
pub use error::StoreError;
pub use event::{Change, Event, EventId};
pub use follower::{Follower, FollowerBuilder, FollowerStatus, Notice, ServedKey, ServedKeys, ServedSet};
pub use instance::{InstanceRecord, KeyReport, SetReport};
pub use location::{open_url, open_url_with};
pub use log::{KeyRecord, LogFault, Promotion, SetLog};
pub use protected_key::{LockedKey, ProtectedKey};
pub use set::{Added, KeySet, NewPassphrase};
pub use state::KeyState;
pub use store::{CheckReport, CopyReport, Finding, KeyStore, Severity, StoreId};
pub use warning::StoreWarning;
