//! Errors of building the client.

use std::borrow::Cow;

use wa_graph::{ErrorReport, IdError, SecretError};

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
        ErrorReport::new(self).remedy(self.remedy()).to_string()
    }
}
