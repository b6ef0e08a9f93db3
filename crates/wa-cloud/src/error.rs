//! What can go wrong, in one type for the whole facade.

use wa_encryption::EncryptionError;
use wa_graph::{ErrorCode, GraphError, IdError, SecretError};
use wa_keys::KeyError;

/// Why a call failed: the key that was given, or the call itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given is not a public key that WhatsApp takes; nothing was sent.
    #[error("the business public key cannot be used")]
    Key(#[from] KeyError),
    /// The call to the Encryption API failed.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
}

impl Error {
    /// Returns the Graph error code, if Graph answered with one.
    pub fn code(&self) -> Option<ErrorCode> {
        self.graph().and_then(GraphError::code)
    }

    /// Returns the failed call to Graph, if that is what failed.
    pub fn graph(&self) -> Option<&GraphError> {
        match self {
            Self::Key(_) => None,
            Self::Encryption(error) => error.graph(),
        }
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Key(error) => error.remedy().map(Into::into),
            Self::Encryption(error) => error.remedy().map(ToOwned::to_owned),
        }
    }
}

/// Why a [`WhatsApp`](crate::WhatsApp) could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting that must be there is missing.
    #[error("{setting} is not set: call {method}, or set {variable} and use from_env")]
    Missing {
        /// What is missing.
        setting: &'static str,
        /// The builder's method that sets it.
        method: &'static str,
        /// The environment variable that sets it.
        variable: &'static str,
    },
    /// The phone number id is not one.
    #[error("the phone number id cannot be used")]
    PhoneNumberId(#[from] IdError),
    /// The access token or the app secret is not one.
    #[error("a secret cannot be used")]
    Secret(#[from] SecretError),
    /// The API version is not one.
    #[error("the API version cannot be used")]
    ApiVersion(#[from] wa_graph::ApiVersionError),
    /// The client could not be built.
    #[error("the Graph client cannot be built")]
    Client(#[from] wa_graph::BuildError),
    /// An environment variable is not UTF-8.
    #[error("the environment variable {variable} is not UTF-8 text")]
    NotUnicode {
        /// Its name.
        variable: &'static str,
    },
}
