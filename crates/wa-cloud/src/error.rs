//! The errors of the facade.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::time::Duration;

use wa_encryption::EncryptionError;
use wa_graph::{ErrorCode, GraphError, IdError, SecretError};
use wa_keys::KeyError;

/// The reason why a call failed: the given key, or the call itself.
///
/// `Display` names the failure, [`remedy`](Self::remedy) returns what to do about it, and
/// [`report`](Self::report) returns both with all causes.
///
/// ```
/// use wa_cloud::Error;
/// use wa_cloud::graph::ErrorCode;
///
/// fn explain(error: &Error) {
///     eprintln!("error: {}", error.report());
///     match error.code() {
///         Some(ErrorCode::INVALID_PARAMETER) => eprintln!("check the key and the phone number id"),
///         _ if error.is_permission() => eprintln!("the token lacks a permission"),
///         _ if error.is_rate_limited() => eprintln!("call again in {:?}", error.retry_in()),
///         _ => {}
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The given key is not a public key that WhatsApp accepts; nothing was sent.
    #[error("the business public key cannot be used")]
    Key(#[from] KeyError),
    /// The call to the Encryption API failed.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
}

impl Error {
    /// Returns the Graph error code, if Graph returned one.
    pub fn code(&self) -> Option<ErrorCode> {
        self.graph().and_then(GraphError::code)
    }

    /// Returns Graph's trace id, which Meta's support asks for.
    pub fn fbtrace_id(&self) -> Option<&str> {
        match self {
            Self::Key(_) => None,
            Self::Encryption(error) => error.fbtrace_id(),
        }
    }

    /// Returns the failed call to Graph, if a call failed.
    pub fn graph(&self) -> Option<&GraphError> {
        match self {
            Self::Key(_) => None,
            Self::Encryption(error) => error.graph(),
        }
    }

    /// Returns whether the token lacks a permission.
    pub fn is_permission(&self) -> bool {
        self.graph().is_some_and(GraphError::is_permission)
    }

    /// Returns whether a rate limit refused the call; [`retry_in`](Self::retry_in) returns how long to wait.
    pub fn is_rate_limited(&self) -> bool {
        self.graph().is_some_and(GraphError::is_rate_limited)
    }

    /// Returns whether the token itself is refused.
    pub fn is_token(&self) -> bool {
        self.graph().is_some_and(GraphError::is_token)
    }

    /// Returns whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        self.graph().is_some_and(GraphError::is_transient)
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Key(error) => error.remedy(),
            Self::Encryption(error) => error.remedy(),
        }
    }

    /// Returns the error, its causes and its remedy as text: one line each, without a line end after the
    /// last.
    ///
    /// ```
    /// use wa_cloud::Error;
    /// use wa_cloud::keys::PublicKey;
    ///
    /// let error = Error::from(PublicKey::parse("not a key").unwrap_err());
    /// let report = error.report();
    /// assert!(report.starts_with("the business public key cannot be used\n  caused by: "), "{report}");
    /// assert!(report.contains("\nhint: "), "{report}");
    /// ```
    pub fn report(&self) -> String {
        report(self, self.fbtrace_id(), self.remedy())
    }

    /// Returns how long to wait before the next call, if the server requested a delay.
    pub fn retry_in(&self) -> Option<Duration> {
        self.graph().and_then(GraphError::retry_in)
    }
}

/// The reason why a [`WhatsApp`](crate::WhatsApp) could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A required setting is missing.
    #[error("{setting} is not set")]
    Missing {
        /// The missing setting.
        setting: &'static str,
        /// The method of the builder that sets it.
        method: &'static str,
        /// The environment variable that sets it.
        variable: &'static str,
    },
    /// The phone number id is not valid.
    #[error("the phone number id cannot be used")]
    PhoneNumberId(#[from] IdError),
    /// The access token or the app secret is not valid.
    #[error("a secret cannot be used")]
    Secret(#[from] SecretError),
    /// The API version is not valid.
    #[error("the API version cannot be used")]
    ApiVersion(#[from] wa_graph::ApiVersionError),
    /// The Graph client could not be built.
    #[error("the Graph client cannot be built")]
    Client(#[from] wa_graph::BuildError),
    /// An environment variable is not UTF-8.
    #[error("the environment variable {variable} is not UTF-8 text")]
    NotUnicode {
        /// The name of the variable.
        variable: &'static str,
    },
}

impl BuildError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Missing { method, variable, .. } => {
                Some(format!("call {method}, or set {variable} and use from_env").into())
            }
            Self::PhoneNumberId(error) => error.remedy(),
            Self::Secret(error) => error.remedy(),
            Self::ApiVersion(error) => error.remedy(),
            Self::Client(error) => error.remedy(),
            Self::NotUnicode { variable } => Some(format!("set {variable} to UTF-8 text").into()),
        }
    }

    /// Returns the error, its causes and its remedy as text: one line each, without a line end after the
    /// last.
    pub fn report(&self) -> String {
        report(self, None, self.remedy())
    }
}

fn report(error: &dyn StdError, fbtrace_id: Option<&str>, remedy: Option<Cow<'static, str>>) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut next = error.source();
    while let Some(cause) = next {
        let line = cause.to_string();
        if line != last {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  caused by: {line}");
            last = line;
        }
        next = cause.source();
    }
    // A Graph error contains its trace id.
    if let Some(id) = fbtrace_id.filter(|id| !text.contains(*id)) {
        let _ = write!(text, "\n  for Meta's support: fbtrace_id {id}");
    }
    if let Some(remedy) = remedy {
        let _ = write!(text, "\nhint: {remedy}");
    }
    text
}
