//! The JSON envelope of an encrypted request.

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

/// An encrypted request: a JSON object with three members in standard base64 (Meta, *Implementing endpoints
/// for Flows*, "Request decryption and encryption").
///
/// Unknown members are ignored. An object whose members cannot be decoded is also an envelope: it is refused
/// later, in the same way and after the same work as one for another key, so that the response does not
/// reveal which it was.
///
/// ```
/// use wa_flows::Envelope;
///
/// let body = br#"{"encrypted_flow_data":"","encrypted_aes_key":"","initial_vector":""}"#;
/// assert!(Envelope::parse(body).is_ok());
/// assert!(Envelope::parse(b"{}").is_err());
/// ```
pub struct Envelope {
    decoded: Option<DecodedEnvelope>,
}

/// The decoded members of a well-formed envelope.
pub(crate) struct DecodedEnvelope {
    pub(crate) encrypted_key: [u8; ENCRYPTED_KEY],
    pub(crate) iv: [u8; BLOCK],
    /// Ciphertext followed by the tag, at least as long as the tag.
    pub(crate) data: Vec<u8>,
}

/// The body is not an envelope: it is not a JSON object, or has none of the three members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a Flows envelope")]
#[non_exhaustive]
pub struct NoEnvelope;

impl NoEnvelope {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "send a JSON object with encrypted_flow_data, encrypted_aes_key and initial_vector",
        ))
    }
}

impl Envelope {
    /// Parses the body of a request.
    ///
    /// # Errors
    ///
    /// Returns [`NoEnvelope`] if the body is not a JSON object or has none of the three members.
    pub fn parse(body: &[u8]) -> Result<Self, NoEnvelope> {
        let Object::<Members<'_>>(members) = serde_json::from_slice(body).map_err(|_| NoEnvelope)?;
        if members.is_empty() {
            Err(NoEnvelope)
        } else {
            Ok(Self {
                decoded: members.decode(),
            })
        }
    }

    pub(crate) fn decoded(&self) -> Option<&DecodedEnvelope> {
        self.decoded.as_ref()
    }

    /// Returns the decoded members; `None` if they are malformed, so that no key could decrypt them.
    pub(crate) fn into_decoded(self) -> Option<DecodedEnvelope> {
        self.decoded
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("well_formed", &self.decoded.is_some())
            .finish_non_exhaustive()
    }
}

impl DecodedEnvelope {
    /// Returns what is decrypted instead of a malformed envelope, so that its refusal takes the same time.
    ///
    /// The encrypted key is a number below every 2048-bit modulus. That it is a valid OAEP block for some key
    /// is as unlikely as for a random block.
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

/// The members as text, borrowed from the body unless they contain escapes such as `\/`.
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

    fn decode(&self) -> Option<DecodedEnvelope> {
        let data = STANDARD
            .decode_to_vec(self.encrypted_flow_data.as_ref()?.bytes())
            .ok()?;
        if data.len() < BLOCK {
            return None;
        }
        Some(DecodedEnvelope {
            encrypted_key: decode_array(self.encrypted_aes_key.as_ref()?.bytes())?,
            iv: decode_array(self.initial_vector.as_ref()?.bytes())?,
            data,
        })
    }
}

fn decode_array<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    STANDARD.decode_to_vec(text).ok()?.try_into().ok()
}

/// The text of a member; empty if the member is not a string.
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

/// The text of a member that is not a string.
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

    fn decoded(body: &[u8]) -> Option<DecodedEnvelope> {
        Envelope::parse(body).unwrap().into_decoded()
    }

    #[test]
    fn escaped_slashes_are_decoded() {
        let plain = body(&quoted(40), &quoted(256), &quoted(16));
        let escaped = String::from_utf8(plain.clone())
            .unwrap()
            .replace('/', "\\/")
            .into_bytes();
        assert_ne!(plain, escaped);
        let (plain, escaped) = (decoded(&plain).unwrap(), decoded(&escaped).unwrap());
        assert_eq!(plain.data, escaped.data);
        assert_eq!(plain.encrypted_key, escaped.encrypted_key);
        assert_eq!(plain.iv, escaped.iv);
    }

    #[test]
    fn only_an_object_with_one_of_the_members_is_an_envelope() {
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
    fn wrong_lengths_types_and_alphabets_make_an_envelope_undecryptable() {
        let (data, key, iv) = (quoted(16), quoted(256), quoted(16));
        assert!(decoded(&body(&data, &key, &iv)).is_some());
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
                Ok(envelope) => assert!(envelope.into_decoded().is_none(), "case {at}"),
                Err(NoEnvelope) => assert_eq!(at, 8, "only the body with broken JSON is not an envelope"),
            }
        }
    }
}
