//! The lookup of a setting: flag, then environment, then file, then default.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wa_keys::file::is_key_text;

use crate::config::kind::Kind;
use crate::config::overrides::Overrides;
use crate::config::problem::{ConfigFault, Origin, Problems};
use crate::config::setting::{INLINE_SECRETS, RENAMED, Setting, Table, Typed};

/// Looks up environment variables.
#[derive(Clone)]
pub(crate) struct Environment(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    pub(crate) fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// Returns the value of a variable, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// A value and where it was set.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// All sources of settings: the text of the file, the flags and the environment.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) file: &'a Path,
    pub(crate) text: &'a str,
    pub(crate) flags: &'a Overrides,
    pub(crate) environment: &'a Environment,
}

/// One table of the file, with the flags and variables that override it.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub(crate) sources: Sources<'a>,
    pub(crate) table: Table,
    /// The prefix of a key in a problem: `tls.`, `endpoint "orders": `.
    pub(crate) scope: &'a str,
    pub(crate) entries: Option<&'a DeTable<'a>>,
    /// Offset of the table in the text, to locate missing keys.
    pub(crate) start: Option<usize>,
    /// True if flags and variables override this table.
    pub(crate) overlaid: bool,
}

impl Sources<'_> {
    pub(crate) fn origin(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        Origin::File {
            file: self.file.to_owned(),
            line,
        }
    }

    /// Returns the value of the setting's flag or variable: its origin, the parsed value, and the text.
    fn outside<T: Kind>(&self, setting: &Setting) -> Option<(Origin, Option<T>, String)> {
        if let Some(flag) = setting.flag {
            let given = self.flags.get(flag);
            if !given.is_empty() {
                return Some((Origin::Flag(flag), T::from_texts(&given), given.join(",")));
            }
        }
        let variable = setting.variable?;
        let text = self.environment.get(variable)?;
        Some((Origin::Environment(variable), T::from_text(&text), text))
    }

    /// Returns the flag or variable that sets a setting, if there is one.
    pub(crate) fn outside_origin(&self, setting: &Setting) -> Option<Origin> {
        self.outside::<String>(setting).map(|(origin, _, _)| origin)
    }

    /// Resolves a path: one in the file is relative to the file's directory, any other to the current
    /// directory.
    pub(crate) fn resolve(&self, origin: &Origin, path: PathBuf) -> PathBuf {
        match (origin, self.file.parent()) {
            (Origin::File { .. }, Some(directory)) => directory.join(path),
            _ => path,
        }
    }
}

impl<'a> Layers<'a> {
    /// Returns the location of the table.
    pub(crate) fn origin(&self) -> Origin {
        self.start
            .map_or(Origin::Nowhere, |start| self.sources.origin(start))
    }

    pub(crate) fn key(&self, setting: &Setting) -> String {
        format!("{}{}", self.scope, setting.name)
    }

    /// Reports unknown keys of the table.
    pub(crate) fn refuse_unknown(&self, problems: &mut Problems) {
        for (key, _) in self.entries.into_iter().flatten() {
            let name: &str = key.get_ref();
            if let Some(fault) = unknown(self.table, name) {
                problems.add(
                    self.sources.origin(key.span().start),
                    &format!("{}{name}", self.scope),
                    fault,
                );
            }
        }
    }

    /// Returns the value of a setting, or its default; `None` if it has neither. For an invalid value it
    /// reports a problem and returns the default, so that the rest of the configuration can be checked as
    /// well.
    pub(crate) fn get<T: Kind>(&self, typed: &Typed<T>, problems: &mut Problems) -> Option<Located<T>> {
        let setting = &typed.setting;
        let default = || setting.default.and_then(T::from_text);
        let (origin, value, found) = if let Some(outside) = self.outside(setting) {
            outside
        } else if let Some(entry) = self.entry(setting.name) {
            let value = entry.get_ref();
            (
                self.sources.origin(entry.span().start),
                T::from_toml(value),
                describe(value),
            )
        } else {
            let value = default()?;
            return Some(Located {
                value,
                origin: Origin::Nowhere,
            });
        };
        if value.is_none() {
            let fault = if is_key_text(&found) {
                ConfigFault::KeyInPlaceOfPath
            } else {
                ConfigFault::WrongValue {
                    expected: setting.expected,
                    found: (!setting.sensitive).then(|| format!("`{found}`")),
                }
            };
            problems.add(origin.clone(), &self.key(setting), fault);
        }
        value.or_else(default).map(|value| Located { value, origin })
    }

    /// Returns true if the setting is set anywhere, even to an invalid value.
    pub(crate) fn has<T>(&self, typed: &Typed<T>) -> bool {
        self.outside::<String>(&typed.setting).is_some() || self.entry(typed.setting.name).is_some()
    }

    fn outside<V: Kind>(&self, setting: &Setting) -> Option<(Origin, Option<V>, String)> {
        self.overlaid.then(|| self.sources.outside(setting)).flatten()
    }

    fn entry(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries?
            .iter()
            .find(|(key, _)| key.get_ref() == name)
            .map(|(_, value)| value)
    }
}

fn unknown(table: Table, name: &str) -> Option<ConfigFault> {
    let settings = || {
        Setting::all()
            .filter(|setting| setting.table == table)
            .map(|setting| setting.name)
    };
    let tables = || {
        Table::ALL
            .iter()
            .filter(|_| table == Table::Root)
            .map(|table| table.name())
    };
    let mut known = settings().chain(tables().filter(|name| !name.is_empty()));
    if known.any(|known| known == name) {
        return None;
    }
    if let Some((_, file, env)) = INLINE_SECRETS
        .iter()
        .find(|(inline, _, _)| *inline == name && table == Table::Endpoint)
    {
        return Some(ConfigFault::InlineSecret { file, env });
    }
    if let Some((_, to)) = RENAMED
        .iter()
        .find(|(old, _)| *old == name && table == Table::Endpoint)
    {
        return Some(ConfigFault::Renamed { to });
    }
    let near = settings()
        .chain(tables())
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min();
    let suggestion = near
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map(|(_, known)| known);
    Some(ConfigFault::UnknownKey { suggestion })
}

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.chars().take(60).collect(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        other => other.type_str().to_owned(),
    }
}
