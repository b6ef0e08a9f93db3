//! Decodes the base64 of a response, even if it is not in the required form.

use data_encoding::{BASE64, BASE64_NOPAD};
use thiserror::Error;

use crate::outcome::ResponseFault;

/// Bytes of the GCM tag: anything shorter is not an encrypted response.
const TAG: usize = 16;

/// A form of base64 that can be decoded, but is not the required one: standard alphabet, padded, and nothing
/// else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Spelling {
    /// A line end follows. `JavaScript` accepts it; Meta does not document whether every client does.
    #[error("a line end follows the base64: return the base64 text and nothing after it")]
    LineEnd,
    /// The text is a JSON string.
    #[error("the base64 is quoted as a JSON string: return the bare base64 text")]
    Quoted,
    /// The text contains line ends.
    #[error("the base64 is wrapped into lines: return one line")]
    Wrapped,
    /// Other white space is around the text.
    #[error("white space is around the base64: return the base64 text and nothing around it")]
    WhiteSpace,
    /// The text has `-` and `_`.
    #[error("the base64 is of the URL-safe alphabet: use the standard one, with + and /")]
    UrlSafe,
    /// The padding with `=` is missing.
    #[error("the base64 has no padding: pad it with = to a multiple of four characters")]
    Unpadded,
}

/// Decodes a body; returns the deviation from the required form, if any, and the bytes.
pub(crate) fn read(body: &[u8]) -> Result<(Option<Spelling>, Vec<u8>), ResponseFault> {
    if let Ok(bytes) = BASE64.decode(body) {
        return Ok((None, bytes));
    }
    let (spelling, bytes) = match body.trim_ascii_start().first() {
        Some(b'{') => return Err(ResponseFault::NotEncrypted),
        Some(b'"') => {
            let inner = serde_json::from_slice::<String>(body).ok();
            let bytes = inner.and_then(|inner| {
                let plain = BASE64.decode(inner.as_bytes()).ok();
                plain.or_else(|| Some(lenient(inner.as_bytes())?.1))
            });
            let bytes = bytes.ok_or(ResponseFault::Spelling(Spelling::Quoted))?;
            (Spelling::Quoted, bytes)
        }
        _ => lenient(body).ok_or(ResponseFault::NotBase64)?,
    };
    Ok((Some(spelling), bytes))
}

fn lenient(body: &[u8]) -> Option<(Spelling, Vec<u8>)> {
    let is_url_safe = body.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let text: Vec<u8> = body
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    let (bytes, is_unpadded) = match BASE64.decode(&text) {
        Ok(bytes) => (bytes, false),
        Err(_) => (BASE64_NOPAD.decode(&text).ok()?, true),
    };
    if bytes.len() < TAG {
        return None;
    }
    let before_line_end = body.strip_suffix(b"\n").unwrap_or(body);
    let before_line_end = before_line_end.strip_suffix(b"\r").unwrap_or(before_line_end);
    let spelling = if is_url_safe {
        Spelling::UrlSafe
    } else if is_unpadded {
        Spelling::Unpadded
    } else if before_line_end.len() == text.len() {
        Spelling::LineEnd
    } else if body.trim_ascii().len() == text.len() {
        Spelling::WhiteSpace
    } else {
        Spelling::Wrapped
    };
    Some((spelling, bytes))
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64URL, BASE64URL_NOPAD};

    use super::*;

    #[test]
    fn every_form_of_base64_is_recognised_and_decoded() {
        let bytes = [0xfb; 40];
        let bare = BASE64.encode(&bytes);
        let cases = [
            (bare.clone(), None),
            (format!("{bare}\n"), Some(Spelling::LineEnd)),
            (format!("{bare}\r\n"), Some(Spelling::LineEnd)),
            (format!("{bare}\n\n"), Some(Spelling::WhiteSpace)),
            (format!(" {bare}"), Some(Spelling::WhiteSpace)),
            (
                format!("{}\n{}\n", &bare[..40], &bare[40..]),
                Some(Spelling::Wrapped),
            ),
            (format!("\"{bare}\""), Some(Spelling::Quoted)),
            (
                format!("\"{}\"\n", bare.replace('/', r"\/")),
                Some(Spelling::Quoted),
            ),
            (format!("\"{bare}\\n\""), Some(Spelling::Quoted)),
            (BASE64URL.encode(&bytes), Some(Spelling::UrlSafe)),
            (BASE64URL_NOPAD.encode(&bytes), Some(Spelling::UrlSafe)),
            (BASE64_NOPAD.encode(&bytes), Some(Spelling::Unpadded)),
        ];
        for (body, spelling) in cases {
            assert_eq!(read(body.as_bytes()), Ok((spelling, bytes.to_vec())), "{body:?}");
        }
    }

    #[test]
    fn a_body_that_is_not_base64_is_reported() {
        for body in ["OK", "no base64!", "\n", "====", "AAAA=AAAA"] {
            assert_eq!(read(body.as_bytes()), Err(ResponseFault::NotBase64), "{body:?}");
        }
        assert_eq!(read(b" {\"data\":{}}"), Err(ResponseFault::NotEncrypted));
        assert_eq!(
            read(b"\"no base64\""),
            Err(ResponseFault::Spelling(Spelling::Quoted))
        );
        assert_eq!(read(b""), Ok((None, Vec::new())));
    }
}
