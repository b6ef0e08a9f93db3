//! The description of an encrypted file, and its decryption.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::media::stream::MediaStream;
use crate::media::wire::Wire;
use crate::object::Object;

/// A file that a user uploaded with a `PhotoPicker` or `DocumentPicker` (Meta, *Media upload components*), as
/// the request describes it.
///
/// Deserialize it from the data of a request: `request.data_as::<Upload>()`, where `Upload` has a field of
/// type `Vec<EncryptedMedia>`. Its keys are zeroized on drop, and its `Debug` is redacted.
///
/// ```
/// use wa_flows::EncryptedMedia;
///
/// fn plaintext(media: &EncryptedMedia, cdn_file: &[u8]) -> Result<Vec<u8>, wa_flows::MediaError> {
///     media.decrypt(cdn_file)
/// }
/// ```
pub struct EncryptedMedia {
    media_id: String,
    cdn_url: Option<Zeroizing<String>>,
    file_name: String,
    pub(crate) secrets: MediaSecrets,
}

/// The keys and hashes that decrypt and verify one file.
pub(crate) struct MediaSecrets {
    pub(crate) encryption_key: Zeroizing<[u8; 32]>,
    pub(crate) hmac_key: Zeroizing<[u8; 32]>,
    pub(crate) iv: [u8; 16],
    pub(crate) plaintext_hash: [u8; 32],
    pub(crate) encrypted_hash: [u8; 32],
}

/// The reason why a file is not decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The length is not that of an encrypted file: one or more 16-byte blocks and a MAC of 10 bytes.
    #[error("the encrypted file has an impossible length")]
    Length,
    /// The SHA-256 of the encrypted file differs from the description.
    #[error("the encrypted file's SHA-256 is not encrypted_hash")]
    EncryptedHash,
    /// The MAC was not computed with the described key.
    #[error("the encrypted file's MAC is wrong")]
    Mac,
    /// The padding or the SHA-256 of the decrypted file is wrong.
    #[error("the decrypted file is not the one that was described: its padding or its SHA-256 is wrong")]
    Plaintext,
}

impl MediaError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Length | Self::EncryptedHash => {
                "download the file again, and check that it belongs to this description: it is truncated, or \
                 another file"
            }
            Self::Mac | Self::Plaintext => {
                "check that the description is unchanged: the file is altered, or its keys belong to \
                 another file"
            }
        }))
    }
}

/// The reason why a text is not a media description. It names the member, never its value, which may be a
/// key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// The text is not JSON.
    #[error("the media description is not JSON (line {line}, column {column})")]
    NotJson {
        /// The line of the syntax error, from 1.
        line: usize,
        /// The column of the syntax error, from 1.
        column: usize,
    },
    /// The text is JSON, but not an object, or an object with a duplicate member.
    #[error("the media description is not a JSON object, or has a duplicate member")]
    NotAnObject,
    /// A member is missing.
    #[error("the media description has no {member}")]
    Missing {
        /// The path of the member, for example `encryption_metadata.iv`.
        member: &'static str,
    },
    /// A member has the wrong type or length.
    #[error("the media description's {member} is not {expected}")]
    Wrong {
        /// The path of the member, for example `encryption_metadata.iv`.
        member: &'static str,
        /// What the member must be.
        expected: &'static str,
    },
}

impl DescriptionError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "pass one object of the picker's list unchanged, as the decrypted request contains it",
        ))
    }
}

impl EncryptedMedia {
    /// Parses one description. `cdn_url` and `file_name` are optional, everything else is required.
    ///
    /// Deserializing it from a request's data does the same; its error has the same text.
    ///
    /// # Errors
    ///
    /// Returns [`DescriptionError`], which names the member that is missing or wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, DescriptionError> {
        let Object(wire) =
            serde_json::from_slice::<Object<Wire>>(json).map_err(|error| match error.classify() {
                Category::Data => DescriptionError::NotAnObject,
                _ => DescriptionError::NotJson {
                    line: error.line(),
                    column: error.column(),
                },
            })?;
        Self::of(wire)
    }

    fn of(wire: Wire) -> Result<Self, DescriptionError> {
        let media_id = wire.media_id.text("media_id")?;
        let media_id = media_id.ok_or(DescriptionError::Missing { member: "media_id" })?;
        let metadata = wire.encryption_metadata.object("encryption_metadata")?;
        Ok(Self {
            media_id: media_id.to_string(),
            cdn_url: wire.cdn_url.text("cdn_url")?,
            file_name: wire
                .file_name
                .text("file_name")?
                .map(|name| name.to_string())
                .unwrap_or_default(),
            secrets: metadata.decode()?,
        })
    }

    /// Returns the file's identifier.
    pub fn media_id(&self) -> &str {
        &self.media_id
    }

    /// Returns the URL of the encrypted file, if the description has one. It is signed: anyone who has it can
    /// fetch the file.
    pub fn expose_cdn_url(&self) -> Option<&str> {
        self.cdn_url.as_ref().map(|url| url.as_str())
    }

    /// Returns the file's name on the user's phone. It is untrusted input: do not use it as a path.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Verifies and decrypts a file that was fetched from the CDN.
    ///
    /// It checks the SHA-256 of the file and the HMAC over IV and ciphertext, then decrypts with AES-256-CBC,
    /// then checks the SHA-256 of the plaintext. All comparisons take constant time.
    ///
    /// # Errors
    ///
    /// Returns [`MediaError`], which names the first check that failed.
    pub fn decrypt(&self, cdn_file: &[u8]) -> Result<Vec<u8>, MediaError> {
        MediaStream::check(&self.secrets, cdn_file)?;
        let mut stream = MediaStream::new(&self.secrets)?;
        let mut plaintext = Vec::with_capacity(cdn_file.len());
        stream.update(cdn_file, &mut plaintext)?;
        stream.finish(&mut plaintext)?;
        Ok(plaintext)
    }
}

impl fmt::Debug for EncryptedMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptedMedia(..)")
    }
}

impl<'de> Deserialize<'de> for EncryptedMedia {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(wire) = Object::<Wire>::deserialize(deserializer)?;
        Self::of(wire).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::STANDARD;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{test_data, test_file};

    fn description() -> Value {
        let vector = test_data("pywa_media.json");
        json!({"media_id": "m", "cdn_url": "https://mmg.whatsapp.net/x", "file_name": "a.jpg",
            "encryption_metadata": vector["encryption_metadata"]})
    }

    fn media(description: Value) -> EncryptedMedia {
        serde_json::from_value(description).unwrap()
    }

    #[test]
    fn a_file_of_another_implementation_decrypts() {
        let media = media(description());
        let plaintext = media.decrypt(&test_file("pywa_media_cdn_file.bin")).unwrap();
        assert_eq!(plaintext, test_file("pywa_media_plaintext.jpg"));
        assert_eq!((media.media_id(), media.file_name()), ("m", "a.jpg"));
    }

    #[test]
    fn each_check_has_its_own_error() {
        let file = test_file("pywa_media_cdn_file.bin");
        let with = |member: &str, length: usize| {
            let mut description = description();
            description["encryption_metadata"][member] = json!(STANDARD.encode_to_string(vec![7; length]));
            media(description)
        };
        assert_eq!(
            with("encrypted_hash", 32).decrypt(&file),
            Err(MediaError::EncryptedHash)
        );
        assert_eq!(with("hmac_key", 32).decrypt(&file), Err(MediaError::Mac));
        assert_eq!(
            with("iv", 16).decrypt(&file),
            Err(MediaError::Mac),
            "the MAC covers the IV"
        );
        assert_eq!(
            with("encryption_key", 32).decrypt(&file),
            Err(MediaError::Plaintext)
        );
        assert_eq!(
            with("plaintext_hash", 32).decrypt(&file),
            Err(MediaError::Plaintext)
        );
    }

    #[test]
    fn altered_and_truncated_files_are_refused_without_a_panic() {
        let media = media(description());
        let file = test_file("pywa_media_cdn_file.bin");
        for length in [0, 1, 9, 10, 11, 25, 27, file.len() - 1] {
            assert_eq!(
                media.decrypt(&file[..length]),
                Err(MediaError::Length),
                "{length} bytes"
            );
        }
        assert_eq!(media.decrypt(&file[..26]), Err(MediaError::EncryptedHash));
        for at in [0, 100, file.len() - 11, file.len() - 10, file.len() - 1] {
            let mut altered = file.clone();
            altered[at] ^= 1;
            assert_eq!(
                media.decrypt(&altered),
                Err(MediaError::EncryptedHash),
                "byte {at}"
            );
        }
    }

    #[test]
    fn a_description_is_an_object_and_so_is_its_metadata() {
        let mut description = description();
        let metadata = &description["encryption_metadata"];
        let values = [
            "encryption_key",
            "hmac_key",
            "iv",
            "plaintext_hash",
            "encrypted_hash",
        ];
        let array = json!(values.map(|member| &metadata[member]));
        let whole = json!(["m", "u", "a.jpg", metadata]);
        assert!(serde_json::from_value::<EncryptedMedia>(whole).is_err());
        description["encryption_metadata"] = array;
        assert!(serde_json::from_value::<EncryptedMedia>(description).is_err());
    }

    #[test]
    fn the_member_that_is_missing_or_wrong_is_named_and_its_value_is_not() {
        let members = [
            "encryption_key",
            "hmac_key",
            "iv",
            "plaintext_hash",
            "encrypted_hash",
        ];
        let secret = "SECRETsecret";
        for member in members {
            for value in [
                json!(null),
                json!(secret),
                json!(7),
                json!([secret]),
                json!({"a": secret}),
            ] {
                let mut description = description();
                description["encryption_metadata"][member] = value.clone();
                let error = EncryptedMedia::from_json(description.to_string().as_bytes()).unwrap_err();
                let text = error.to_string();
                assert!(text.contains(&format!("encryption_metadata.{member}")), "{text}");
                assert_eq!(text.contains("has no"), value.is_null(), "{text}");
                assert!(!text.contains(secret), "{text}");
                let generic = serde_json::from_value::<EncryptedMedia>(description).unwrap_err();
                assert_eq!(generic.to_string(), text);
            }
        }
        for (member, error) in [
            ("media_id", DescriptionError::Missing { member: "media_id" }),
            (
                "encryption_metadata",
                DescriptionError::Missing {
                    member: "encryption_metadata",
                },
            ),
        ] {
            let mut description = description();
            description.as_object_mut().unwrap().remove(member);
            let found = EncryptedMedia::from_json(description.to_string().as_bytes());
            assert_eq!(found.map(|_| ()), Err(error));
        }
        for (text, error) in [
            ("{", DescriptionError::NotJson { line: 1, column: 1 }),
            ("[]", DescriptionError::NotAnObject),
            (
                r#"{"media_id":"1","media_id":"2"}"#,
                DescriptionError::NotAnObject,
            ),
        ] {
            assert_eq!(EncryptedMedia::from_json(text.as_bytes()).map(|_| ()), Err(error));
        }
    }

    #[test]
    fn only_a_download_needs_the_url() {
        let mut description = description();
        description.as_object_mut().unwrap().remove("cdn_url");
        let media = media(description);
        assert_eq!(media.expose_cdn_url(), None);
        assert!(media.decrypt(&test_file("pywa_media_cdn_file.bin")).is_ok());
    }
}
