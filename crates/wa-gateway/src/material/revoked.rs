//! Revoked keys, which must not be used even if their files still exist.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use wa_keys::Fingerprint;

use crate::config::ConfigFault;
use crate::material::files;

/// The file next to the keys that lists revoked fingerprints.
const LIST: &str = "revoked.txt";
/// Lists of fingerprints are short: this is enough for about ten thousand.
const LIST_LIMIT: usize = 1024 * 1024;
/// As many digits as the log and the metrics show.
const DIGITS: std::ops::RangeInclusive<usize> = 16..=64;

/// The fingerprints in the lists next to the keys of an endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revoked(Vec<Revocation>);

/// One line of a list.
#[derive(Debug, Clone)]
pub(crate) struct Revocation {
    /// How the fingerprint begins, in lowercase.
    digits: String,
    pub(crate) list: PathBuf,
    pub(crate) line: usize,
}

impl Revoked {
    /// Reads the lists. An invalid line or an unreadable list does not affect the others.
    pub(crate) fn read(keys: &[PathBuf]) -> (Self, Vec<ConfigFault>) {
        let (mut revoked, mut faults) = (Self::default(), Vec::new());
        for list in lists(keys) {
            match files::read(&list, LIST_LIMIT) {
                Ok(text) => revoked.add(&list, &text, &mut faults),
                // A missing list revokes nothing. A missing directory is reported when the keys are read.
                Err(error) if is_absent(&error) => {}
                Err(source) => faults.push(ConfigFault::File { path: list, source }),
            }
        }
        (revoked, faults)
    }

    fn add(&mut self, list: &Path, text: &[u8], faults: &mut Vec<ConfigFault>) {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        for (line, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let text = text.split(|byte| *byte == b'#').next().unwrap_or_default();
            // What follows the fingerprint is a note.
            let mut words = text
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty());
            let Some(word) = words.next() else { continue };
            match digits(word) {
                Some(digits) => self.0.push(Revocation {
                    digits,
                    list: list.to_owned(),
                    line,
                }),
                None => faults.push(ConfigFault::Revocation {
                    path: list.to_owned(),
                    line,
                }),
            }
        }
    }

    /// Returns the line that revokes a key, if there is one.
    pub(crate) fn find(&self, key: &Fingerprint) -> Option<&Revocation> {
        let key = key.to_string();
        self.0
            .iter()
            .find(|revocation| key.starts_with(&revocation.digits))
    }

    /// Returns the number of listed fingerprints, each counted once.
    pub(crate) fn count(&self) -> usize {
        let digits: BTreeSet<_> = self.0.iter().map(|revocation| &revocation.digits).collect();
        digits.len()
    }

    /// Returns the fingerprints as they are listed, with their files and lines.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Revocation> {
        self.0.iter()
    }
}

impl Revocation {
    pub(crate) fn digits(&self) -> &str {
        &self.digits
    }
}

/// Returns the lists that apply to keys: in a directory of keys, and in the directory of a key file.
pub(crate) fn lists(keys: &[PathBuf]) -> BTreeSet<PathBuf> {
    let beside = |path: &PathBuf| {
        if path.is_dir() {
            path.join(LIST)
        } else {
            path.with_file_name(LIST)
        }
    };
    keys.iter().map(beside).collect()
}

fn digits(word: &[u8]) -> Option<String> {
    let digits: String = word
        .iter()
        .filter(|byte| **byte != b':')
        .map(|byte| {
            byte.is_ascii_hexdigit()
                .then(|| char::from(byte.to_ascii_lowercase()))
        })
        .collect::<Option<_>>()?;
    DIGITS.contains(&digits.len()).then_some(digits)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_cases_colons_and_windows_are_forgiven_and_a_wrong_line_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let full = "75452884cb8829e2".repeat(4);
        let text = format!(
            "\u{feff}75452884CB8829E2 leaked\r\n\r\n# a note\n{full}\n00:11:22:33:44:55:66:77 # another\n75452884cb8829\nkeys/1.pem\n"
        );
        std::fs::write(directory.path().join(LIST), text).unwrap();
        let keys = [directory.path().to_owned()];
        let (revoked, faults) = Revoked::read(&keys);
        let found: Vec<_> = revoked.entries().map(|one| (one.line, one.digits())).collect();
        assert_eq!(
            found,
            [
                (1, "75452884cb8829e2"),
                (4, full.as_str()),
                (5, "0011223344556677")
            ]
        );
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(
            faults[0].contains("line 6") && faults[1].contains("line 7"),
            "{faults:?}"
        );
        assert!(revoked.find(&full.parse().unwrap()).is_some());
        assert!(revoked.find(&"75".repeat(32).parse().unwrap()).is_none());

        // Next to a single key file.
        let (revoked, _) = Revoked::read(&[directory.path().join("1.pem")]);
        assert_eq!(revoked.count(), 3);
        let (revoked, faults) = Revoked::read(&[directory.path().join("absent/1.pem")]);
        assert!(revoked.count() == 0 && faults.is_empty());
    }
}
