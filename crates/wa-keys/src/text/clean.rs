//! Reverts changes that editors, shells and environment variables make to text.

use zeroize::Zeroizing;

/// Text with `\n` line ends and plain blanks. It may contain a private key, so it is wiped on drop.
pub(super) struct Text(Zeroizing<Vec<u8>>);

impl Text {
    pub(super) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn contains(&self, needle: &[u8]) -> bool {
        find(&self.0, needle).is_some()
    }

    /// Returns whether the text contains a BEGIN or END line, damaged or not.
    pub(super) fn looks_like_pem(&self) -> bool {
        self.contains(b"-----BEGIN")
            || self.contains(b"-----END")
            || (!self.contains(b"SSH2") && (self.contains(b"--BEGIN ") || self.contains(b"- BEGIN ")))
    }
}

/// Returns the number of line ends.
pub(super) fn line_ends(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'\n').count().saturating_sub(1)
}

/// Returns the position of the first `needle`.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Converts the input to ASCII-compatible text with `\n` line ends, without byte order marks, escapes and
/// special blanks.
pub(super) fn clean(input: &[u8]) -> Text {
    let transcoded = from_utf16(input);
    let mut rest = transcoded.as_ref().map_or(input, |bytes| bytes.as_slice());
    // A dash of three bytes becomes at most five, so the buffer is never reallocated, which would leave a
    // copy.
    let mut out = Zeroizing::new(Vec::with_capacity(2 * rest.len()));
    while let Some((unit, tail)) = next(rest) {
        rest = tail;
        match unit {
            Unit::Nothing => {}
            Unit::Byte(byte) => out.push(byte),
            Unit::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }
    Text(out)
}

/// The replacement for the first characters of a text.
#[derive(Debug)]
enum Unit<'a> {
    Nothing,
    Byte(u8),
    Bytes(&'a [u8]),
}

/// Takes one unit from the start of the text; returns its replacement and the rest.
fn next(bytes: &[u8]) -> Option<(Unit<'_>, &[u8])> {
    if let Some((run, is_typographic)) = dashes(bytes) {
        let (run, tail) = bytes.split_at(run);
        return Some((Unit::Bytes(if is_typographic { b"-----" } else { run }), tail));
    }
    let (unit, tail) = next_byte(bytes)?;
    Some((unit.map_or(Unit::Nothing, Unit::Byte), tail))
}

/// Returns the length of the dashes at the start, and whether any of them is typographic.
///
/// A word processor replaces two or three hyphens with one dash, so the number of hyphens is lost.
fn dashes(bytes: &[u8]) -> Option<(usize, bool)> {
    let (mut length, mut is_typographic) = (0, false);
    loop {
        length += match bytes.get(length..).unwrap_or_default() {
            [b'-', ..] => 1,
            // Hyphens and dashes from U+2010 to U+2015; the minus sign.
            [0xe2, 0x80, 0x90..=0x95, ..] | [0xe2, 0x88, 0x92, ..] => {
                is_typographic = true;
                3
            }
            _ => return (length > 0).then_some((length, is_typographic)),
        };
    }
}

fn next_byte(bytes: &[u8]) -> Option<(Option<u8>, &[u8])> {
    Some(match bytes {
        [] => return None,
        [b'\r', b'\n', tail @ ..] | [b'\r', tail @ ..] => (Some(b'\n'), tail),
        // Byte order mark, zero-width space, the zero bytes of UTF-16 without a mark; then no-break space.
        [0xef, 0xbb, 0xbf, tail @ ..] | [0xe2, 0x80, 0x8b, tail @ ..] | [0, tail @ ..] => (None, tail),
        [0xc2, 0xa0, tail @ ..] => (Some(b' '), tail),
        [b'\\', tail @ ..] => escape(tail),
        [byte, tail @ ..] => (Some(*byte), tail),
    })
}

/// Resolves an escape after a backslash, which base64 and PEM lines never contain.
fn escape(after: &[u8]) -> (Option<u8>, &[u8]) {
    match after {
        [b'n', tail @ ..] => (Some(b'\n'), tail),
        // A `\n` follows.
        [b'r', tail @ ..] => (None, tail),
        [b't', tail @ ..] => (Some(b' '), tail),
        [b'u', a, b, c, d, tail @ ..] => match unicode([*a, *b, *c, *d]) {
            Some(byte) => (Some(byte), tail),
            None => (None, after),
        },
        // This includes a second backslash: text can be escaped twice, such as JSON within JSON.
        _ => (None, after),
    }
}

/// Decodes the digits of an escape such as `\u002B`, which some JSON writers use for `+`.
fn unicode(digits: [u8; 4]) -> Option<u8> {
    let value = digits.iter().try_fold(0, |value, digit| {
        char::from(*digit).to_digit(16).map(|digit| value * 16 + digit)
    })?;
    u8::try_from(value).ok().filter(u8::is_ascii)
}

/// Transcodes UTF-16 with a byte order mark, which PowerShell's `>` writes.
fn from_utf16(input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (body, little_endian) = match input {
        [0xff, 0xfe, body @ ..] => (body, true),
        [0xfe, 0xff, body @ ..] => (body, false),
        _ => return None,
    };
    let (pairs, _) = body.as_chunks::<2>();
    let units = pairs.iter().map(|pair| {
        if little_endian {
            u16::from_le_bytes(*pair)
        } else {
            u16::from_be_bytes(*pair)
        }
    });
    // Two bytes become at most three, so the buffer is never reallocated, which would leave a copy.
    let mut text = Zeroizing::new(Vec::with_capacity(body.len().saturating_mul(2)));
    let mut buffer = Zeroizing::new([0; 4]);
    for decoded in char::decode_utf16(units) {
        let utf8 = decoded
            .unwrap_or(char::REPLACEMENT_CHARACTER)
            .encode_utf8(&mut *buffer);
        text.extend_from_slice(utf8.as_bytes());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(input: &[u8]) -> String {
        String::from_utf8(clean(input).bytes().to_vec()).unwrap()
    }

    #[test]
    fn line_ends_of_every_kind_become_newlines() {
        assert_eq!(cleaned(b"a\r\nb\rc\nd"), "a\nb\nc\nd");
        assert_eq!(cleaned(br"a\nb\r\nc\\nd\\r\\ne"), "a\nb\nc\nd\ne");
        assert_eq!(cleaned(b"a\\\nb"), "a\nb");
    }

    #[test]
    fn byte_order_marks_and_special_blanks_are_removed() {
        assert_eq!(cleaned("\u{feff}a\u{a0}b\u{200b}c".as_bytes()), "a bc");
    }

    #[test]
    fn typographic_dashes_become_five_hyphens() {
        for dashes in [
            "\u{2014}\u{2013}",
            "\u{2013}\u{2013}-",
            "\u{2014}",
            "\u{2212}\u{2010}\u{2011}--",
        ] {
            assert_eq!(cleaned(format!("{dashes}BEGIN").as_bytes()), "-----BEGIN");
        }
        assert_eq!(cleaned(b"----BEGIN ------ -"), "----BEGIN ------ -");
        let utf16: Vec<u8> = "\u{feff}\u{2014}\u{2013}BEGIN"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(cleaned(&utf16), "-----BEGIN");
    }

    #[test]
    fn json_escapes_are_resolved() {
        assert_eq!(cleaned(br#"a\/b\u002Bc\u002fd\"e"#), "a/b+c/d\"e");
    }

    #[test]
    fn utf16_with_a_mark_is_transcoded() {
        let little: Vec<u8> = "\u{feff}ab\r\nc"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = "\u{feff}ab\r\nc"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(cleaned(&little), "ab\nc");
        assert_eq!(cleaned(&big), "ab\nc");
    }
}
