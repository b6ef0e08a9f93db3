//! Encrypts a file as a phone does, to create test data.

use std::borrow::Cow;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64_simd::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::media::descriptor::MediaSecrets;
use crate::media::stream::{BLOCK, MAC, keyed_mac};

/// An encrypted file and its description, as a phone would send them.
///
/// ```
/// use wa_flows::{EncryptedMedia, MediaFixture};
///
/// let fixture = MediaFixture::new("https://mmg.whatsapp.net/f", "a.txt", b"hello")?;
/// let media: EncryptedMedia = serde_json::from_value(fixture.description.clone())?;
/// assert_eq!(media.decrypt(&fixture.cdn_file)?, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct MediaFixture {
    /// The JSON object that a request would contain.
    pub description: Value,
    /// The file as the CDN would serve it.
    pub cdn_file: Vec<u8>,
}

/// The file cannot be encrypted, because the system's random source fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fixture cannot be encrypted: the system's random source fails")]
#[non_exhaustive]
pub struct FixtureError;

impl FixtureError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed("check the random source of the system"))
    }
}

impl MediaFixture {
    /// Encrypts a file under new keys; `cdn_url` is the URL at which the test serves it.
    ///
    /// # Errors
    ///
    /// Returns [`FixtureError`] if the system's random source fails.
    pub fn new(cdn_url: &str, file_name: &str, plaintext: &[u8]) -> Result<Self, FixtureError> {
        let mut secrets = MediaSecrets {
            encryption_key: Zeroizing::new(random()?),
            hmac_key: Zeroizing::new(random()?),
            iv: random()?,
            plaintext_hash: sha256(plaintext),
            encrypted_hash: [0; 32],
        };
        let cdn_file = encrypt(&secrets, plaintext)?;
        secrets.encrypted_hash = sha256(&cdn_file);
        let id: [u8; 16] = random()?;
        let description = json!({
            "media_id": id.map(|byte| format!("{byte:02x}")).concat(),
            "cdn_url": cdn_url,
            "file_name": file_name,
            "encryption_metadata": {
                "encryption_key": STANDARD.encode_to_string(*secrets.encryption_key),
                "hmac_key": STANDARD.encode_to_string(*secrets.hmac_key),
                "iv": STANDARD.encode_to_string(secrets.iv),
                "plaintext_hash": STANDARD.encode_to_string(secrets.plaintext_hash),
                "encrypted_hash": STANDARD.encode_to_string(secrets.encrypted_hash),
            },
        });
        Ok(Self {
            description,
            cdn_file,
        })
    }
}

impl std::fmt::Debug for MediaFixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaFixture")
            .field("bytes", &self.cdn_file.len())
            .finish_non_exhaustive()
    }
}

/// Encrypts with AES-256-CBC and PKCS#7 padding, and appends the MAC.
fn encrypt(secrets: &MediaSecrets, plaintext: &[u8]) -> Result<Vec<u8>, FixtureError> {
    let context = EncryptionContext::Iv128((&secrets.iv).into());
    let key = UnboundCipherKey::new(&AES_256, &*secrets.encryption_key).map_err(|_| FixtureError)?;
    let mut cipher = StreamingEncryptingKey::less_safe_cbc_pkcs7(key, context).map_err(|_| FixtureError)?;
    let mut file = vec![0; plaintext.len() + BLOCK];
    let mut last = [0; BLOCK];
    let written = cipher
        .update(plaintext, &mut file)
        .map_err(|_| FixtureError)?
        .written()
        .len();
    let (_, update) = cipher.finish(&mut last).map_err(|_| FixtureError)?;
    file.truncate(written);
    file.extend_from_slice(update.written());

    let mut mac = keyed_mac(secrets);
    mac.update(&file);
    file.extend(mac.sign().as_ref().iter().take(MAC));
    Ok(file)
}

fn random<const N: usize>() -> Result<[u8; N], FixtureError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| FixtureError)?;
    Ok(bytes)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let hash = digest(&SHA256, bytes);
    hash.as_ref().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::EncryptedMedia;
    use crate::testing::{test_data, test_file};

    #[test]
    fn a_file_of_another_implementation_encrypts_byte_for_byte() {
        let vector = test_data("pywa_media.json");
        let description =
            json!({"media_id": "m", "cdn_url": "u", "encryption_metadata": vector["encryption_metadata"]});
        let media: EncryptedMedia = serde_json::from_value(description).unwrap();
        let file = encrypt(&media.secrets, &test_file("pywa_media_plaintext.jpg")).unwrap();
        assert_eq!(file, test_file("pywa_media_cdn_file.bin"));
    }

    #[test]
    fn files_of_every_length_around_a_block_decrypt() {
        for length in (0..50).chain([4096, 100_000]) {
            let plaintext = vec![0x5a; length];
            let fixture = MediaFixture::new("u", "f", &plaintext).unwrap();
            let media: EncryptedMedia = serde_json::from_value(fixture.description).unwrap();
            assert_eq!(
                media.decrypt(&fixture.cdn_file).unwrap(),
                plaintext,
                "{length} bytes"
            );
        }
    }
}
