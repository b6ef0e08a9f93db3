//! Settings from flags, the environment and a `.env` file, in that order; secrets from files, the environment or a prompt.

use std::collections::HashMap;
use std::env::VarError;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

use crate::failure::{Failure, Usage};
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

/// A file larger than this is not a token, secret or passphrase.
const MAX_SECRET_FILE: u64 = 64 * 1024;

/// A secret from outside; wiped when dropped.
pub(crate) type Secret = Zeroizing<String>;

/// The process environment over the file of `--env-file`.
#[derive(Default)]
pub(crate) struct Environment {
    path: Option<PathBuf>,
    file: HashMap<String, Secret>,
}

impl Environment {
    /// Reads the file of `--env-file`, if it was asked for, and looks whether the variables can be read.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Failure> {
        let unreadable = |name: &&str| matches!(std::env::var(name), Err(VarError::NotUnicode(_)));
        if let Some(name) = VARIABLES
            .iter()
            .map(|(name, _)| *name)
            .find(|name| unreadable(name))
        {
            return Err(Usage::NotUtf8 { name }.into());
        }
        let Some(path) = file else {
            return Ok(Self::default());
        };
        let bad = |error: dotenvy::Error| {
            // The parser's own text holds the line, and with it a secret.
            let reason = match error {
                dotenvy::Error::Io(error) => error.to_string(),
                dotenvy::Error::LineParse(_, at) => format!("a line cannot be read (near column {at})"),
                _ => "it cannot be read".to_owned(),
            };
            Failure::from(Usage::EnvFile {
                path: path.to_owned(),
                reason,
            })
        };
        let mut file = HashMap::new();
        for entry in dotenvy::from_path_iter(path).map_err(bad)? {
            let (name, value) = entry.map_err(bad)?;
            file.insert(name, Zeroizing::new(value));
        }
        Ok(Self {
            path: Some(path.to_owned()),
            file,
        })
    }

    /// The file of `--env-file`.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
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
        match self.file {
            Some(path) => self.read(path).map(Some),
            None => Ok(self.variables.iter().find_map(|name| environment.get(name))),
        }
    }

    /// Reads the first line of the file (`-` is standard input), without its line end.
    fn read(&self, path: &Path) -> Result<Secret, Failure> {
        let mut line = Zeroizing::new(String::new());
        let read = if path == Path::new("-") {
            stdin::take()?.take(MAX_SECRET_FILE).read_line(&mut line)
        } else {
            std::fs::File::open(path).and_then(|file| {
                io::BufReader::new(file)
                    .take(MAX_SECRET_FILE)
                    .read_line(&mut line)
            })
        };
        let option = self.option;
        read.map_err(|source| Usage::SecretFile {
            option,
            variable: self.variables.first().copied().unwrap_or_default(),
            source,
        })?;
        let length = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(length);
        if line.is_empty() {
            return Err(Usage::EmptySecretFile { option }.into());
        }
        Ok(line)
    }
}

/// Where the app secret comes from, for Graph as for Flows.
pub(crate) fn app_secret(file: Option<&PathBuf>) -> Place<'_> {
    Place {
        option: "--app-secret-file",
        file,
        variables: &["WA_APP_SECRET"],
    }
}
