//! What several test files need.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests"
)]

use std::sync::OnceLock;

use serde_json::Value;
use wa_keys::PrivateKey;

pub fn test_file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub fn test_data(name: &str) -> Value {
    serde_json::from_slice(&test_file(name)).unwrap()
}

/// The published throwaway key of the third-party vectors.
pub fn known_key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::parse(test_file("pywa_private_key.der"), None).unwrap())
}

/// One of two keys that are not the known one.
pub fn other_key(which: usize) -> &'static PrivateKey {
    static KEYS: [OnceLock<PrivateKey>; 2] = [const { OnceLock::new() }; 2];
    KEYS[which].get_or_init(|| PrivateKey::generate().unwrap())
}
