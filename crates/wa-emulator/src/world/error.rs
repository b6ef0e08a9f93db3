//! Why a change of the emulator's state was refused.

use std::borrow::Cow;

use thiserror::Error;

/// The reason why a change of the emulator's state was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlError {
    /// No object of that kind has that id or label.
    #[error("there is no {kind} {id:?}")]
    NotFound {
        /// The kind of object: business, account, number, flow, app or token.
        kind: &'static str,
        /// The given id or label.
        id: String,
    },
    /// An object of that kind already has that id or label.
    #[error("there is already a {kind} {id:?}")]
    AlreadyExists {
        /// The kind of object.
        kind: &'static str,
        /// The given id or label.
        id: String,
    },
    /// The id is not a valid Graph id.
    #[error("{id:?} is not a Graph id")]
    InvalidId {
        /// The given id.
        id: String,
    },
    /// The label cannot be part of a path of the control API.
    #[error("{label:?} is not a label")]
    InvalidLabel {
        /// The given label.
        label: String,
    },
    /// The public key is not valid for an upload.
    #[error("the public key is not valid: {reason}")]
    InvalidKey {
        /// The fault.
        reason: &'static str,
    },
    /// More objects than one command may add.
    #[error("{count} is more than one command adds")]
    TooMany {
        /// The number that was asked for.
        count: usize,
        /// The most that one command adds.
        most: usize,
    },
}

impl ControlError {
    /// Returns what to do, if there is one answer.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let fixed = match self {
            Self::NotFound { .. } => "add it first, or list what exists with GET /_emulator/",
            Self::AlreadyExists { .. } => "choose another, or omit the id to have one generated",
            Self::InvalidId { .. } => "use 1 to 32 digits",
            Self::InvalidLabel { .. } => "use 1 to 64 letters, digits and - _ .",
            Self::TooMany { most, .. } => {
                return Some(format!("add {most} at most, and repeat the command").into());
            }
            Self::InvalidKey { .. } => return None,
        };
        Some(fixed.into())
    }
}
