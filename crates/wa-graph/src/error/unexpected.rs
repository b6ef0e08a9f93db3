//! Responses that are neither the expected JSON nor a Graph error.

use std::fmt;

use http::{HeaderMap, StatusCode, header};

/// A response that cannot be used: HTML from a proxy, an empty body, JSON with another structure.
///
/// The body is not kept: it may be long, and may contain anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnexpectedResponse {
    status: StatusCode,
    body: BodyKind,
    length: usize,
    problem: Option<String>,
}

/// The kind of an unexpected body, judged by its first bytes and its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyKind {
    /// No bytes.
    Empty,
    /// JSON with an unexpected structure.
    Json,
    /// Not valid JSON, although the content type is JSON.
    BrokenJson,
    /// An HTML page, usually from a proxy or a load balancer.
    Html,
    /// Other text.
    Text,
    /// Bytes that are not text.
    Binary,
}

impl BodyKind {
    /// Classifies a body that is not valid JSON.
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
            Self::Json => "JSON with an unexpected structure",
            Self::BrokenJson => "invalid JSON",
            Self::Html => "an HTML page",
            Self::Text => "text that is not JSON",
            Self::Binary => "bytes that are not text",
        })
    }
}

impl UnexpectedResponse {
    /// Describes a response. `problem` must not repeat any part of the body.
    pub(crate) fn new(status: StatusCode, body: BodyKind, length: usize, problem: Option<String>) -> Self {
        Self {
            status,
            body,
            length,
            problem,
        }
    }

    /// Describes JSON with an unexpected structure. `problem` must not repeat any part of the body.
    pub(crate) fn shape(status: StatusCode, length: usize, problem: impl Into<String>) -> Self {
        Self::new(status, BodyKind::Json, length, Some(problem.into()))
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the kind of body.
    pub fn body(&self) -> BodyKind {
        self.body
    }

    /// Returns the body's length in bytes.
    pub fn length(&self) -> usize {
        self.length
    }
}

impl fmt::Display for UnexpectedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the server returned HTTP {} with {}",
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
