//! Errors as users and programs see them: the chain of causes, then a hint.

use std::borrow::Cow;
use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use serde_json::json;
use wa_cloud::graph::{ApiVersionError, BuildError, IdError};
use wa_cloud::secrets::{SecretError, SecretFileError};
use wa_phone::PhoneBuildError;

use crate::terminal::{BAD, STRONG, Terminal, paint};

/// The exit status of the program, as documented in `wa --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    Failed = 1,
    Usage = 2,
    CheckFailed = 3,
    /// Interrupted by Ctrl-C; shells report 128 plus the number of the signal.
    Interrupted = 130,
}

/// An error with its hint and the exit status of the program.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
    /// The error code of Graph, if Graph returned one.
    code: Option<i64>,
    /// The trace id of Graph, if the response had one.
    fbtrace_id: Option<String>,
    exit: Exit,
}

/// An invalid option, argument or setting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Usage {
    #[error("cannot read the settings in {}: {reason}", path.display())]
    EnvFile { path: PathBuf, reason: String },
    /// The name of the file is not shown, because it may be the secret itself.
    #[error("cannot read the file passed with {option}")]
    SecretFile {
        option: &'static str,
        variable: &'static str,
        source: SecretFileError,
    },
    #[error("--pem prints a single key and cannot be combined with {with}")]
    PemWith { with: &'static str },
    #[error("expected a file name, but got the contents of a file")]
    TextForFile,
    #[error("cannot prompt for a secret")]
    Prompt { source: io::Error },
    #[error("the passphrases do not match")]
    PassphrasesDiffer,
    #[error("{what} is missing")]
    Missing { what: &'static str, hint: &'static str },
    #[error("invalid {name}")]
    Setting {
        name: String,
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("{} is given for both the private and the public key", path.display())]
    SameFile { path: PathBuf },
    #[error("the public key would overwrite {}, the key that it is read from", path.display())]
    OverInput { path: PathBuf },
    #[error("the environment variable {name} is not UTF-8")]
    NotUtf8 { name: &'static str },
    #[error("standard input is given more than once, but can be read only once")]
    StandardInputTwice,
}

impl Failure {
    /// Creates a failure with exit status 1.
    pub(crate) fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            error: error.into(),
            hint: None,
            code: None,
            fbtrace_id: None,
            exit: Exit::Failed,
        }
    }

    /// Creates a usage error, with exit status 2.
    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::failed(error)
        }
    }

    /// Creates a failure for a run that Ctrl-C interrupted.
    pub(crate) fn interrupted(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            exit: Exit::Interrupted,
            ..Self::failed(error)
        }
    }

    /// Sets the hint.
    pub(crate) fn with_hint(mut self, hint: Option<impl fmt::Display>) -> Self {
        self.hint = hint.map(|hint| hint.to_string());
        self
    }

    /// Sets the error code and the trace id of Graph.
    pub(crate) fn with_graph(self, code: Option<i64>, fbtrace_id: Option<String>) -> Self {
        Self {
            code,
            fbtrace_id,
            ..self
        }
    }

    /// Returns the exit status.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns the messages of the error and its causes, outermost first, without repetitions.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut chain: Vec<String> = vec![self.error.to_string()];
        let mut next = self.error.source();
        while let Some(error) = next {
            let text = error.to_string();
            if chain.last() != Some(&text) {
                chain.push(text);
            }
            next = error.source();
        }
        chain
    }

    /// Returns the failure as JSON.
    pub(crate) fn as_json(&self) -> serde_json::Value {
        let chain = self.chain();
        let (first, causes) = chain
            .split_first()
            .map_or(("", &[][..]), |(first, causes)| (first, causes));
        json!({
            "message": first,
            "causes": causes,
            "hint": self.hint,
            "code": self.code,
            "fbtrace_id": self.fbtrace_id,
        })
    }

    /// Prints the failure to standard error.
    pub(crate) fn report(&self, terminal: &mut Terminal) {
        if terminal.json() {
            terminal.eprint(&format!("{}\n", json!({ "error": self.as_json() })));
        } else {
            terminal.eprint(&self.to_string());
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = self.chain();
        for (depth, text) in chain.iter().enumerate() {
            if depth == 0 {
                writeln!(f, "{}: {text}", paint(BAD, "error"))?;
            } else {
                writeln!(f, "  caused by: {text}")?;
            }
        }
        // The message of an error with a code contains the trace id.
        if let Some(id) = &self.fbtrace_id
            && !chain.iter().any(|text| text.contains("fbtrace_id"))
        {
            writeln!(f, "  for Meta's support: fbtrace_id {id}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "{}: {hint}", paint(STRONG, "hint"))?;
        }
        Ok(())
    }
}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Self {
        let hint = match &usage {
            Usage::Missing { hint, .. } => Some((*hint).to_owned()),
            Usage::SecretFile {
                option,
                variable,
                source,
            } => Some(secret_file_hint(option, variable, source)),
            Usage::PemWith { .. } => Some(
                "remove --pem, or pass one phone number id; the output of --json contains the key in \
                 business_public_key"
                    .to_owned(),
            ),
            Usage::TextForFile => {
                Some("pass the name of the file, or `-` and the contents on standard input".to_owned())
            }
            Usage::Setting { source, .. } => remedy_of_setting(source.as_ref()),
            _ => None,
        };
        Self {
            hint,
            ..Self::usage(usage)
        }
    }
}

/// Returns the remedy of an error of a setting, whose type is one of the library's.
fn remedy_of_setting(error: &(dyn Error + Send + Sync + 'static)) -> Option<String> {
    let remedy = if let Some(error) = error.downcast_ref::<IdError>() {
        error.remedy()
    } else if let Some(error) = error.downcast_ref::<SecretError>() {
        error.remedy()
    } else if let Some(error) = error.downcast_ref::<ApiVersionError>() {
        error.remedy()
    } else if let Some(error) = error.downcast_ref::<PhoneBuildError>() {
        error.remedy()
    } else {
        error.downcast_ref::<BuildError>().and_then(BuildError::remedy)
    };
    remedy.map(Cow::into_owned)
}

fn secret_file_hint(option: &str, variable: &str, error: &SecretFileError) -> String {
    match error {
        SecretFileError::Empty { .. } if option.ends_with("passphrase-file") => {
            "write the passphrase to the first line of the file; if the key's passphrase is empty, use \
             --empty-passphrase; to write an unencrypted key, use --no-passphrase"
                .to_owned()
        }
        SecretFileError::Missing(_) => format!(
            "{option} takes the name of a file with the secret in its first line; to pass the secret itself, \
             set {variable}"
        ),
        other => other.remedy().map_or_else(
            || format!("write the secret to the first line of a file, or set {variable}"),
            Into::into,
        ),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed(error)
    }
}
