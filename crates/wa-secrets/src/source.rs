//! Sources of secrets: files, environment variables and commands.

use std::{borrow::Cow, fmt, path::PathBuf};

use zeroize::Zeroizing;

use crate::{
    ReadableByOthers, SecretFile, SecretFileError, SecretWarning, command, command::SecretCommandError,
};

/// The source of a secret. `Debug` shows neither the path nor the name, because either may be the secret
/// itself, passed by mistake.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretSource {
    /// The first line of a file.
    File(PathBuf),
    /// The complete value of an environment variable.
    Variable(String),
    /// The first line that a command of the system's shell prints, such as `pass show flows`. Each read runs
    /// it.
    Command(String),
}

/// The reason why no secret could be read from a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretSourceError {
    /// The file cannot be read, or has no secret.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// The command fails, or prints no secret.
    #[error(transparent)]
    Command(#[from] SecretCommandError),
    /// The environment variable is not set, or empty.
    #[error("{}", match .0 { Some(name) => format!("the environment variable {name} is not set"),
        None => "the environment variable is not set".to_owned() })]
    Unset(
        /// The name, unless it could be the secret itself.
        Option<String>,
    ),
}

impl SecretSourceError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Command(error) => error.remedy(),
            Self::Unset(_) => Some(Cow::Borrowed("set the variable to the secret")),
        }
    }
}

impl SecretSource {
    /// Reads the secret. `variable` returns the value of an environment variable. It blocks: a command may
    /// take up to a minute.
    ///
    /// # Errors
    ///
    /// [`SecretSourceError`] if the file cannot be read, the variable is not set, or the command fails.
    pub fn read(
        &self,
        variable: impl FnOnce(&str) -> Option<String>,
    ) -> Result<FoundSecret, SecretSourceError> {
        match self {
            Self::File(path) => Ok(SecretFile::open(path)?.into_first_line()?),
            Self::Command(command) => Ok(command::run(command)?),
            Self::Variable(name) => variable(name)
                .map(Zeroizing::new)
                .filter(|value| !value.is_empty())
                .map(|value| FoundSecret::new(value, None))
                .ok_or_else(|| SecretSourceError::Unset(is_surely_a_name(name).then(|| name.clone()))),
        }
    }
}

/// Returns whether a text is a name such as `APP_SECRET`; neither tokens nor app secrets look like that.
fn is_surely_a_name(name: &str) -> bool {
    name.contains('_')
        && name.len() <= 64
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(_) => "SecretSource::File(..)",
            Self::Variable(_) => "SecretSource::Variable(..)",
            Self::Command(_) => "SecretSource::Command(..)",
        })
    }
}

/// A secret of unknown type that was read from a source, wiped from memory when dropped.
pub struct FoundSecret {
    text: Zeroizing<String>,
    warning: Option<SecretWarning>,
}

impl FoundSecret {
    pub(crate) fn new(text: Zeroizing<String>, warning: Option<ReadableByOthers>) -> Self {
        Self {
            text,
            warning: warning.map(SecretWarning::ReadableByOthers),
        }
    }

    /// Returns the secret itself. Keep it out of logs and errors.
    pub fn expose_secret(&self) -> &str {
        &self.text
    }

    /// Returns a warning if other users can access the file of the secret.
    pub fn warning(&self) -> Option<&SecretWarning> {
        self.warning.as_ref()
    }
}

impl fmt::Debug for FoundSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FoundSecret(..)")
    }
}
