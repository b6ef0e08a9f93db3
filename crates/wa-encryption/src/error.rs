//! Errors of the Encryption API.

use std::borrow::Cow;
use std::time::Duration;

use wa_graph::{ApiError, ErrorCode, ErrorReport, GraphError, NodeKind, PhoneNumberId};
use wa_keys::KeyError;

/// The reason why a key could not be set or read.
///
/// `Display` names the failure, [`remedy`](Self::remedy) returns what to do about it, and
/// [`report`](Self::report) returns both with all causes.
///
/// ```
/// use wa_encryption::EncryptionError;
///
/// fn explain(error: &EncryptionError) {
///     eprintln!("error: {}", error.report());
///     if error.is_rate_limited() {
///         eprintln!("call again in {:?}", error.retry_in());
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionError {
    /// The given key is not a public key that WhatsApp accepts; nothing was sent.
    #[error("the business public key cannot be used")]
    Key(#[from] KeyError),
    /// The call to Graph failed.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The id belongs to another kind of object; see
    /// [`EncryptionApi::explain`](crate::EncryptionApi::explain).
    #[error("{id} is the id of {}, not of a phone number", .node.name())]
    NotAPhoneNumber {
        /// The given id.
        id: PhoneNumberId,
        /// The kind of object that it belongs to.
        node: NodeKind,
        /// The refused call.
        #[source]
        source: GraphError,
    },
    /// The key was set, but reading it back failed; it is probably registered.
    #[error("the key was set for phone number {phone_number_id}, but it could not be read back")]
    ReadBack {
        /// The number.
        phone_number_id: PhoneNumberId,
        /// The failed call.
        #[source]
        source: GraphError,
    },
    /// Graph returned neither an error nor a confirmation.
    #[error(
        "Graph did not confirm the key for phone number {phone_number_id}: its response has no \
         \"success\": true"
    )]
    NotConfirmed {
        /// The number.
        phone_number_id: PhoneNumberId,
        /// Graph's trace id.
        fbtrace_id: Option<String>,
    },
    /// Graph returned JSON in an undocumented format.
    #[error(
        "Graph's response for phone number {phone_number_id} has an undocumented format: no public key can be \
         read from it"
    )]
    UnknownShape {
        /// The number.
        phone_number_id: PhoneNumberId,
        /// Graph's trace id.
        fbtrace_id: Option<String>,
    },
}

impl EncryptionError {
    /// Returns the failed call to Graph, if a call failed.
    pub fn graph(&self) -> Option<&GraphError> {
        match self {
            Self::Graph(error)
            | Self::NotAPhoneNumber { source: error, .. }
            | Self::ReadBack { source: error, .. } => Some(error),
            Self::Key(_) | Self::NotConfirmed { .. } | Self::UnknownShape { .. } => None,
        }
    }

    /// Returns Graph's error, if Graph returned one.
    pub fn api(&self) -> Option<&ApiError> {
        self.graph().and_then(GraphError::api)
    }

    /// Returns the Graph error code.
    pub fn code(&self) -> Option<ErrorCode> {
        self.graph().and_then(GraphError::code)
    }

    /// Returns Graph's trace id, which Meta's support asks for.
    pub fn fbtrace_id(&self) -> Option<&str> {
        match self {
            Self::Key(_) => None,
            Self::Graph(error)
            | Self::NotAPhoneNumber { source: error, .. }
            | Self::ReadBack { source: error, .. } => error.fbtrace_id(),
            Self::NotConfirmed { fbtrace_id, .. } | Self::UnknownShape { fbtrace_id, .. } => {
                fbtrace_id.as_deref()
            }
        }
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::Key(error) => return error.remedy(),
            Self::Graph(error) | Self::ReadBack { source: error, .. } => return error.remedy(),
            Self::NotAPhoneNumber { .. } => {
                "Use the phone number id, which the App Dashboard shows under API Setup; GET \
                 /WABA_ID/phone_numbers lists those of an account."
            }
            Self::NotConfirmed { .. } => "Read the key to check what is registered, then set it again.",
            Self::UnknownShape { .. } => {
                "Check that the base URL is that of a Graph API and that the id is the id of a phone number."
            }
        };
        Some(Cow::Borrowed(text))
    }

    /// Returns the error, its causes and its remedy as text: one line each, without a line end after the
    /// last.
    ///
    /// ```
    /// use wa_encryption::EncryptionError;
    /// use wa_keys::PublicKey;
    ///
    /// let error = EncryptionError::from(PublicKey::parse("not a key").unwrap_err());
    /// let report = error.report();
    /// assert!(report.starts_with("the business public key cannot be used\n  caused by: "), "{report}");
    /// assert!(report.contains("\nhint: "), "{report}");
    /// ```
    pub fn report(&self) -> String {
        ErrorReport::new(self)
            .fbtrace_id(self.fbtrace_id())
            .remedy(self.remedy())
            .to_string()
    }

    /// Returns how long to wait before the next call, if the server requested a delay.
    pub fn retry_in(&self) -> Option<Duration> {
        self.graph().and_then(GraphError::retry_in)
    }

    /// Returns whether the token lacks a permission.
    pub fn is_permission(&self) -> bool {
        self.graph().is_some_and(GraphError::is_permission)
    }

    /// Returns whether the token itself is refused.
    pub fn is_token(&self) -> bool {
        self.graph().is_some_and(GraphError::is_token)
    }

    /// Returns whether a rate limit refused the call.
    pub fn is_rate_limited(&self) -> bool {
        self.graph().is_some_and(GraphError::is_rate_limited)
    }

    /// Returns whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        self.graph().is_some_and(GraphError::is_transient)
    }
}
