//! The JSON envelope that a request travels in.

use std::borrow::Cow;
use std::fmt;

use base64_simd::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::object::Object;

/// Length of the session key, of the IV and of the authentication tag, in bytes.
pub(crate) const BLOCK: usize = 16;
/// Length of a session key encrypted for a 2048-bit RSA key, in bytes.
pub(crate) const ENCRYPTED_KEY: usize = 256;

/// An encrypted request as it came in: three members of standard base64 (Meta, *Implementing endpoints for
/// Flows*, "Request decryption and encryption").
///
/// Unknown members are ignored. An envelope whose members cannot be read is still an envelope: it is refused where
/// a wrong key is refused, in the same way and after the same work.
///
/// ```
/// use wa_flows::Envelope;
///
/// assert!(Envelope::parse(br#"{"encrypted_flow_data":"","encrypted_aes_key":"","initial_vector":""}"#).is_ok());
/// assert!(Envelope::parse(b"{}").is_err());
/// ```
pub struct Envelope {
    sealed: Option<Sealed>,
}

/// The decoded members of a well-formed envelope.
pub(crate) struct Sealed {
    pub(crate) encrypted_key: [u8; ENCRYPTED_KEY],
    pub(crate) iv: [u8; BLOCK],
    /// Ciphertext followed by the tag, at least as long as the tag.
    pub(crate) data: Vec<u8>,
}

/// The body is no envelope: not a JSON object, or one with none of the three members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the body is no Flows envelope: expected a JSON object with encrypted_flow_data, encrypted_aes_key and initial_vector"
)]
#[non_exhaustive]
pub struct NoEnvelope;

impl Envelope {
    /// Reads an envelope from the body of a request.
    ///
    /// # Errors
    /// [`NoEnvelope`] if the body is not a JSON object or has none of the three members.
    pub fn parse(body: &[u8]) -> Result<Self, NoEnvelope> {
        let Object::<Members<'_>>(members) = serde_json::from_slice(body).map_err(|_| NoEnvelope)?;
        if members.is_empty() {
            Err(NoEnvelope)
        } else {
            Ok(Self {
                sealed: members.decode(),
            })
        }
    }

    pub(crate) fn sealed(&self) -> Option<&Sealed> {
        self.sealed.as_ref()
    }

    /// The decoded members, or `None` if no key could ever open them.
    pub(crate) fn into_sealed(self) -> Option<Sealed> {
        self.sealed
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("well_formed", &self.sealed.is_some())
            .finish_non_exhaustive()
    }
}

impl Sealed {
    /// What is decrypted in place of an envelope that cannot be read, so that both take the same time.
    ///
    /// The key block is a number below every 2048-bit modulus and no valid OAEP block of anybody's choosing.
    pub(crate) fn decoy() -> Self {
        let mut encrypted_key = [0x5a; ENCRYPTED_KEY];
        encrypted_key[0] = 0;
        Self {
            encrypted_key,
            iv: [0; BLOCK],
            data: vec![0; 2 * BLOCK],
        }
    }
}

/// The members as text, borrowed from the body unless they hold escapes such as `\/`.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    encrypted_flow_data: Option<Text<'a>>,
    #[serde(borrow, default)]
    encrypted_aes_key: Option<Text<'a>>,
    #[serde(borrow, default)]
    initial_vector: Option<Text<'a>>,
}

impl Members<'_> {
    fn is_empty(&self) -> bool {
        self.encrypted_flow_data.is_none()
            && self.encrypted_aes_key.is_none()
            && self.initial_vector.is_none()
    }

    fn decode(&self) -> Option<Sealed> {
        let data = STANDARD
            .decode_to_vec(self.encrypted_flow_data.as_ref()?.bytes())
            .ok()?;
        if data.len() < BLOCK {
            return None;
        }
        Some(Sealed {
            encrypted_key: decode_array(self.encrypted_aes_key.as_ref()?.bytes())?,
            iv: decode_array(self.initial_vector.as_ref()?.bytes())?,
            data,
        })
    }
}

fn decode_array<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    STANDARD.decode_to_vec(text).ok()?.try_into().ok()
}

/// A member's text; empty if the member is of another type than string.
struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

/// Stands for a member that is no string.
const NO_TEXT: Text<'static> = Text(Cow::Borrowed(""));

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(NO_TEXT)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(NO_TEXT)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(NO_TEXT)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(NO_TEXT)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(NO_TEXT)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(NO_TEXT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(NO_TEXT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(data: &str, key: &str, iv: &str) -> Vec<u8> {
        format!(
            r#"{{"encrypted_flow_data":{data},"encrypted_aes_key":{key},"initial_vector":{iv},"more":[1]}}"#
        )
        .into_bytes()
    }

    fn quoted(length: usize) -> String {
        format!("\"{}\"", STANDARD.encode_to_string(vec![0xff; length]))
    }

    fn sealed(body: &[u8]) -> Option<Sealed> {
        Envelope::parse(body).unwrap().into_sealed()
    }

    #[test]
    fn members_with_escaped_slashes_read_like_plain_ones() {
        let plain = body(&quoted(40), &quoted(256), &quoted(16));
        let escaped = String::from_utf8(plain.clone())
            .unwrap()
            .replace('/', "\\/")
            .into_bytes();
        assert_ne!(plain, escaped);
        let (plain, escaped) = (sealed(&plain).unwrap(), sealed(&escaped).unwrap());
        assert_eq!(plain.data, escaped.data);
        assert_eq!(plain.encrypted_key, escaped.encrypted_key);
        assert_eq!(plain.iv, escaped.iv);
    }

    #[test]
    fn what_is_no_object_with_a_member_of_ours_is_no_envelope() {
        for body in [
            "",
            "null",
            "[]",
            r#"["data","key","iv"]"#,
            "7",
            "\"x\"",
            "{}",
            r#"{"a":1}"#,
            "{",
            "{}{}",
            "\u{feff}{}",
        ] {
            assert_eq!(
                Envelope::parse(body.as_bytes()).unwrap_err(),
                NoEnvelope,
                "{body}"
            );
        }
        assert_eq!(Envelope::parse(b"{\"a\":\"\xff\"}").unwrap_err(), NoEnvelope);
    }

    #[test]
    fn wrong_lengths_types_and_alphabets_leave_an_envelope_that_nothing_opens() {
        let (data, key, iv) = (quoted(16), quoted(256), quoted(16));
        assert!(sealed(&body(&data, &key, &iv)).is_some());
        let bodies = [
            body(&quoted(15), &key, &iv),
            body(&quoted(0), &key, &iv),
            body(&data, &quoted(255), &iv),
            body(&data, &quoted(257), &iv),
            body(&data, &key, &quoted(12)),
            body(&data, &key, &quoted(17)),
            body("\"*\"", &key, &iv),
            body("\"____________________________\"", &key, &iv),
            body(data.trim_end_matches("=\"").trim_end_matches('"'), &key, &iv)
                .into_iter()
                .chain(*b" ")
                .collect(),
            body("7", &key, &iv),
            body("null", &key, &iv),
            body("[1,{}]", &key, &iv),
            body("{\"a\":1.5}", "true", "-1"),
            br#"{"initial_vector":""}"#.to_vec(),
        ];
        for (at, body) in bodies.iter().enumerate() {
            match Envelope::parse(body) {
                Ok(envelope) => assert!(envelope.into_sealed().is_none(), "case {at}"),
                Err(NoEnvelope) => assert_eq!(at, 8, "only the body with broken JSON is no envelope"),
            }
        }
    }
}
