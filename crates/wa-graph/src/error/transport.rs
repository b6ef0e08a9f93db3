//! Failures between us and the server: no whole answer arrived.

use std::error::Error as StdError;
use std::fmt;

/// Why no whole answer arrived. The cause is behind `source()`; the URL is in neither.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of transport failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection could be made: name, route, port, proxy, or the time for it ran out. Nothing was sent.
    Connect,
    /// The TLS handshake failed: most often a certificate that is not trusted. Nothing was sent.
    Tls,
    /// The connection stood, but the answer did not come whole within the time.
    Timeout,
    /// The connection broke before the answer was whole.
    Interrupted,
    /// The response is not encoded as its headers say, for example broken gzip.
    Encoding,
    /// The response is longer than the limit, after decompression.
    TooLarge,
    /// The request could not be sent as it is.
    Request,
}

impl TransportErrorKind {
    /// Returns whether it is sure that the server has not acted on the request.
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Connect | Self::Tls | Self::Request)
    }
}

impl fmt::Display for TransportErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "could not connect to the server",
            Self::Tls => "the TLS handshake with the server failed",
            Self::Timeout => "the server did not answer in time",
            Self::Interrupted => "the connection broke before the answer was whole",
            Self::Encoding => "the server's response is not encoded as its headers say",
            Self::TooLarge => "the server's answer is longer than the limit",
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
