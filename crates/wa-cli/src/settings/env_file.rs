//! The text of an `.env` file. Errors name the line and never its text, which may be a secret.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;

use zeroize::Zeroizing;

use super::Secret;

/// A line that is no setting.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: write NAME=value, and put a value with blanks, quotes or # in it into single quotes")]
pub(super) struct BadLine {
    line: usize,
}

/// Parses the text; of a variable that is there several times the last value counts.
pub(super) fn variables(text: &str) -> Result<HashMap<String, Secret>, BadLine> {
    let read = Rc::new(Cell::new(0));
    let lines = Lines {
        rest: text.as_bytes(),
        read: Rc::clone(&read),
        within: false,
    };
    let mut variables = HashMap::new();
    for entry in dotenvy::from_read_iter(lines) {
        let (name, value) = entry.map_err(|error| BadLine {
            line: first_line(&error, read.get()),
        })?;
        variables.insert(name, Zeroizing::new(value));
    }
    Ok(variables)
}

/// The line in which the bad entry begins; `last` is the line in which it ends.
fn first_line(error: &dotenvy::Error, last: usize) -> usize {
    let further = match error {
        dotenvy::Error::LineParse(text, _) => text.trim_end_matches(['\r', '\n']).matches('\n').count(),
        _ => 0,
    };
    last.saturating_sub(further)
}

/// Gives one line at a time, so that the number of those that were read tells where the parser is.
struct Lines<'a> {
    rest: &'a [u8],
    read: Rc<Cell<usize>>,
    /// A part of the current line was given already.
    within: bool,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line_end = self.rest.iter().position(|byte| *byte == b'\n');
        let line = line_end.map_or(self.rest.len(), |at| at + 1);
        let (part, rest) = self.rest.split_at(line.min(buffer.len()));
        if let Some(buffer) = buffer.get_mut(..part.len()) {
            buffer.copy_from_slice(part);
        }
        if !self.within && !part.is_empty() {
            self.read.set(self.read.get() + 1);
        }
        self.within = part.last().is_some_and(|byte| *byte != b'\n');
        self.rest = rest;
        Ok(part.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_what_is_no_setting_is_found() {
        let long = format!("A={}\nb c\n", "x".repeat(20_000));
        for (text, line) in [
            ("secret value\n", 1),
            ("A=1\n\n# a comment\nB=2\nno setting\nC=3\n", 5),
            ("A=1\r\nB=two words\r\n", 2),
            ("A='on\ntwo lines'\nB=1 2", 3),
            ("A=1\nB='never closed\nC=1\nD=2\n", 2),
            ("A=1\nB=\"two\nlines\" and more\n", 2),
            (&long, 2),
        ] {
            assert_eq!(variables(text), Err(BadLine { line }), "{text}");
        }
    }

    #[test]
    fn settings_are_read() {
        let read = variables("A=1\nexport B='two words'\nA=2 # again\n").unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read["A"].as_str(), read["B"].as_str()), ("2", "two words"));
    }
}
