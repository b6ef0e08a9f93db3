//! Repairs URL-encoded PEM text, and text with the placeholder from Meta's sample endpoint.

use zeroize::Zeroizing;

use super::clean::{Text, clean, find};

/// The placeholder in the BEGIN and END lines of the README of Meta's sample endpoint.
const PLACEHOLDER: &[u8] = b"[REPLACE THIS]";
const PLACEHOLDER_LINE: &[u8] = b"-----[REPLACE THIS]";
const HYPHENS: &[u8] = b"-----";

/// Returns the repaired text, and whether it contained the placeholder.
pub(super) fn repair(text: Text) -> (Text, bool) {
    let text = match from_url(text.bytes()) {
        // Line ends and byte order marks may have been URL-encoded.
        Some(decoded) => clean(&decoded),
        None => text,
    };
    if text.contains(PLACEHOLDER) {
        (without_placeholder(text.bytes()), true)
    } else {
        (text, false)
    }
}

/// Decodes sequences such as `%0A`, which PEM never contains, and `+` as a space if the labels contain it.
fn from_url(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let contains = |needle: &[u8]| find(text, needle).is_some();
    let has_plus = contains(b"BEGIN+");
    let marks: [&[u8]; 4] = [b"BEGIN%20", b"-----%0", b"%2DBEGIN", b"%2dBEGIN"];
    if !has_plus && !marks.into_iter().any(contains) {
        return None;
    }
    // Never longer than the text, so the buffer is never reallocated, which would leave a copy.
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Some(decoded),
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(nibble(*high) << 4 | nibble(*low));
                tail
            }
            [b'+', tail @ ..] if has_plus => {
                decoded.push(b' ');
                tail
            }
            [byte, tail @ ..] => {
                decoded.push(*byte);
                tail
            }
        };
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Removes the lines of the placeholder if the key between them has its own BEGIN and END lines, and
/// otherwise only the words of the placeholder.
fn without_placeholder(text: &[u8]) -> Text {
    let mut kept = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, line)) = cut(rest, PLACEHOLDER_LINE) {
        kept.extend_from_slice(before);
        let Some((_, after)) = cut(line, HYPHENS) else {
            rest = line;
            break;
        };
        rest = after;
    }
    kept.extend_from_slice(rest);
    if find(&kept, b"-----BEGIN ").is_some() {
        return Text::new(kept);
    }
    let mut words = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, after)) = cut(rest, PLACEHOLDER) {
        words.extend_from_slice(before);
        rest = after.trim_ascii_start();
    }
    words.extend_from_slice(rest);
    Text::new(words)
}

/// Returns the text before and after the first `needle`.
fn cut<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(text, needle)?;
    Some((text.get(..at)?, text.get(at + needle.len()..)?))
}
