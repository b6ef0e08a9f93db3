//! Settings from flags, the environment and a `.env` file, in that order; secrets from files, the environment or a prompt.

mod env_file;

use std::collections::HashMap;
use std::env::VarError;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wa_cloud::secrets::{AppSecret, FoundSecret, MAX_FILE_BYTES, SecretFile, SecretFileError, SecretWarning};
use zeroize::{Zeroize, Zeroizing};

use crate::advice;
use crate::args::GlobalArgs;
use crate::failure::{Failure, Usage};
use crate::output::StandardQueues;
use crate::stdin;
use crate::terminal::Terminal;

/// Every environment variable that is read, with what it is for.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("WA_ACCESS_TOKEN", "The access token of the Graph API."),
    (
        "CLOUD_API_ACCESS_TOKEN",
        "The same, where `WA_ACCESS_TOKEN` is not set: the name that the Node SDK reads.",
    ),
    (
        "WA_PHONE_NUMBER_ID",
        "The phone number id, or several separated by commas.",
    ),
    (
        "WA_APP_SECRET",
        "The app secret; with it every Graph call carries an `appsecret_proof`, and `wa flow` signs its requests. For `wa gateway` the secret that signatures are checked with, unless its configuration names another.",
    ),
    (
        "WA_GRAPH_URL",
        "Where the Graph API is, for example a local emulator. Default `https://graph.facebook.com`.",
    ),
    ("WA_API_VERSION", "The Graph API's version. Default `v25.0`."),
    (
        "WA_KEY_PASSPHRASE",
        "The passphrase of the private key that a command reads or writes, the gateway's keys too.",
    ),
    (
        "WA_NEW_KEY_PASSPHRASE",
        "The passphrase of the new file that `wa keys convert` writes.",
    ),
    ("NO_COLOR", "Set to anything: no colour."),
    (
        "CLICOLOR_FORCE",
        "Set to anything but `0`: colour even where the output is no terminal.",
    ),
    (
        "HTTPS_PROXY",
        "The proxy for https; `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` likewise. The gateway reaches its upstreams without a proxy.",
    ),
];

/// The variables of the app secret.
const APP_SECRET: &[&str] = &["WA_APP_SECRET"];

/// A secret from outside; wiped when dropped.
pub(crate) type Secret = Zeroizing<String>;

/// The process environment over the file of `--env-file`.
pub(crate) struct Environment {
    path: Option<PathBuf>,
    file: HashMap<String, Secret>,
    strict: bool,
    /// Where warnings about secrets are printed.
    terminal: Arc<Mutex<Terminal>>,
}

impl Environment {
    /// Reads the file of `--env-file`, if it was asked for, and checks that the variables can be read.
    pub(crate) fn load(global: &GlobalArgs, queues: Option<&StandardQueues>) -> Result<Self, Failure> {
        let mut environment = Self {
            path: global.env_file.clone(),
            file: HashMap::new(),
            strict: global.strict,
            terminal: Arc::new(Mutex::new(Terminal::new(global, queues))),
        };
        environment.read()?;
        Ok(environment)
    }

    /// Reads everything again.
    pub(crate) fn again(&self) -> Result<Self, Failure> {
        let mut environment = Self {
            path: self.path.clone(),
            file: HashMap::new(),
            strict: self.strict,
            terminal: Arc::clone(&self.terminal),
        };
        environment.read()?;
        Ok(environment)
    }

    fn read(&mut self) -> Result<(), Failure> {
        let unreadable = |name: &&str| matches!(std::env::var(name), Err(VarError::NotUnicode(_)));
        if let Some(name) = VARIABLES
            .iter()
            .map(|(name, _)| *name)
            .find(|name| unreadable(name))
        {
            return Err(Usage::NotUtf8 { name }.into());
        }
        let Some(path) = &self.path else {
            return Ok(());
        };
        let bad = |reason: String| Usage::EnvFile {
            path: path.clone(),
            reason,
        };
        let file = SecretFile::open(path).map_err(|error| match error {
            SecretFileError::Missing(source) | SecretFileError::Read { source, .. } => {
                bad(source.to_string())
            }
            other => bad(other.to_string()),
        })?;
        let variables = env_file::variables(file.expose_text()).map_err(|error| bad(error.to_string()))?;
        if let Some(warning) = file.warning() {
            self.warn(&SecretWarning::ReadableByOthers(warning.clone()))?;
        }
        self.file = variables;
        Ok(())
    }

    /// Returns the file of `--env-file`.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// True if what is otherwise warned about a secret is refused.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Prints a warning about a secret, or refuses the secret with `--strict`.
    pub(crate) fn warn(&self, warning: &SecretWarning) -> Result<(), Failure> {
        self.warn_of("secret in", warning)
    }

    /// The same for what else is in a file.
    pub(crate) fn warn_of(&self, what: &str, warning: &SecretWarning) -> Result<(), Failure> {
        let mut help = warning.help().to_owned();
        let text = match warning {
            SecretWarning::ReadableByOthers(file) => {
                if let Some(command) = advice::close(file.path()) {
                    help.extend([": `", &command, "`"]);
                }
                format!("the {what} {warning}")
            }
            other => other.to_string(),
        };
        if self.strict {
            return Err(Failure::usage(Strict(text)).with_hint(Some(help)));
        }
        self.terminal().warn(&format!("{text}; {help}"));
        Ok(())
    }

    fn terminal(&self) -> MutexGuard<'_, Terminal> {
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The variable's value, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<Secret> {
        let set = |value: &Secret| !value.is_empty();
        let here = std::env::var(name).ok().map(Zeroizing::new).filter(set);
        here.or_else(|| self.file.get(name).cloned().filter(set))
    }

    /// A flag's value, or else the variable's.
    pub(crate) fn or(&self, flag: Option<&String>, name: &str) -> Option<String> {
        flag.cloned()
            .or_else(|| self.get(name).map(|value| String::clone(&value)))
    }
}

/// A secret that is usable, but not with `--strict`.
#[derive(Debug, thiserror::Error)]
#[error("{0}: refused because of --strict")]
struct Strict(String);

/// Asks without an echo; `None` where nobody can be asked.
pub(crate) fn ask_secret(prompt: &str) -> Result<Option<Secret>, Failure> {
    if !Terminal::can_ask() {
        return Ok(None);
    }
    let answer =
        rpassword::prompt_password(prompt).map_err(|source| Failure::from(Usage::Prompt { source }))?;
    Ok(Some(Zeroizing::new(answer)))
}

/// Asks for a new secret twice; `None` where nobody can be asked.
pub(crate) fn ask_new_secret(what: &str) -> Result<Option<Secret>, Failure> {
    let Some(first) = ask_secret(&format!("{what}: "))? else {
        return Ok(None);
    };
    let mut second = ask_secret("The same again: ")?.unwrap_or_default();
    let same = *first == *second;
    second.zeroize();
    if !same {
        return Err(Usage::PassphrasesDiffer.into());
    }
    Ok(Some(first))
}

/// Where a secret comes from: the file that an option names, else the first of these variables that is set.
pub(crate) struct Place<'a> {
    pub(crate) option: &'static str,
    pub(crate) file: Option<&'a PathBuf>,
    pub(crate) variables: &'static [&'static str],
}

impl Place<'_> {
    /// Finds the secret; `None` where none is given.
    pub(crate) fn secret(&self, environment: &Environment) -> Result<Option<Secret>, Failure> {
        let secret = match self.file {
            Some(path) => {
                let found = self.read(path)?;
                if let Some(warning) = found.warning() {
                    environment.warn(warning)?;
                }
                Some(Zeroizing::new(found.expose_secret().to_owned()))
            }
            None => self.variables.iter().find_map(|name| environment.get(name)),
        };
        let is_app_secret = self.variables == APP_SECRET;
        if let Some(secret) = secret.as_ref().filter(|_| is_app_secret)
            && AppSecret::new(secret.as_str()).is_ok_and(|secret| !secret.is_usual())
        {
            environment.warn(&SecretWarning::UnusualAppSecret)?;
        }
        Ok(secret)
    }

    /// Reads the first line of the file (`-` is standard input), without its line end.
    fn read(&self, path: &Path) -> Result<FoundSecret, Failure> {
        let file = if path == Path::new("-") {
            let line = line_of(stdin::take()?)?;
            SecretFile::from_reader("standard input", line.as_slice())
        } else {
            SecretFile::open(path)
        };
        file.and_then(SecretFile::into_first_line).map_err(|source| {
            Usage::SecretFile {
                option: self.option,
                variable: self.variables.first().copied().unwrap_or_default(),
                source,
            }
            .into()
        })
    }
}

/// Reads no further than the first line, for a terminal gives no end; UTF-16, in which a line end cannot be seen byte by
/// byte, comes from pipes only.
fn line_of(mut input: impl BufRead) -> io::Result<Zeroizing<Vec<u8>>> {
    let is_utf16 = matches!(input.fill_buf()?, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
    let mut input = input.take(MAX_FILE_BYTES as u64 + 1);
    if is_utf16 {
        input.read_to_end(&mut line)?;
    } else {
        input.read_until(b'\n', &mut line)?;
    }
    Ok(line)
}

/// Where the app secret comes from, for Graph as for Flows.
pub(crate) fn app_secret(file: Option<&PathBuf>) -> Place<'_> {
    Place {
        option: "--app-secret-file",
        file,
        variables: APP_SECRET,
    }
}
