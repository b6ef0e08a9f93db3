//! Settings for the shapes of responses that Meta's own sources describe differently.

use serde::{Deserialize, Serialize};

/// The response to a read of the key if the number has none; no official page documents it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// No key member, only the status MISMATCH.
    Absent,
}

/// The shapes of responses that differ between Meta's sources; the default is that of the `OpenAPI`
/// description.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WireShape {
    pub(crate) no_key: NoKeyShape,
    pub(crate) flat: bool,
    pub(crate) success_as_text: bool,
    pub(crate) numeric_account_ids: bool,
}

impl WireShape {
    /// Returns the shapes of the `OpenAPI` description.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the response to a read if there is no key.
    #[must_use]
    pub fn no_key(mut self, shape: NoKeyShape) -> Self {
        self.no_key = shape;
        self
    }

    /// Returns a key flat, without `data`, as the guide shows it.
    #[must_use]
    pub fn flat(mut self, flat: bool) -> Self {
        self.flat = flat;
        self
    }

    /// Returns `{"success": "true"}` for an upload, as one of Meta's collections shows it.
    #[must_use]
    pub fn success_as_text(mut self, text: bool) -> Self {
        self.success_as_text = text;
        self
    }

    /// Returns account ids in lists as JSON numbers, as some of Meta's samples do.
    #[must_use]
    pub fn numeric_account_ids(mut self, numeric: bool) -> Self {
        self.numeric_account_ids = numeric;
        self
    }
}
