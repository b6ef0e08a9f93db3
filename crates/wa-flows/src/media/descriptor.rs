//! The description of an encrypted file, and decrypting it.

use std::fmt;

use base64_simd::STANDARD;
use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::media::stream::MediaStream;
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
    cdn_url: Zeroizing<String>,
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
    /// A member of the description is not standard base64 of its length.
    #[error("the media description's {0} is not standard base64 of the right length")]
    Description(&'static str),
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

impl EncryptedMedia {
    /// The file's identifier.
    pub fn media_id(&self) -> &str {
        &self.media_id
    }

    /// Where the encrypted file lies: a signed URL, which is good for whoever has it.
    pub fn expose_cdn_url(&self) -> &str {
        &self.cdn_url
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
        let secrets = wire
            .encryption_metadata
            .0
            .decode()
            .map_err(serde::de::Error::custom)?;
        Ok(Self {
            media_id: wire.media_id,
            cdn_url: wire.cdn_url.into(),
            file_name: wire.file_name,
            secrets,
        })
    }
}

#[derive(Deserialize)]
struct Wire {
    media_id: String,
    cdn_url: String,
    #[serde(default)]
    file_name: String,
    encryption_metadata: Object<WireMetadata>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct WireMetadata {
    encryption_key: String,
    hmac_key: String,
    iv: String,
    plaintext_hash: String,
    encrypted_hash: String,
}

impl WireMetadata {
    fn decode(&self) -> Result<MediaSecrets, MediaError> {
        Ok(MediaSecrets {
            encryption_key: Zeroizing::new(decode("encryption_key", &self.encryption_key)?),
            hmac_key: Zeroizing::new(decode("hmac_key", &self.hmac_key)?),
            iv: decode("iv", &self.iv)?,
            plaintext_hash: decode("plaintext_hash", &self.plaintext_hash)?,
            encrypted_hash: decode("encrypted_hash", &self.encrypted_hash)?,
        })
    }
}

fn decode<const N: usize>(member: &'static str, text: &str) -> Result<[u8; N], MediaError> {
    let bytes = STANDARD
        .decode_to_vec(text)
        .map(Zeroizing::new)
        .map_err(|_| MediaError::Description(member))?;
    bytes
        .as_slice()
        .try_into()
        .map_err(|_| MediaError::Description(member))
}

#[cfg(test)]
mod tests {
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
    fn a_description_with_wrong_lengths_is_told_by_its_member() {
        for (member, value) in [("iv", "AAAA"), ("encryption_key", "x"), ("plaintext_hash", "")] {
            let mut description = description();
            description["encryption_metadata"][member] = json!(value);
            let error = serde_json::from_value::<EncryptedMedia>(description).unwrap_err();
            assert!(error.to_string().contains(member), "{error}");
        }
    }
}
