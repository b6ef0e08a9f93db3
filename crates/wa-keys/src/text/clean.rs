//! Undoing what editors, shells, variables and shells' variables do to text.

use zeroize::Zeroizing;

/// Text with plain line ends and plain blanks. It may hold a private key, so it is wiped.
pub(super) struct Text(Zeroizing<Vec<u8>>);

impl Text {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn contains(&self, needle: &[u8]) -> bool {
        find(&self.0, needle).is_some()
    }

    /// Tells whether a BEGIN or END line is in it, be it a spoilt one.
    pub(super) fn looks_like_pem(&self) -> bool {
        self.contains(b"-----BEGIN")
            || self.contains(b"-----END")
            || (!self.contains(b"SSH2") && (self.contains(b"--BEGIN ") || self.contains(b"- BEGIN ")))
    }
}

/// Number of line ends.
pub(super) fn line_ends(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'\n').count().saturating_sub(1)
}

/// Position of the first `needle`.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Brings the input to ASCII-compatible text with `\n` line ends and without marks, escapes and fancy blanks.
pub(super) fn clean(input: &[u8]) -> Text {
    let transcoded = from_utf16(input);
    let mut rest = transcoded.as_ref().map_or(input, |bytes| bytes.as_slice());
    // Never longer than the input, so that no copy of a secret is left behind by growing.
    let mut out = Zeroizing::new(Vec::with_capacity(rest.len()));
    while let Some((unit, tail)) = next(rest) {
        rest = tail;
        out.extend(unit);
    }
    Text(out)
}

/// Takes one unit off the front and gives what it stands for, if anything.
fn next(bytes: &[u8]) -> Option<(Option<u8>, &[u8])> {
    Some(match bytes {
        [] => return None,
        [b'\r', b'\n', tail @ ..] | [b'\r', tail @ ..] => (Some(b'\n'), tail),
        // Byte order mark, zero-width space, every other byte of UTF-16 without a mark; then no-break space.
        [0xef, 0xbb, 0xbf, tail @ ..] | [0xe2, 0x80, 0x8b, tail @ ..] | [0, tail @ ..] => (None, tail),
        [0xc2, 0xa0, tail @ ..] => (Some(b' '), tail),
        [b'\\', tail @ ..] => escape(tail),
        [byte, tail @ ..] => (Some(*byte), tail),
    })
}

/// Resolves what follows a backslash: base64 and PEM lines have none of their own.
fn escape(after: &[u8]) -> (Option<u8>, &[u8]) {
    match after {
        [b'n', tail @ ..] => (Some(b'\n'), tail),
        // Left to the `\n` after it.
        [b'r', tail @ ..] => (None, tail),
        [b't', tail @ ..] => (Some(b' '), tail),
        [b'u', a, b, c, d, tail @ ..] => match unicode([*a, *b, *c, *d]) {
            Some(byte) => (Some(byte), tail),
            None => (None, after),
        },
        // Among others a second backslash: text can be escaped twice, as JSON within JSON.
        _ => (None, after),
    }
}

/// Reads the digits of `\u002B` and the like, which some JSON writers use for `+`.
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
    let ascii = |pair: &[u8; 2]| {
        let unit = if little_endian {
            u16::from_le_bytes(*pair)
        } else {
            u16::from_be_bytes(*pair)
        };
        u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?')
    };
    Some(Zeroizing::new(pairs.iter().map(ascii).collect()))
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
    fn marks_and_fancy_blanks_go() {
        assert_eq!(cleaned("\u{feff}a\u{a0}b\u{200b}c".as_bytes()), "a bc");
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
