//! Failures of the transport: no complete response arrived.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The reason why no complete response arrived. `source()` returns the cause; neither contains the URL.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of transport failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: name resolution, route, port, proxy, or the connect timeout. Nothing was sent.
    Connect,
    /// The TLS handshake failed, usually because the certificate is not trusted. Nothing was sent.
    Tls,
    /// The response was not complete within the time limit, although there was a connection.
    Timeout,
    /// The connection closed before the response was complete.
    Interrupted,
    /// The encoding of the response does not match its headers, for example broken gzip.
    Encoding,
    /// The decompressed response exceeds the limit.
    TooLarge,
    /// The request could not be sent.
    Request,
}

impl TransportErrorKind {
    /// Returns whether the server certainly did not receive the request.
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Connect | Self::Tls | Self::Request)
    }
}

impl fmt::Display for TransportErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "could not connect to the server",
            Self::Tls => "the TLS handshake with the server failed",
            Self::Timeout => "the server did not respond in time",
            Self::Interrupted => "the connection closed before the response was complete",
            Self::Encoding => "the encoding of the server's response does not match its headers",
            Self::TooLarge => "the server's response exceeds the size limit",
            Self::Request => "the request could not be sent",
        })
    }
}

impl TransportError {
    pub(crate) fn new(kind: TransportErrorKind, source: Option<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source }
    }

    /// Returns the kind.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        super::remedy::of_transport(self.kind).map(Cow::Borrowed)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
