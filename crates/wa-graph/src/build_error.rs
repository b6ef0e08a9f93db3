//! Errors of building a client.

use std::borrow::Cow;

/// A reason why a client could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The base URL cannot be used.
    #[error("the base URL cannot be used: {problem}")]
    BaseUrl {
        /// The fault.
        problem: &'static str,
    },
    /// The base URL is plain `http` to another machine.
    #[error("the base URL is plain http to {host}: the token would cross the network unencrypted")]
    PlainHttp {
        /// The host in the URL.
        host: String,
    },
    /// A root certificate is not a PEM certificate.
    #[error("an additional root certificate is not a valid PEM certificate")]
    RootCertificate,
    /// The user agent is not a valid header value.
    #[error("the user agent contains a character that a header cannot contain")]
    UserAgent,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    HttpClient(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl BuildError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::BaseUrl { .. } => "write it as https://graph.facebook.com",
            Self::PlainHttp { .. } => "use https",
            Self::RootCertificate => "pass a PEM file with a BEGIN CERTIFICATE block",
            Self::UserAgent => "use visible ASCII characters and spaces only",
            Self::HttpClient(_) => return None,
        };
        Some(Cow::Borrowed(text))
    }
}
