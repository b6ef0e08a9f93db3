//! Members that nothing depends on are read as far as they make sense, and never spoil the rest of an answer.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads a text, or a number as its digits; anything else counts as missing.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}
