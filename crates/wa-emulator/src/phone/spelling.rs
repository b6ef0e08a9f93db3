//! How the base64 of an answer is written, and what it means where it is not written as it has to be.

use data_encoding::{BASE64, BASE64_NOPAD};
use thiserror::Error;

use super::outcome::ReplyFault;

/// Bytes of the GCM tag: what is shorter is no answer, however it is written.
const TAG: usize = 16;

/// A way to write base64 that is not standard, padded and bare, but whose meaning is plain.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spelling {
    /// `JavaScript` reads it all the same; no page of Meta's says that every client does.
    #[error("a line end follows the base64: answer with the base64 text and nothing after it")]
    LineEnd,
    /// The text is a JSON string.
    #[error("the base64 is quoted as a JSON string: answer with the bare base64 text")]
    Quoted,
    /// The text has line ends in it.
    #[error("the base64 is wrapped into lines: answer with one line")]
    Wrapped,
    /// White space of another kind.
    #[error("white space stands around the base64: answer with the base64 text and nothing around it")]
    WhiteSpace,
    /// The text has `-` and `_`.
    #[error("the base64 is of the URL-safe alphabet: use the standard one, with + and /")]
    UrlSafe,
    /// The text has no `=` at its end where there should be.
    #[error("the base64 has no padding: fill it up with = to a multiple of four characters")]
    Unpadded,
}

/// The bytes that a body means, and what is wrong with its spelling.
pub(super) fn read(body: &[u8]) -> Result<(Option<Spelling>, Vec<u8>), ReplyFault> {
    if let Ok(bytes) = BASE64.decode(body) {
        return Ok((None, bytes));
    }
    let (spelling, bytes) = match body.trim_ascii_start().first() {
        Some(b'{') => return Err(ReplyFault::NotEncrypted),
        Some(b'"') => {
            let inner = serde_json::from_slice::<String>(body).ok();
            let bytes = inner.and_then(|inner| {
                let plain = BASE64.decode(inner.as_bytes()).ok();
                plain.or_else(|| Some(spelt_otherwise(inner.as_bytes())?.1))
            });
            let bytes = bytes.ok_or(ReplyFault::Spelling(Spelling::Quoted))?;
            (Spelling::Quoted, bytes)
        }
        _ => spelt_otherwise(body).ok_or(ReplyFault::NotBase64)?,
    };
    Ok((Some(spelling), bytes))
}

fn spelt_otherwise(body: &[u8]) -> Option<(Spelling, Vec<u8>)> {
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
    fn every_spelling_is_told_apart_and_understood() {
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
    fn what_is_not_base64_of_any_kind_is_called_so() {
        for body in ["OK", "no base64!", "\n", "====", "AAAA=AAAA"] {
            assert_eq!(read(body.as_bytes()), Err(ReplyFault::NotBase64), "{body:?}");
        }
        assert_eq!(read(b" {\"data\":{}}"), Err(ReplyFault::NotEncrypted));
        assert_eq!(
            read(b"\"no base64\""),
            Err(ReplyFault::Spelling(Spelling::Quoted))
        );
        assert_eq!(read(b""), Ok((None, Vec::new())));
    }
}
