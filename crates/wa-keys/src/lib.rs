//! RSA-2048 keys for WhatsApp Flows: generate, read every form, check, convert, protect, fingerprint.
//!
//! ```
//! # #[cfg(feature = "generate")] {
//! use wa_keys::{PrivateKey, PublicKey};
//!
//! let key = PrivateKey::generate()?;
//! let pem = key.public_key().to_pem();
//! assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
//! assert_eq!(PublicKey::parse(&pem)?.fingerprint(), key.public_key().fingerprint());
//! # }
//! # Ok::<(), wa_keys::KeyError>(())
//! ```

mod algorithm;
mod dek;
mod error;
mod fingerprint;
mod form;
#[cfg(feature = "generate")]
mod generate;
pub mod limits;
mod numbers;
mod private_key;
mod public_key;
mod secret;
mod select;
mod shape;
mod text;

pub use algorithm::KeyAlgorithm;
pub use error::{Cost, Damage, ExponentFault, KeyError, Relation};
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use form::{ForeignForm, Form};
pub use private_key::PrivateKey;
pub use public_key::PublicKey;
pub use secret::{Passphrase, SecretPem};
pub use text::Encoding;
