//! A media description on the wire. Members of every type are accepted at first, so that an error can name
//! the member.

use std::fmt;

use base64_simd::STANDARD;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::media::descriptor::{DescriptionError, MediaSecrets};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wire {
    pub(super) media_id: Member,
    pub(super) cdn_url: Member,
    pub(super) file_name: Member,
    pub(super) encryption_metadata: Member,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireMetadata {
    encryption_key: Member,
    hmac_key: Member,
    iv: Member,
    plaintext_hash: Member,
    encrypted_hash: Member,
}

/// One member, of the right type or not. Text is zeroized on drop.
#[derive(Default)]
pub(super) enum Member {
    /// Missing, or `null`.
    #[default]
    Absent,
    Text(Zeroizing<String>),
    Object(Box<WireMetadata>),
    Other,
}

impl WireMetadata {
    pub(super) fn decode(&self) -> Result<MediaSecrets, DescriptionError> {
        Ok(MediaSecrets {
            encryption_key: Zeroizing::new(self.encryption_key.bytes("encryption_metadata.encryption_key")?),
            hmac_key: Zeroizing::new(self.hmac_key.bytes("encryption_metadata.hmac_key")?),
            iv: self.iv.bytes("encryption_metadata.iv")?,
            plaintext_hash: self.plaintext_hash.bytes("encryption_metadata.plaintext_hash")?,
            encrypted_hash: self.encrypted_hash.bytes("encryption_metadata.encrypted_hash")?,
        })
    }
}

impl Member {
    /// Returns the text of an optional member.
    pub(super) fn text(self, member: &'static str) -> Result<Option<Zeroizing<String>>, DescriptionError> {
        match self {
            Self::Text(text) => Ok(Some(text)),
            Self::Absent => Ok(None),
            Self::Object(_) | Self::Other => Err(DescriptionError::Wrong {
                member,
                expected: "text",
            }),
        }
    }

    pub(super) fn object(self, member: &'static str) -> Result<Box<WireMetadata>, DescriptionError> {
        match self {
            Self::Object(metadata) => Ok(metadata),
            Self::Absent => Err(DescriptionError::Missing { member }),
            Self::Text(_) | Self::Other => Err(DescriptionError::Wrong {
                member,
                expected: "an object",
            }),
        }
    }

    fn bytes<const N: usize>(&self, member: &'static str) -> Result<[u8; N], DescriptionError> {
        let wrong = DescriptionError::Wrong {
            member,
            expected: if N == 16 {
                "standard base64 of 16 bytes"
            } else {
                "standard base64 of 32 bytes"
            },
        };
        let text = match self {
            Self::Text(text) => text,
            Self::Absent => return Err(DescriptionError::Missing { member }),
            Self::Object(_) | Self::Other => return Err(wrong),
        };
        let decoded = STANDARD.decode_to_vec(text.as_bytes()).map(Zeroizing::new);
        let decoded = decoded.map_err(|_| wrong)?;
        decoded.as_slice().try_into().map_err(|_| wrong)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member of a media description")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Member, E> {
        Ok(Member::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Member, E> {
        Ok(Member::Text(Zeroizing::new(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Member, A::Error> {
        let metadata = WireMetadata::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Member::Object(Box::new(metadata)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Member, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Member, E> {
        Ok(Member::Absent)
    }

    fn visit_none<E: Error>(self) -> Result<Member, E> {
        Ok(Member::Absent)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Member, E> {
        Ok(Member::Other)
    }
}
