//! Settings from flags, environment variables and a `.env` file, in this order of precedence. Secrets come
//! from files, variables or a prompt.

mod env_file;

use std::collections::HashMap;
use std::env::VarError;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wa_cloud::secrets::{
    AppSecret, FoundSecret, MAX_FILE_BYTES, SecretFile, SecretFileError, SecretWarning, variables,
};
use zeroize::{Zeroize, Zeroizing};

use crate::advice;
use crate::args::GlobalArgs;
use crate::failure::{Failure, Usage};
use crate::output::StandardQueues;
use crate::stdin;
use crate::terminal::Terminal;

/// The environment variables that the program reads, and their meaning.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    (variables::ACCESS_TOKEN, "Access token of the Graph API."),
    (
        variables::ACCESS_TOKEN_FALLBACK,
        "Used if `WA_ACCESS_TOKEN` is not set; the Node SDK reads this name.",
    ),
    (
        variables::PHONE_NUMBER_ID,
        "Phone number id, or several ids separated by commas.",
    ),
    (
        variables::APP_SECRET,
        "App secret. If it is set, every Graph call has an `appsecret_proof`, and `wa flow` signs its \
         requests. `wa gateway` verifies signatures with it, unless its configuration names another secret.",
    ),
    (
        variables::GRAPH_URL,
        "Base URL of the Graph API, for example that of a local emulator. Default \
         `https://graph.facebook.com`.",
    ),
    (
        variables::API_VERSION,
        "Version of the Graph API. Default `v25.0`.",
    ),
    (
        variables::KEY_PASSPHRASE,
        "Passphrase of the private key that a command reads or writes, including the keys of `wa gateway`.",
    ),
    (
        variables::KEY_PASSPHRASE_COMMAND,
        "Command that prints the passphrase of a key store, for the commands on key stores.",
    ),
    (
        variables::KEY_STORE,
        "Key store: a directory, or a bucket as `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or \
         `az://CONTAINER/PREFIX`. Credentials and endpoints of buckets are read from `AWS_*`, `GOOGLE_*` and \
         `AZURE_*`.",
    ),
    (
        variables::NEW_KEY_PASSPHRASE,
        "Passphrase of the file that `wa keys convert` writes.",
    ),
    ("NO_COLOR", "If set to any value, output is not coloured."),
    (
        "CLICOLOR_FORCE",
        "If set to any value except `0`, output is coloured even if it is not a terminal.",
    ),
    (
        "HTTPS_PROXY",
        "Proxy for https requests; `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are also read. The gateway never \
         uses a proxy for its upstreams.",
    ),
];

/// The environment variables that contain the app secret.
const APP_SECRET: &[&str] = &[variables::APP_SECRET];

/// A secret that the user provides; it is wiped when dropped.
pub(crate) type Secret = Zeroizing<String>;

/// The process environment, and the file of `--env-file` for variables that are not set.
pub(crate) struct Environment {
    path: Option<PathBuf>,
    file: HashMap<String, Secret>,
    strict: bool,
    /// Where warnings about secrets are printed.
    terminal: Arc<Mutex<Terminal>>,
}

impl Environment {
    /// Reads the file of `--env-file`, if it is given, and checks that the variables are UTF-8.
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

    /// Re-reads the file of `--env-file`.
    pub(crate) fn reload(&self) -> Result<Self, Failure> {
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

    /// Returns true if warnings about secrets are errors (`--strict`).
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Prints a warning about a secret; with `--strict`, returns it as an error.
    pub(crate) fn warn(&self, warning: &SecretWarning) -> Result<(), Failure> {
        self.warn_of("secret in", warning)
    }

    /// Like [`Self::warn`], for a file whose content is `what`.
    pub(crate) fn warn_of(&self, what: &str, warning: &SecretWarning) -> Result<(), Failure> {
        let mut help = warning.remedy().unwrap_or_default().into_owned();
        let text = match warning {
            SecretWarning::ReadableByOthers(file) => {
                if let Some(command) = advice::restrict_access(file.path()) {
                    help.extend([": `", &command, "`"]);
                }
                format!("the {what} {warning}")
            }
            other => other.to_string(),
        };
        self.warn_text(&text, &help)
    }

    /// Like [`Self::warn`], for any text with its remedy.
    pub(crate) fn warn_text(&self, text: &str, help: &str) -> Result<(), Failure> {
        if self.strict {
            return Err(Failure::usage(Strict(text.to_owned())).with_hint(Some(help)));
        }
        self.terminal().warn(&format!("{text}; {help}"));
        Ok(())
    }

    /// Prints a message to standard error, unless `--json` is given.
    pub(crate) fn note(&self, text: &str) {
        self.terminal().note(text);
    }

    fn terminal(&self) -> MutexGuard<'_, Terminal> {
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the value of a variable; an empty variable counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<Secret> {
        let set = |value: &Secret| !value.is_empty();
        let here = std::env::var(name).ok().map(Zeroizing::new).filter(set);
        here.or_else(|| self.file.get(name).cloned().filter(set))
    }

    /// Returns the variables of the file whose names begin with one of the prefixes and that are not set in
    /// the process environment.
    pub(crate) fn file_variables(&self, prefixes: &[&str]) -> Vec<(String, String)> {
        let is_wanted = |name: &str| {
            prefixes.iter().any(|prefix| name.starts_with(prefix)) && std::env::var_os(name).is_none()
        };
        let wanted = self.file.iter().filter(|(name, _)| is_wanted(name));
        wanted
            .map(|(name, value)| (name.clone(), value.as_str().to_owned()))
            .collect()
    }

    /// Returns the value of a flag, or otherwise that of a variable.
    pub(crate) fn or(&self, flag: Option<&String>, name: &str) -> Option<String> {
        flag.cloned()
            .or_else(|| self.get(name).map(|value| String::clone(&value)))
    }
}

/// A warning that `--strict` turns into an error.
#[derive(Debug, thiserror::Error)]
#[error("{0}: refused because of --strict")]
struct Strict(String);

/// Prompts for a secret without echo; returns `None` if there is no terminal.
pub(crate) fn ask_secret(prompt: &str) -> Result<Option<Secret>, Failure> {
    if !Terminal::can_prompt() {
        return Ok(None);
    }
    let secret =
        rpassword::prompt_password(prompt).map_err(|source| Failure::from(Usage::Prompt { source }))?;
    Ok(Some(Zeroizing::new(secret)))
}

/// Prompts for a new secret twice; returns `None` if there is no terminal.
pub(crate) fn ask_new_secret(what: &str) -> Result<Option<Secret>, Failure> {
    let Some(first) = ask_secret(&format!("{what}: "))? else {
        return Ok(None);
    };
    let mut second = ask_secret("Repeat the passphrase: ")?.unwrap_or_default();
    let same = *first == *second;
    second.zeroize();
    if !same {
        return Err(Usage::PassphrasesDiffer.into());
    }
    Ok(Some(first))
}

/// Source of a secret: the file that an option names, otherwise the first of `variables` that is set.
pub(crate) struct SecretSource<'a> {
    pub(crate) option: &'static str,
    pub(crate) file: Option<&'a PathBuf>,
    pub(crate) variables: &'static [&'static str],
}

impl SecretSource<'_> {
    /// Returns the secret, or `None` if none is given.
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

    /// Reads the first line of the file (`-` is standard input), without its line ending.
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

/// Reads only the first line, because input from a terminal has no end. UTF-16 input, whose line endings
/// cannot be found byte by byte, only comes from pipes and is read completely.
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

/// Returns the source of the app secret, which is the same for Graph and for Flows.
pub(crate) fn app_secret(file: Option<&PathBuf>) -> SecretSource<'_> {
    SecretSource {
        option: "--app-secret-file",
        file,
        variables: APP_SECRET,
    }
}
