//! The fingerprint of a key: SHA-256 of its public half.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// The SHA-256 of a public key's SPKI DER.
///
/// `openssl pkey -pubin -in public.pem -outform DER | sha256sum` prints the same value.
///
/// `Display` and [`FromStr`] use 64 hex digits, which are written in lowercase. [`Fingerprint::short`] is for
/// tables and logs.
///
/// ```
/// use wa_keys::Fingerprint;
///
/// let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let fingerprint: Fingerprint = text.parse()?;
/// assert_eq!(fingerprint.to_string(), text);
/// assert_eq!(fingerprint.short(), "e3b0c44298fc1c14");
/// # Ok::<(), wa_keys::ParseFingerprintError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of_spki_der(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// Returns the 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the first 16 hex digits, which are enough to distinguish one's own keys.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(16);
        text
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    /// Parses 64 hex digits of either case; colons between bytes, as OpenSSL prints them, are allowed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Vec<u32> = text
            .trim()
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).ok_or(ParseFingerprintError { digits: None }))
            .collect::<Result<_, _>>()?;
        let wrong_length = ParseFingerprintError {
            digits: Some(digits.len()),
        };
        let bytes: Vec<u8> = digits
            .chunks(2)
            .filter_map(|pair| match pair {
                [high, low] => u8::try_from(high * 16 + low).ok(),
                _ => None,
            })
            .collect();
        if digits.len() != 64 {
            return Err(wrong_length);
        }
        bytes.try_into().map(Self).map_err(|_| wrong_length)
    }
}

/// The error for a text that is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 hex digits (SHA-256 of the SPKI DER); {}", match .digits {
    Some(count) => format!("this has {count}"),
    None => "this has other characters".to_owned(),
})]
pub struct ParseFingerprintError {
    digits: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_what_openssl_prints() {
        let fingerprint = Fingerprint::of_spki_der(b"");
        let text = fingerprint.to_string();
        assert_eq!(
            text,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(text.parse(), Ok(fingerprint));
        let colons = text
            .as_bytes()
            .chunks(2)
            .map(|b| str::from_utf8(b).unwrap().to_uppercase());
        assert_eq!(colons.collect::<Vec<_>>().join(":").parse(), Ok(fingerprint));
    }

    #[test]
    fn refuses_other_lengths_and_characters() {
        assert_eq!(
            "".parse::<Fingerprint>(),
            Err(ParseFingerprintError { digits: Some(0) })
        );
        assert_eq!(
            "ab".repeat(33).parse::<Fingerprint>(),
            Err(ParseFingerprintError { digits: Some(66) })
        );
        assert_eq!(
            "a".repeat(63).parse::<Fingerprint>(),
            Err(ParseFingerprintError { digits: Some(63) })
        );
        assert_eq!(
            "zz".repeat(32).parse::<Fingerprint>(),
            Err(ParseFingerprintError { digits: None })
        );
    }
}
