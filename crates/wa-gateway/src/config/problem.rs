//! What is wrong with a configuration: every problem, with its place and what to do.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;

use wa_flows::{EndpointConfigError, KeyRingError};
use wa_keys::KeyError;
use wa_keys::file::FileError;
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
    /// Nowhere: it is the default, or it is missing.
    Nowhere,
}

/// All that is wrong with a configuration; there is at least one problem.
///
/// `Display` has a line for each, and below it what to do about it where there is something to say.
#[derive(Debug)]
pub struct ConfigErrors(Vec<ConfigProblem>);

/// One problem of a configuration.
#[derive(Debug)]
pub struct ConfigProblem {
    origin: Origin,
    key: String,
    fault: ConfigFault,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFault {
    /// The configuration file cannot be read.
    #[error("the configuration file cannot be read")]
    Unreadable(#[source] io::Error),
    /// What stands behind the environment cannot be read again.
    #[error("the variables cannot be read again")]
    Variables(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The text is no TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// There is no such key.
    #[error("unknown key{}", .suggestion.map_or_else(String::new, |known| format!("; did you mean `{known}`?")))]
    UnknownKey {
        /// A known key that is written much the same.
        suggestion: Option<&'static str>,
    },
    /// A secret is written into the configuration.
    #[error(
        "a secret does not belong into the configuration: name a file with `{file}` or a variable with `{env}`"
    )]
    InlineSecret {
        /// The key that names a file instead.
        file: &'static str,
        /// The key that names an environment variable instead.
        env: &'static str,
    },
    /// The value is not of the right kind.
    #[error("{}expected {expected}", .found.as_ref().map_or_else(String::new, |found| format!("found {found}, ")))]
    WrongValue {
        /// What it should be.
        expected: &'static str,
        /// What it is; nothing if it may be a secret.
        found: Option<String>,
    },
    /// A key was written where the path of its file is due.
    #[error(
        "this is a key or a certificate, not the path of one: write it to a file, and name that (its text is not shown)"
    )]
    KeyInPlaceOfPath,
    /// A value is needed.
    #[error("missing: {0}")]
    Missing(&'static str),
    /// The value contradicts another.
    #[error("{0}")]
    Conflict(&'static str),
    /// The value is out of its range.
    #[error("must be {0}")]
    OutOfRange(&'static str),
    /// A value that must be unlike any other is not.
    #[error("{0} is used by an earlier endpoint")]
    Duplicate(String),
    /// A setting of one endpoint was given beside a file that has several.
    #[error("it sets one endpoint, and the file has {0}: set it in the file")]
    Ambiguous(usize),
    /// A file or directory that is named cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file or the environment variable of a secret gives none. A name that may be the secret itself is not shown.
    #[error("no secret")]
    NoSecret(#[source] SecretSourceError),
    /// A secret can be used, but not where secrets are checked strictly.
    #[error("{0} (refused because of `strict_secrets`)")]
    StrictSecret(SecretWarning),
    /// A directory has no key.
    #[error("{} holds no private key: put a file that ends in .pem there (`wa keys generate`)", .0.display())]
    NoKeys(PathBuf),
    /// A line of a list of revoked keys is no fingerprint.
    #[error(
        "{}, line {line}: no fingerprint; write the first 16 hex digits or more, as the log and `wa gateway --check` show them", .path.display()
    )]
    Revocation {
        /// The list.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// A private key cannot be read or is refused.
    #[error("a private key cannot be used")]
    Key(#[source] Box<FileError>),
    /// A private key cannot decrypt.
    #[error("a private key cannot decrypt")]
    Ring(#[source] KeyRingError),
    /// An app secret is refused.
    #[error("no usable app secret")]
    Secret(#[source] SecretError),
    /// The certificate or its key is refused.
    #[error("{} {reason}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An endpoint cannot be made of its settings.
    #[error("no endpoint can be made of these settings")]
    Endpoint(#[source] EndpointConfigError),
    /// The certificate authorities of an https upstream cannot be used.
    #[error(
        "no certificate authority to check an https upstream with: install the system's ca-certificates, or set `upstream_ca`"
    )]
    NoAuthorities,
}

impl ConfigErrors {
    /// The problems, in the order of the configuration.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.0
    }

    /// The one problem of a file as a whole.
    pub(crate) fn one(origin: Origin, fault: ConfigFault) -> Self {
        Self(vec![ConfigProblem {
            origin,
            key: String::new(),
            fault,
        }])
    }

    /// Logs each problem, after what it means for the gateway.
    pub(crate) fn log(&self, consequence: &str) {
        for problem in &self.0 {
            let help = problem.help();
            tracing::error!(problem = problem.line(), help = help.as_deref(), "{consequence}");
        }
    }
}

impl ConfigProblem {
    /// Where the value was set.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The key, after the name or number of its endpoint if it is one of an endpoint; empty if it is the whole file.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong.
    pub fn fault(&self) -> &ConfigFault {
        &self.fault
    }

    /// What to do, where the text of the fault does not say it already.
    pub fn help(&self) -> Option<Cow<'static, str>> {
        let text = match &self.fault {
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
                    "check the passphrase (a blank at the end of its line counts); if the keys have different ones, list them all in `passphrase_file`"
                }
                error => return error.remedy(),
            },
            ConfigFault::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    "check the path: in the configuration file it is relative to the directory of that file"
                }
                io::ErrorKind::PermissionDenied => "let the user that the gateway runs as read it",
                _ => return None,
            },
            ConfigFault::NoSecret(SecretSourceError::File(error)) => return error.help(),
            ConfigFault::NoSecret(_) => {
                "set the variable, or name a file whose first line is the secret (`app_secret_file`, `passphrase_file`)"
            }
            ConfigFault::StrictSecret(warning) => return Some(warning.help().into()),
            ConfigFault::Ring(error) => return error.remedy(),
            ConfigFault::Endpoint(error) => return error.remedy(),
            _ => return None,
        };
        Some(Cow::Borrowed(text))
    }

    /// The problem with its causes, in one line.
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
            if let Some(help) = problem.help() {
                write!(f, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Problems as they are found.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<ConfigProblem>,
    scope: String,
}

impl Problems {
    /// Problems whose keys stand after a scope such as `endpoint "orders": `.
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

    /// The value, unless a problem was found or it could not be made for one.
    pub(crate) fn unless_any<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.found)),
        }
    }
}
