//! An error as text for people: the chain of causes, then the remedy.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// Displays an error, its causes and its remedy: one line each, without a line end after the last.
///
/// ```
/// use wa_graph::{AccessToken, ErrorReport};
///
/// let error = AccessToken::new("").unwrap_err();
/// let text = ErrorReport::new(&error).remedy(error.remedy()).to_string();
/// assert!(text.contains("\nhint: "), "{text}");
/// ```
#[derive(Debug)]
#[must_use]
pub struct ErrorReport<'a> {
    error: &'a (dyn StdError + 'static),
    fbtrace_id: Option<&'a str>,
    remedy: Option<Cow<'static, str>>,
}

impl<'a> ErrorReport<'a> {
    /// Creates a report of an error and its causes.
    pub fn new(error: &'a (dyn StdError + 'static)) -> Self {
        Self {
            error,
            fbtrace_id: None,
            remedy: None,
        }
    }

    /// Adds Graph's trace id, unless a text of the chain contains it.
    pub fn fbtrace_id(mut self, id: Option<&'a str>) -> Self {
        self.fbtrace_id = id;
        self
    }

    /// Adds the remedy.
    pub fn remedy(mut self, remedy: Option<Cow<'static, str>>) -> Self {
        self.remedy = remedy;
        self
    }
}

impl fmt::Display for ErrorReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.error.to_string();
        f.write_str(&last)?;
        let mut shows_id = self.fbtrace_id.is_none_or(|id| last.contains(id));
        let mut next = self.error.source();
        while let Some(cause) = next {
            let line = cause.to_string();
            if line != last {
                write!(f, "\n  caused by: {line}")?;
                shows_id |= self.fbtrace_id.is_some_and(|id| line.contains(id));
                last = line;
            }
            next = cause.source();
        }
        if let Some(id) = self.fbtrace_id.filter(|_| !shows_id) {
            write!(f, "\n  for Meta's support: fbtrace_id {id}")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "\nhint: {remedy}")?;
        }
        Ok(())
    }
}
