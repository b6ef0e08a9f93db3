//! The description of an encrypted file, and decrypting it.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::media::stream::MediaStream;
use crate::media::wire::Wire;
use crate::object::Object;

/// A file that a user picked (Meta, *Media upload components*, `PhotoPicker` and `DocumentPicker`), as the request
/// describes it.
///
/// It reads from the data of a request: `request.data_as::<Form>()` where `Form` has a member `Vec<EncryptedMedia>`.
/// Its keys are zeroized when it is dropped, and its `Debug` says nothing.
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

/// What decrypts and checks one file.
pub(crate) struct MediaSecrets {
    pub(crate) encryption_key: Zeroizing<[u8; 32]>,
    pub(crate) hmac_key: Zeroizing<[u8; 32]>,
    pub(crate) iv: [u8; 16],
    pub(crate) plaintext_hash: [u8; 32],
    pub(crate) encrypted_hash: [u8; 32],
}

/// Why a file is not decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The file is not as long as an encrypted file can be: 16-byte blocks, at least one, and a MAC of 10 bytes.
    #[error("the encrypted file has an impossible length: it was cut off, or is not this file")]
    Length,
    /// The file is not the one that was described.
    #[error("the encrypted file's SHA-256 is not encrypted_hash: it was cut off, or is not this file")]
    EncryptedHash,
    /// The file was not made with the described key.
    #[error("the encrypted file's MAC is wrong: it was altered, or is not this file")]
    Mac,
    /// What was decrypted is not what was described.
    #[error("the decrypted file is not the one that was described: its padding or its SHA-256 is wrong")]
    Plaintext,
}

/// Why a text is not a media description. It names the member, never the value, which may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// The text is not JSON.
    #[error("the media description is not JSON (line {line}, column {column})")]
    NotJson {
        /// Where it stops to be JSON, from 1.
        line: usize,
        /// The column of that line, from 1.
        column: usize,
    },
    /// The text is JSON, but not an object, or an object with a member twice.
    #[error("the media description is not a JSON object, or has a member twice")]
    NotAnObject,
    /// A member is missing.
    #[error("the media description has no {member}")]
    Missing {
        /// Its name; `encryption_metadata.iv` for one within another.
        member: &'static str,
    },
    /// A member is something else than it has to be.
    #[error("the media description's {member} is not {expected}")]
    Wrong {
        /// Its name; `encryption_metadata.iv` for one within another.
        member: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
}

impl EncryptedMedia {
    /// Reads one description. `cdn_url` and `file_name` may be missing, everything else is needed.
    ///
    /// Deserializing from a request's data reads the same, with an error that says the same.
    ///
    /// # Errors
    ///
    /// [`DescriptionError`] naming the member that is missing or wrong.
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

    /// The file's identifier.
    pub fn media_id(&self) -> &str {
        &self.media_id
    }

    /// Where the encrypted file is, if the description says so: a signed URL, with which anyone can fetch it.
    pub fn expose_cdn_url(&self) -> Option<&str> {
        self.cdn_url.as_ref().map(|url| url.as_str())
    }

    /// The file's name on the user's phone: input of a stranger, not a path to write to.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Checks and decrypts the file that was fetched from the CDN: SHA-256 of the file, HMAC over IV and ciphertext, only
    /// then AES-256-CBC, and at last SHA-256 of the plaintext; all comparisons take constant time.
    ///
    /// # Errors
    /// [`MediaError`] naming the first check that failed.
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
    fn each_check_fails_in_its_turn() {
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
    fn altered_and_cut_files_are_refused_without_a_panic() {
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
