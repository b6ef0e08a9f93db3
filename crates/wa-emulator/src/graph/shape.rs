//! Where Meta's own sources disagree about the shape of an answer, the choice is a setting.

use serde::{Deserialize, Serialize};

/// How the reading of a key answers when the number has none; no official page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoKeyShape {
    /// A blank key, `" "`, with the status MISMATCH.
    #[default]
    Blank,
    /// `{"data": []}`.
    EmptyData,
    /// `null` for the key, with the status MISMATCH.
    Null,
    /// No key member at all, only the status MISMATCH.
    Absent,
}

/// The shapes of answers that differ between Meta's sources; the default is that of the `OpenAPI` description.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WireShape {
    pub(crate) no_key: NoKeyShape,
    pub(crate) flat: bool,
    pub(crate) success_as_text: bool,
    pub(crate) numeric_account_ids: bool,
}

impl WireShape {
    /// The shapes of the `OpenAPI` description.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what reading answers when there is no key.
    #[must_use]
    pub fn no_key(mut self, shape: NoKeyShape) -> Self {
        self.no_key = shape;
        self
    }

    /// Answers a reading flat, without `data`, as the guide shows it.
    #[must_use]
    pub fn flat(mut self, flat: bool) -> Self {
        self.flat = flat;
        self
    }

    /// Answers `{"success": "true"}`, as one of Meta's collections shows it.
    #[must_use]
    pub fn success_as_text(mut self, text: bool) -> Self {
        self.success_as_text = text;
        self
    }

    /// Sends the ids of accounts in lists as JSON numbers, as some of Meta's samples do.
    #[must_use]
    pub fn numeric_account_ids(mut self, numeric: bool) -> Self {
        self.numeric_account_ids = numeric;
        self
    }
}
