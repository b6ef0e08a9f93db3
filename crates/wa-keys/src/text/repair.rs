//! Undoing what web forms and Meta's sample do to PEM text: URL encoding, and the placeholder of its README.

use zeroize::Zeroizing;

use super::clean::{Text, clean, find};

/// What the README of Meta's sample endpoint has in its BEGIN and END lines.
const PLACEHOLDER: &[u8] = b"[REPLACE THIS]";
const PLACEHOLDER_LINE: &[u8] = b"-----[REPLACE THIS]";
const HYPHENS: &[u8] = b"-----";

/// Text as PEM is written, and whether the placeholder was in it.
pub(super) fn repair(text: Text) -> (Text, bool) {
    let text = match from_url(text.bytes()) {
        // Line ends and marks may have been encoded.
        Some(decoded) => clean(&decoded),
        None => text,
    };
    if text.contains(PLACEHOLDER) {
        (without_placeholder(text.bytes()), true)
    } else {
        (text, false)
    }
}

/// Decodes `%0A` and the like, which base64 and PEM never contain, and `+` for a space if labels are written so.
fn from_url(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let contains = |needle: &[u8]| find(text, needle).is_some();
    let has_plus = contains(b"BEGIN+");
    let marks: [&[u8]; 4] = [b"BEGIN%20", b"-----%0", b"%2DBEGIN", b"%2dBEGIN"];
    if !has_plus && !marks.into_iter().any(contains) {
        return None;
    }
    // Never longer than the text, so that no copy of a secret is left behind by growing.
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

/// Takes away the placeholder's own lines if a key has BEGIN and END lines between them, and otherwise the words in them.
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

/// What is before and behind the first `needle`.
fn cut<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(text, needle)?;
    Some((text.get(..at)?, text.get(at + needle.len()..)?))
}
