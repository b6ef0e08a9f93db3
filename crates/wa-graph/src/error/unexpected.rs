//! Answers that are neither what was asked for nor a Graph error.

use std::fmt;

use http::{HeaderMap, StatusCode, header};

/// An answer that cannot be used: HTML from a proxy, an empty body, JSON of another shape.
///
/// The body itself is not kept: it may be long, and may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnexpectedAnswer {
    status: StatusCode,
    body: BodyKind,
    length: usize,
    problem: Option<String>,
}

/// What an unexpected body consists of, as far as its first bytes and its content type tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyKind {
    /// Nothing at all.
    Empty,
    /// JSON, but not of the shape that was asked for.
    Json,
    /// Called JSON, but it cannot be read as such.
    BrokenJson,
    /// An HTML page, most often from a proxy or a load balancer.
    Html,
    /// Some other text.
    Text,
    /// Bytes that are not text.
    Binary,
}

impl BodyKind {
    /// Looks at a body that could not be read as JSON.
    pub(crate) fn of(headers: &HeaderMap, body: &[u8]) -> Self {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        let start = body.trim_ascii_start();
        if start.is_empty() {
            Self::Empty
        } else if content_type.contains("html") || start.starts_with(b"<") {
            Self::Html
        } else if content_type.contains("json") {
            Self::BrokenJson
        } else if std::str::from_utf8(body).is_ok() {
            Self::Text
        } else {
            Self::Binary
        }
    }
}

impl fmt::Display for BodyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty body",
            Self::Json => "JSON of another shape",
            Self::BrokenJson => "JSON that cannot be read",
            Self::Html => "an HTML page",
            Self::Text => "text that is not JSON",
            Self::Binary => "bytes that are not text",
        })
    }
}

impl UnexpectedAnswer {
    /// Describes an answer that is not JSON; a `problem` is our own words and repeats nothing of the body.
    pub(crate) fn new(status: StatusCode, body: BodyKind, length: usize, problem: Option<String>) -> Self {
        Self {
            status,
            body,
            length,
            problem,
        }
    }

    /// Describes JSON of the wrong shape.
    ///
    /// `problem` must say in own words what is wrong and repeat nothing of the body.
    pub(crate) fn shape(status: StatusCode, length: usize, problem: impl Into<String>) -> Self {
        Self::new(status, BodyKind::Json, length, Some(problem.into()))
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns what the body consists of.
    pub fn body(&self) -> BodyKind {
        self.body
    }

    /// Returns the body's length in bytes.
    pub fn length(&self) -> usize {
        self.length
    }
}

impl fmt::Display for UnexpectedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the server answered HTTP {} with {}",
            self.status.as_u16(),
            self.body
        )?;
        if self.length > 0 {
            write!(f, " of {} bytes", self.length)?;
        }
        match &self.problem {
            Some(problem) => write!(f, ": {problem}"),
            None => Ok(()),
        }
    }
}
