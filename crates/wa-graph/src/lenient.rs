//! Lenient deserialization of informational members: an odd value counts as missing and does not fail the
//! response.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Deserializes a string, or a number as its digits; anything else counts as missing.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}
