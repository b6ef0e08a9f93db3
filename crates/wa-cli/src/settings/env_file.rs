//! Parses `.env` files. Errors name the line, but never quote it, because it may contain a secret.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;

use zeroize::Zeroizing;

use super::Secret;

/// A line that is not a setting.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected NAME=value; a value that contains blanks, quotes or # needs single quotes")]
pub(super) struct BadLine {
    line: usize,
}

/// Parses the text. If a variable is set several times, the last value applies.
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

/// Returns the line in which the invalid entry begins; `last` is the line in which it ends.
fn first_line(error: &dotenvy::Error, last: usize) -> usize {
    let following = match error {
        dotenvy::Error::LineParse(text, _) => text.trim_end_matches(['\r', '\n']).matches('\n').count(),
        _ => 0,
    };
    last.saturating_sub(following)
}

/// Returns one line per read, so that the number of lines read is the position of the parser.
struct Lines<'a> {
    rest: &'a [u8],
    read: Rc<Cell<usize>>,
    /// True if part of the current line was already returned.
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
    fn errors_name_the_line() {
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
    fn settings_are_parsed() {
        let read = variables("A=1\nexport B='two words'\nA=2 # again\n").unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read["A"].as_str(), read["B"].as_str()), ("2", "two words"));
    }
}
