//! RSA-2048 keys for WhatsApp Flows: generate, parse, validate, convert, encrypt and fingerprint them.
//!
//! - A [`PublicKey`] is always one that WhatsApp can register: RSA, 2048 bits, a valid exponent. It is
//!   written in the only format that WhatsApp's clients import.
//! - The numbers of a [`PrivateKey`] are always consistent, such as n = p·q.
//! - Both are parsed from any common format, in PEM or DER. The format is detected, and common damage to the
//!   text, such as literal `\n` or missing line breaks, is repaired.
//! - Each reason for a refusal has its own variant of [`KeyError`]. Its [`remedy`](KeyError::remedy) is how
//!   to fix it.
//! - [`inspect`](inspect()) describes any key file without its passphrase.
//! - [`mod@file`] reads and writes key files, with restrictive modes and atomic writes.
//! - [`limits`] lists the bounds that prevent a malicious file from consuming excessive time or memory.
//!
//! The crate opens no network connection, writes no log and depends on no C code.
//!
//! The feature `generate` (on by default) adds `PrivateKey::generate` and the dependency on the `rsa` crate;
//! everything else works without it.
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
mod contents;
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
pub use contents::Contents;
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
