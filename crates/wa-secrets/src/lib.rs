//! Secrets of WhatsApp Flows, and a reader for secret files, environment variables and commands.
//!
//! [`AppSecret`], [`AccessToken`] and [`Passphrase`] are wiped from memory when they are dropped. They have
//! no `Clone` and no `Display`, and their `Debug` output is constant.
//!
//! [`SecretSource`] reads a secret from a file, an environment variable or a command. Files may be UTF-8,
//! with or without a byte order mark, or UTF-16 with a byte order mark, as editors and shells write them. The
//! secret is the first line without its line end. Errors and warnings never contain a secret or other text of
//! a file. [`AtomicFile`] writes a file that appears only when it is complete, and [`variables`] names the
//! environment variables.
//!
//! ```
//! use wa_secrets::{AppSecret, SecretSource};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("app-secret.txt");
//! # std::fs::write(&path, "\u{feff}0123456789abcdef0123456789abcdef\r\n").unwrap();
//! let found = SecretSource::File(path).read(|name| std::env::var(name).ok())?;
//! if let Some(warning) = found.warning() {
//!     eprintln!("warning: {warning}; {}", warning.remedy().unwrap_or_default());
//! }
//! let secret = AppSecret::new(found.expose_secret())?;
//! assert!(secret.is_usual());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic;
mod command;
mod decode;
mod error;
mod file;
mod passphrase;
mod source;
mod token;
pub mod variables;
mod warning;

pub use atomic::AtomicFile;
pub use command::SecretCommandError;
pub use error::{SecretError, SecretFileError};
pub use file::{MAX_FILE_BYTES, SecretFile};
pub use passphrase::Passphrase;
pub use source::{FoundSecret, SecretSource, SecretSourceError};
pub use token::{AccessToken, AppSecret};
pub use warning::{ReadableByOthers, SecretWarning};
