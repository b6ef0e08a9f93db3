//! Parses the bodies of control calls.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Refused;
use crate::command::{Command, NumberSelection};

/// The body of `POST /numbers/many`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManyNumbers {
    account: String,
    count: usize,
}

impl From<ManyNumbers> for Command {
    fn from(ManyNumbers { account, count }: ManyNumbers) -> Self {
        Self::AddNumbers { account, count }
    }
}

/// The body of `POST /accounts/many`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManyAccounts {
    #[serde(default)]
    business: Option<String>,
    count: usize,
    #[serde(default)]
    numbers: usize,
}

impl From<ManyAccounts> for Command {
    fn from(many: ManyAccounts) -> Self {
        Self::AddAccounts {
            business: many.business,
            count: many.count,
            numbers: many.numbers,
        }
    }
}

/// The body of `PUT /clock`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Clock {
    pub(super) offset_seconds: i64,
}

pub(super) fn only(number: &str) -> NumberSelection {
    NumberSelection::numbers([number])
}

/// Parses a body; an empty one is an empty object.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Refused::Body(format!("invalid JSON body: {error}")))
}

/// Parses a body that contains a secret. An error shows the position of the fault and what was expected
/// there, never the body.
pub(super) fn read_secret<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let place = format!("at line {}, column {}", error.line(), error.column());
        let missing = text
            .strip_prefix("missing field ")
            .and_then(|rest| rest.split(" at line ").next());
        // The text before this may quote the body; only the last part is the parser's own.
        let expected = text.rsplit_once(", expected ").map(|(_, rest)| rest);
        Refused::Body(match (missing, expected) {
            (Some(name), _) => format!("invalid JSON body: {name} is missing"),
            (None, Some(expected)) => format!("invalid JSON body: expected {expected}"),
            (None, None) => format!("invalid JSON body {place}"),
        })
    })
}
