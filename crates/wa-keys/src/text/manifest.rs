//! Finds PEM in base64 as a value in a larger text: the `data` of a Kubernetes Secret, in YAML or JSON.
//!
//! The YAML or JSON is not parsed. Every value that starts with the base64 of `-----BEGIN` is decoded.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::{
    Block,
    clean::{self, find},
    pem,
};
use crate::KeyError;

/// The base64 of `-----BEGIN ` without the last characters, which depend on what follows.
const BEGIN: &[u8] = b"LS0tLS1CRUdJTi";

/// Returns the blocks of all such values in order; `None` if there are none.
pub(super) fn blocks(text: &[u8]) -> Option<Result<Vec<Block>, KeyError>> {
    let mut values: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    let mut rest = text;
    while let Some(start) = find(rest, BEGIN).and_then(|at| rest.get(at..)) {
        let (value, after) = value(start);
        values.push(value);
        rest = after;
    }
    if values.is_empty() {
        return None;
    }
    let mut blocks = Vec::new();
    // `kubectl apply` keeps a copy of the whole manifest in an annotation.
    let mut seen = BTreeSet::new();
    for value in values.iter().filter(|value| seen.insert(value.as_slice())) {
        let mut decoded = Zeroizing::new(vec![0; value.len()]);
        let Ok(length) = Base64::decode(value.as_slice(), &mut decoded).map(<[u8]>::len) else {
            continue;
        };
        decoded.truncate(length);
        match pem::blocks(&clean::clean(&decoded)) {
            Ok(found) => blocks.extend(found),
            Err(error) => return Some(Err(error)),
        }
    }
    (!blocks.is_empty()).then_some(Ok(blocks))
}

/// Takes the base64 value at the start of the text, and returns it and the rest.
///
/// The value ends at a quote, or before a word that is the next name.
fn value(text: &[u8]) -> (Zeroizing<Vec<u8>>, &[u8]) {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let reach = text
        .iter()
        .position(|byte| !is_base64(byte) && !byte.is_ascii_whitespace());
    let (whole, after) = text.split_at(reach.unwrap_or(text.len()));
    // A word that ends in a colon, a dot or the like is no longer part of the value.
    let is_name = !matches!(after, [] | [b'"' | b'\'' | b',' | b'}' | b']', ..]);
    let end = whole
        .iter()
        .rposition(u8::is_ascii_whitespace)
        .filter(|_| is_name)
        .unwrap_or(whole.len());
    let words = whole.get(..end).unwrap_or_default();
    let mut value = Zeroizing::new(Vec::with_capacity(words.len()));
    value.extend(words.iter().filter(|byte| !byte.is_ascii_whitespace()));
    (value, after)
}
