//! The types of the key store's settings.

use std::fmt;

use crate::config::kind::{Kind, Listed};

/// The location of a key store. A URL with credentials is not printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoreLocation(String);

/// The name of a key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetName(pub(crate) String);

/// A command of the system's shell that prints a passphrase.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ShellCommand(pub(crate) String);

impl StoreLocation {
    /// Returns the location, which names a bucket and no credentials.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if it is a path, which is relative to the directory of the configuration file.
    pub(crate) fn is_path(&self) -> bool {
        !self.0.contains("://")
    }

    /// Returns the location with its path resolved.
    pub(crate) fn at(path: &std::path::Path) -> Self {
        Self(path.display().to_string())
    }
}

impl fmt::Debug for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Kind for StoreLocation {
    const EXPECTED: &'static str = "a directory, or the URL of a bucket without credentials, such as `s3://bucket/prefix` (`gs`, `az` likewise)";

    fn from_text(text: &str) -> Option<Self> {
        let is_valid = match text.split_once("://") {
            None => !text.is_empty(),
            Some((scheme, rest)) => {
                matches!(scheme, "file" | "s3" | "gs" | "az")
                    && !rest.is_empty()
                    && !rest.contains(['@', '?', '#'])
            }
        };
        is_valid.then(|| Self(text.to_owned()))
    }
}

impl Kind for SetName {
    const EXPECTED: &'static str = "the name of a key set: 1 to 63 lowercase letters, digits, `-` and `_`, beginning with a letter or digit";

    fn from_text(text: &str) -> Option<Self> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins = text.bytes().next().is_some_and(is_letter);
        let is_valid = |byte| is_letter(byte) || matches!(byte, b'-' | b'_');
        (begins && text.len() <= 63 && text.bytes().all(is_valid)).then(|| Self(text.to_owned()))
    }
}

impl Listed for SetName {
    const LIST_EXPECTED: &'static str =
        "the name of a key set (lowercase letters, digits, `-` and `_`), or a list of names";
}

impl Kind for ShellCommand {
    const EXPECTED: &'static str = "a command";

    fn from_text(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self(text.to_owned()))
    }
}

impl Listed for ShellCommand {
    const LIST_EXPECTED: &'static str = "a command, or a list of commands";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_no_credentials() {
        for text in [
            "keys",
            "/srv/keys",
            "file:///srv/keys",
            "s3://bucket/prefix",
            "gs://b",
            "az://c/p",
        ] {
            assert!(StoreLocation::from_text(text).is_some(), "{text}");
        }
        for text in [
            "",
            "http://host/keys",
            "s3://",
            "s3://key:secret@bucket",
            "az://c/p?sig=secret",
        ] {
            assert_eq!(StoreLocation::from_text(text), None, "{text}");
        }
        for (text, is_name) in [
            ("bookings-1", true),
            ("1", true),
            ("", false),
            ("Bookings", false),
            ("-b", false),
        ] {
            assert_eq!(SetName::from_text(text).is_some(), is_name, "{text}");
        }
        assert!(SetName::from_text(&"a".repeat(64)).is_none());
    }
}
