//! The problems of a configuration, each with its location and remedy.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;

use wa_flows::{EndpointConfigError, KeyRingError};
use wa_keys::KeyError;
use wa_keys::file::FileError;
use wa_keystore::StoreError;
use wa_secrets::{SecretError, SecretSourceError, SecretWarning};

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// In the configuration file.
    File {
        /// The file as it was named.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// In an environment variable.
    Environment(&'static str),
    /// By a flag, without its dashes.
    Flag(&'static str),
    /// Nowhere: it is the default, or the value is missing.
    Nowhere,
}

/// All problems of a configuration; there is at least one.
///
/// `Display` prints a line for each problem, followed by a line `hint: …` if it has a remedy.
#[derive(Debug)]
pub struct ConfigErrors(Vec<ConfigProblem>);

/// One problem of a configuration.
#[derive(Debug)]
pub struct ConfigProblem {
    origin: Origin,
    key: String,
    fault: ConfigFault,
}

/// The fault of a [`ConfigProblem`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFault {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file")]
    Unreadable(#[source] io::Error),
    /// The source of the environment variables, such as a file, cannot be re-read.
    #[error("cannot re-read the environment variables")]
    Variables(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The text is not TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// There is no such key.
    #[error("unknown key")]
    UnknownKey {
        /// A known key with a similar name.
        suggestion: Option<&'static str>,
    },
    /// The key was renamed.
    #[error("this key was renamed to `{to}`")]
    Renamed {
        /// Its new name.
        to: &'static str,
    },
    /// The configuration contains a secret.
    #[error("the configuration must not contain secrets")]
    InlineSecret {
        /// The key that names a file instead.
        file: &'static str,
        /// The key that names an environment variable instead.
        env: &'static str,
    },
    /// The value does not have the expected form.
    #[error("{}expected {expected}", .found.as_ref().map_or_else(String::new, |found| format!("found {found}, ")))]
    WrongValue {
        /// The expected form.
        expected: &'static str,
        /// The value; `None` if it could be a secret.
        found: Option<String>,
    },
    /// The value is a key instead of the path of its file.
    #[error("this is a key or a certificate, not the path of its file (the text is not shown)")]
    KeyInPlaceOfPath,
    /// A required value is missing.
    #[error("missing: {0}")]
    Missing(&'static str),
    /// The value conflicts with another setting.
    #[error("{reason}")]
    Conflict {
        /// The conflict.
        reason: &'static str,
        /// How to resolve it.
        remedy: &'static str,
    },
    /// The value is out of range.
    #[error("must be {0}")]
    OutOfRange(&'static str),
    /// A value that must be unique is used twice.
    #[error("{0} is used by an earlier endpoint")]
    Duplicate(String),
    /// A flag or variable of an endpoint was set, but the file has several endpoints.
    #[error("the file has {0} endpoints, and this flag or variable applies to a single one")]
    Ambiguous(usize),
    /// A file or directory cannot be read.
    #[error("cannot read {}", .path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The file or variable contains no usable secret. A name that could be the secret itself is not shown.
    #[error("cannot read the secret")]
    NoSecret(#[source] SecretSourceError),
    /// A secret has a warning, which `strict_secrets` turns into an error.
    #[error("{0} (refused because of `strict_secrets`)")]
    StrictSecret(SecretWarning),
    /// A directory contains no private key.
    #[error("{} contains no private key", .0.display())]
    NoKeys(PathBuf),
    /// A line of `revoked.txt` is not a fingerprint.
    #[error("{}, line {line}: not a fingerprint", .path.display())]
    Revocation {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// A private key is unreadable or invalid.
    #[error("cannot use a private key")]
    Key(#[source] Box<FileError>),
    /// A private key cannot decrypt.
    #[error("a private key cannot decrypt")]
    Ring(#[source] KeyRingError),
    /// The key store cannot be read, or a key of it cannot be opened.
    #[error("cannot use the key store")]
    KeyStore(#[source] Box<StoreError>),
    /// An app secret is invalid.
    #[error("invalid app secret")]
    Secret(#[source] SecretError),
    /// A certificate or its private key is invalid.
    #[error("{} {reason}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The fault, after the name of the file.
        reason: &'static str,
        /// How to fix it.
        remedy: Option<&'static str>,
    },
    /// The settings of an endpoint are invalid together.
    #[error("cannot build an endpoint from these settings")]
    Endpoint(#[source] EndpointConfigError),
    /// There is no certificate authority to verify an https upstream with.
    #[error("the system has no certificate authorities to verify an https upstream with")]
    NoAuthorities,
}

impl ConfigErrors {
    /// Returns the problems in the order of the configuration.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.0
    }

    /// Creates the error for a single problem of the whole file.
    pub(crate) fn one(origin: Origin, fault: ConfigFault) -> Self {
        Self(vec![ConfigProblem {
            origin,
            key: String::new(),
            fault,
        }])
    }

    /// Logs each problem; `consequence` is the message.
    pub(crate) fn log(&self, consequence: &str) {
        for problem in &self.0 {
            let remedy = problem.remedy();
            tracing::error!(
                problem = problem.line(),
                remedy = remedy.as_deref(),
                "{consequence}"
            );
        }
    }
}

impl ConfigProblem {
    /// Returns where the value was set.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the key, with the name or number of its endpoint before it; empty for a problem of the whole
    /// file.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the fault.
    pub fn fault(&self) -> &ConfigFault {
        &self.fault
    }

    /// Returns the action that fixes the problem, if one is known.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match &self.fault {
            ConfigFault::UnknownKey { suggestion } => {
                return suggestion.map(|known| format!("did you mean `{known}`?").into());
            }
            ConfigFault::Renamed { to } => return Some(format!("rename the key to `{to}`").into()),
            ConfigFault::InlineSecret { file, env } => {
                let remedy = format!("name a file with `{file}`, or an environment variable with `{env}`");
                return Some(remedy.into());
            }
            ConfigFault::KeyInPlaceOfPath => "write the text to a file, and set the path of that file",
            ConfigFault::Conflict { remedy, .. } => remedy,
            ConfigFault::Certificate { remedy, .. } => return remedy.map(Cow::Borrowed),
            ConfigFault::Ambiguous(_) => "set it in the `[[endpoint]]` tables of the file",
            ConfigFault::NoKeys(_) => {
                "add a private key whose file name ends in .pem (`wa keys generate` creates one)"
            }
            ConfigFault::Revocation { .. } => {
                "write at least the first 16 hex digits of the fingerprint, as `wa gateway --check` shows them"
            }
            ConfigFault::NoAuthorities => "install the package ca-certificates, or set `upstream_ca`",
            ConfigFault::Key(error) => match &**error {
                FileError::Key {
                    source: KeyError::PassphraseNeeded { .. },
                    ..
                } => {
                    "set `passphrase_file`, `passphrase_env` or the variable WA_KEY_PASSPHRASE to the key's passphrase"
                }
                FileError::Key {
                    source: KeyError::WrongPassphrase { .. },
                    ..
                } => {
                    "check the passphrase, including trailing spaces; if the keys have different ones, list all in `passphrase_file`"
                }
                error => return error.remedy(),
            },
            ConfigFault::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    "check the path: in the configuration file, it is relative to the directory of that file"
                }
                io::ErrorKind::PermissionDenied => "grant read access to the user that runs the gateway",
                _ => return None,
            },
            ConfigFault::NoSecret(SecretSourceError::File(error)) => return error.remedy(),
            ConfigFault::NoSecret(_) => {
                "set the variable, or name a file with the secret in its first line (`app_secret_file`, `passphrase_file`)"
            }
            ConfigFault::StrictSecret(warning) => return warning.remedy(),
            ConfigFault::Secret(error) => return error.remedy(),
            ConfigFault::KeyStore(error) => return error.remedy(),
            ConfigFault::Ring(error) => return error.remedy(),
            ConfigFault::Endpoint(error) => return error.remedy(),
            _ => return None,
        };
        Some(Cow::Borrowed(text))
    }

    /// Returns the problem and its causes in one line.
    pub fn line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            // Writing to a String cannot fail.
            let _ = write!(line, ": {error}");
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line: 0 } => write!(f, "{}", file.display()),
            Self::File { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Nowhere => f.write_str("configuration"),
        }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.fault)
    }
}

impl std::error::Error for ConfigProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.fault)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let line_end = if at > 0 { "\n" } else { "" };
            write!(f, "{line_end}{}", problem.line())?;
            if let Some(remedy) = problem.remedy() {
                write!(f, "\n  hint: {remedy}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects problems.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<ConfigProblem>,
    scope: String,
}

impl Problems {
    /// Creates a collection that puts a scope, such as `endpoint "orders": `, before each key.
    pub(crate) fn within(scope: &str) -> Self {
        Self {
            found: Vec::new(),
            scope: scope.to_owned(),
        }
    }

    pub(crate) fn add(&mut self, origin: Origin, key: &str, fault: ConfigFault) {
        self.found.push(ConfigProblem {
            origin,
            key: format!("{}{key}", self.scope),
            fault,
        });
    }

    pub(crate) fn extend(&mut self, errors: ConfigErrors) {
        self.found.extend(errors.0);
    }

    pub(crate) fn found_any(&self) -> bool {
        !self.found.is_empty()
    }

    /// Returns the value if there is one and no problem was found.
    pub(crate) fn unless_any<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.found)),
        }
    }
}
