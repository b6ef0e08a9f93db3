//! Secrets of WhatsApp Flows, and one reader of the files and variables that they come from.
//!
//! [`AppSecret`], [`AccessToken`] and [`Passphrase`] are wiped from memory when they are dropped. They have no `Clone`
//! and no `Display`, and their `Debug` is constant.
//!
//! [`SecretSource`] names a file or an environment variable, and reads it. Files are decoded as editors and shells write
//! them: UTF-8, UTF-8 with a byte order mark, and UTF-16 with one. The secret is the first line without its line end.
//! Errors and warnings never contain a secret, nor text of a file.
//!
//! ```
//! use wa_secrets::{AppSecret, SecretSource};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("app-secret.txt");
//! # std::fs::write(&path, "\u{feff}0123456789abcdef0123456789abcdef\r\n").unwrap();
//! let found = SecretSource::File(path).read(|name| std::env::var(name).ok())?;
//! if let Some(warning) = found.warning() {
//!     eprintln!("warning: {warning}; {}", warning.help());
//! }
//! let secret = AppSecret::new(found.expose_secret())?;
//! assert!(secret.is_usual());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod error;
mod file;
mod passphrase;
mod source;
mod token;
mod warning;

pub use error::{SecretError, SecretFileError};
pub use file::{MAX_FILE_BYTES, SecretFile};
pub use passphrase::Passphrase;
pub use source::{FoundSecret, SecretSource, SecretSourceError};
pub use token::{AccessToken, AppSecret};
pub use warning::{ReadableByOthers, SecretWarning};
