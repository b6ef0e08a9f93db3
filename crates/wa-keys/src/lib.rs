//! RSA-2048 keys for WhatsApp Flows: generate, read every form, check, convert, protect, fingerprint.
//!
//! A [`PublicKey`] that exists is one that WhatsApp can register: RSA, 2048 bits, a sound exponent; it is written in the
//! one form that WhatsApp's clients import. A [`PrivateKey`] that exists has numbers that belong together. Both are
//! read from whatever form people have, PEM or DER, without being told which, and untidy text is forgiven; what is
//! refused is refused with a [`KeyError`] of its own, whose [`help`](KeyError::help) tells what to do.
//!
//! [`inspect`](inspect()) tells of any file what it is, [`mod@file`] reads and writes key files with care, and [`limits`]
//! has the bounds that keep hostile files harmless. The crate does no network, logs nothing and pulls in no C code.
//!
//! The feature `generate` (on by default) adds `PrivateKey::generate` and with it the `rsa` crate; everything else
//! works without it.
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
mod pkcs12;
mod private_key;
mod protection;
mod public_key;
mod secret;
mod select;
mod shape;
mod text;
mod weak;

pub use algorithm::KeyAlgorithm;
pub use error::{Action, Advice, Cost, Damage, ExponentFault, KeyError, OpenSslSupport, Relation};
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use form::{ForeignForm, Form};
pub use inspect::{Inspection, Item, Kind, inspect};
pub use private_key::PrivateKey;
pub use protection::{Cipher, Encryption, KeyDerivation, Prf, Protection};
pub use public_key::PublicKey;
pub use secret::SecretPem;
pub use text::Encoding;
pub use wa_secrets::Passphrase;
