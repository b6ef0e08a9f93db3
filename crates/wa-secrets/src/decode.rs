//! Decoding the bytes of a file to text.

use zeroize::{Zeroize as _, Zeroizing};

/// The reason why bytes are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotText {
    /// They contain NUL bytes, like binary files and UTF-16 without a byte order mark.
    NulBytes,
    /// They are neither UTF-8 nor UTF-16 with a byte order mark.
    Encoding,
}

/// Decodes UTF-8, with or without a byte order mark, and UTF-16 with one. The mark is not part of the text.
pub(crate) fn text(bytes: &[u8]) -> Result<Zeroizing<String>, NotText> {
    let text = match bytes {
        [0xff, 0xfe, body @ ..] => utf16(body, u16::from_le_bytes)?,
        [0xfe, 0xff, body @ ..] => utf16(body, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, body @ ..] | body => utf8(body)?,
    };
    if text.contains('\0') {
        return Err(NotText::NulBytes);
    }
    Ok(text)
}

fn utf8(bytes: &[u8]) -> Result<Zeroizing<String>, NotText> {
    if bytes.contains(&0) {
        return Err(NotText::NulBytes);
    }
    let text = str::from_utf8(bytes).map_err(|_| NotText::Encoding)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>, NotText> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NotText::Encoding);
    }
    // One allocation of the maximum size (a unit has at most 3 bytes in UTF-8), because growing would leave a
    // copy of the secret in memory.
    let mut text = Zeroizing::new(String::with_capacity(pairs.len() * 3));
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let Ok(mut character) = decoded else {
            return Err(NotText::Encoding);
        };
        text.push(character);
        character.zeroize();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_text() {
        let utf16 = |swap: bool| -> Vec<u8> {
            let bytes = |unit: u16| {
                if swap {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            };
            "\u{feff}größer 🔑".encode_utf16().flat_map(bytes).collect()
        };
        for input in [
            "größer 🔑".into(),
            "\u{feff}größer 🔑".into(),
            utf16(true),
            utf16(false),
        ] {
            assert_eq!(text(&input).unwrap().as_str(), "größer 🔑");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        for (input, expected) in [
            (&b"a\0b"[..], NotText::NulBytes),
            (b"a\0b\0", NotText::NulBytes),
            (b"\xff\xfea\0\0\0", NotText::NulBytes),
            (b"\xff\xfea\0b", NotText::Encoding),
            (b"\xff\xfe\x00\xd8a\0", NotText::Encoding),
            (b"\xc3\x28", NotText::Encoding),
            (b"\x30\x82\x04\xbd", NotText::Encoding),
        ] {
            assert_eq!(text(input).unwrap_err(), expected, "{input:?}");
        }
    }
}
