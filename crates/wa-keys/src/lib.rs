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
mod error;
pub mod file;
mod fingerprint;
mod form;
#[cfg(feature = "generate")]
mod generate;
mod inspect;
pub mod limits;
mod numbers;
mod private_key;
mod protection;
mod public_key;
mod secret;
mod select;
mod shape;
mod text;

pub use algorithm::KeyAlgorithm;
pub use error::{Cost, Damage, ExponentFault, KeyError, Relation};
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use form::{ForeignForm, Form};
pub use inspect::{Inspection, Item, Kind, inspect};
pub use private_key::PrivateKey;
pub use protection::{Cipher, Encryption, KeyDerivation, Prf, Protection};
pub use public_key::PublicKey;
pub use secret::{Passphrase, SecretPem};
pub use text::Encoding;
