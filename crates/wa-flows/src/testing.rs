//! Helpers for the unit tests.

use serde_json::Value;

/// Reads a JSON file of `tests/data`.
pub(crate) fn test_data(name: &str) -> Value {
    serde_json::from_slice(&test_file(name)).unwrap()
}

/// Reads a file of `tests/data`.
pub(crate) fn test_file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Returns the string in a JSON value.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Decodes lowercase hex.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}
