//! What went wrong, as people and machines read it: the chain of causes once, then a hint.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use serde_json::json;
use wa_cloud::secrets::SecretFileError;

use crate::terminal::{BAD, STRONG, Terminal, paint};

/// How the program ends; the numbers are documented in `wa --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Good = 0,
    Failed = 1,
    Usage = 2,
    NotGood = 3,
    /// Ended by Ctrl-C, as a shell reports it: 128 and the number of SIGINT.
    Interrupted = 130,
}

/// An error with what to do about it and how to end.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
    /// Graph's code, where it was Graph that said no.
    code: Option<i64>,
    /// Graph's trace id, where an answer came that has one.
    fbtrace_id: Option<String>,
    exit: Exit,
}

/// An option, an argument or a setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Usage {
    #[error("cannot read the settings in {}: {reason}", path.display())]
    EnvFile { path: PathBuf, reason: String },
    /// What was given may be the secret itself, so that it is not repeated.
    #[error("cannot use the file of {option}")]
    SecretFile {
        option: &'static str,
        variable: &'static str,
        source: SecretFileError,
    },
    #[error("--pem cannot be used with {with}: it prints one key and nothing else")]
    PemWith { with: &'static str },
    #[error("the text itself is given where the name of its file is due")]
    TextForFile,
    #[error("cannot ask for a secret")]
    Prompt { source: io::Error },
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    #[error("{what} is not given")]
    Missing { what: &'static str, hint: &'static str },
    #[error("{name} cannot be used")]
    Setting {
        name: String,
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("{} is named for the private and for the public key", path.display())]
    SameFile { path: PathBuf },
    #[error("{} is the key that is read: the public key would take its place", path.display())]
    OverInput { path: PathBuf },
    #[error("the environment variable {name} is not UTF-8")]
    NotUtf8 { name: &'static str },
    #[error("standard input can be read for one thing only")]
    StandardInputTwice,
}

impl Failure {
    /// Something that failed although it was asked for rightly.
    pub(crate) fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            error: error.into(),
            hint: None,
            code: None,
            fbtrace_id: None,
            exit: Exit::Failed,
        }
    }

    /// Something that was not asked for rightly.
    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::failed(error)
        }
    }

    /// Something that Ctrl-C ended.
    pub(crate) fn interrupted(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            exit: Exit::Interrupted,
            ..Self::failed(error)
        }
    }

    /// The same failure, with what to do about it.
    pub(crate) fn with_hint(mut self, hint: Option<impl fmt::Display>) -> Self {
        self.hint = hint.map(|hint| hint.to_string());
        self
    }

    /// The same failure, with what Graph said.
    pub(crate) fn with_graph(self, code: Option<i64>, fbtrace_id: Option<String>) -> Self {
        Self {
            code,
            fbtrace_id,
            ..self
        }
    }

    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The error and its causes, outermost first, without repetitions.
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

    /// The failure as JSON.
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

    /// Says it on standard error.
    pub(crate) fn report(&self, terminal: &mut Terminal) {
        if terminal.json() {
            terminal.talk(&format!("{}\n", json!({ "error": self.as_json() })));
        } else {
            terminal.talk(&self.to_string());
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
        // An error with a code says it itself.
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
                "leave --pem out, or name one phone number; with --json the key is in business_public_key"
                    .to_owned(),
            ),
            Usage::TextForFile => {
                Some("give the name of the file, or `-` and the text on standard input".to_owned())
            }
            _ => None,
        };
        Self {
            hint,
            ..Self::usage(usage)
        }
    }
}

fn secret_file_hint(option: &str, variable: &str, error: &SecretFileError) -> String {
    match error {
        SecretFileError::Empty { .. } if option.ends_with("passphrase-file") => {
            "write the passphrase into the first line of the file; --empty-passphrase opens a key whose passphrase is \
             empty, --no-passphrase writes a new key without one"
                .to_owned()
        }
        SecretFileError::Missing(_) => format!(
            "{option} takes the name of a file with the secret in its first line; the secret itself goes into {variable}"
        ),
        other => other.help().map_or_else(
            || format!("write the secret into the first line of a file, or set {variable}"),
            Into::into,
        ),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed(error)
    }
}
