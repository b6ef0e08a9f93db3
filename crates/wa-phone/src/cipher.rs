//! The cryptography of the data channel (Meta, *Implementing endpoints for Flows*).

use aes_gcm::aead::Aead;
use aes_gcm::aead::consts::U16;
use aes_gcm::aes::Aes128;
use aes_gcm::{AesGcm, KeyInit};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use zeroize::Zeroizing;

/// AES-128-GCM with the 16-byte initial vector that Flows use instead of the usual 12.
type FlowCipher = AesGcm<Aes128, U16>;

/// The business public key, ready to encrypt AES keys.
pub(crate) struct BusinessKey(OaepPublicEncryptingKey);

impl BusinessKey {
    pub(crate) fn from_pem(pem: &str) -> Result<Self, &'static str> {
        let spki = crate::pem::spki(pem)?;
        let key = PublicEncryptingKey::from_der(&spki).and_then(|key| Ok(OaepPublicEncryptingKey::new(key)?));
        key.map(Self).map_err(|_| "its numbers do not form an RSA key")
    }

    /// Encrypts the AES key with RSA-OAEP, with SHA-256 for the hash and for MGF1.
    pub(crate) fn encrypt(&self, session: &SessionKey) -> Result<Vec<u8>, Unspecified> {
        let mut ciphertext = vec![0; self.0.ciphertext_size()];
        let length = self
            .0
            .encrypt(
                &OAEP_SHA256_MGF1SHA256,
                session.key.as_slice(),
                &mut ciphertext,
                None,
            )?
            .len();
        ciphertext.truncate(length);
        Ok(ciphertext)
    }
}

/// The AES key and the initial vector of one exchange.
pub(crate) struct SessionKey {
    key: Zeroizing<[u8; 16]>,
    iv: [u8; 16],
}

impl SessionKey {
    /// Generates a new key and vector: no two requests share them, not even a request and its retry.
    pub(crate) fn generate() -> Result<Self, Unspecified> {
        let mut session = Self {
            key: Zeroizing::new([0; 16]),
            iv: [0; 16],
        };
        let random = SystemRandom::new();
        random.fill(session.key.as_mut_slice())?;
        random.fill(&mut session.iv)?;
        Ok(session)
    }

    pub(crate) fn iv(&self) -> &[u8; 16] {
        &self.iv
    }

    fn cipher(&self) -> FlowCipher {
        FlowCipher::new(&(*self.key).into())
    }

    /// Returns the ciphertext with its tag at the end.
    pub(crate) fn encrypt_request(&self, plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
        self.cipher()
            .encrypt(&self.iv.into(), plaintext)
            .map_err(|_| Unspecified)
    }

    /// Decrypts a response: every byte of the initial vector is inverted.
    pub(crate) fn decrypt_response(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let flipped = self.iv.map(|byte| !byte);
        self.cipher()
            .decrypt(&flipped.into(), ciphertext)
            .ok()
            .map(Zeroizing::new)
    }

    /// Returns whether a response was encrypted with the request's own initial vector, a common mistake.
    pub(crate) fn opens_unflipped(&self, ciphertext: &[u8]) -> bool {
        self.cipher().decrypt(&self.iv.into(), ciphertext).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};
    use data_encoding::{BASE64, HEXLOWER};
    use serde_json::Value;

    use super::*;

    fn vector() -> Value {
        serde_json::from_str(include_str!("../tests/data/pywa_flow_exchange.json")).unwrap()
    }

    fn vector_session(vector: &Value) -> SessionKey {
        let hex = |name: &str| -> [u8; 16] {
            HEXLOWER
                .decode(vector["derived"][name].as_str().unwrap().as_bytes())
                .unwrap()
                .try_into()
                .unwrap()
        };
        SessionKey {
            key: Zeroizing::new(hex("aes_key_hex")),
            iv: hex("request_iv_hex"),
        }
    }

    #[test]
    fn a_request_is_encrypted_to_the_same_bytes_as_by_pywa() {
        let vector = vector();
        let session = vector_session(&vector);
        let plaintext = vector["derived"]["request_plaintext_utf8"].as_str().unwrap();
        let ciphertext = session.encrypt_request(plaintext.as_bytes()).unwrap();
        assert_eq!(
            BASE64.encode(&ciphertext),
            vector["request"]["encrypted_flow_data"]
        );
        assert_eq!(BASE64.encode(session.iv()), vector["request"]["initial_vector"]);
    }

    #[test]
    fn a_response_of_pywa_is_decrypted() {
        let vector = vector();
        let session = vector_session(&vector);
        let response = BASE64
            .decode(vector["encrypted_response_b64"].as_str().unwrap().as_bytes())
            .unwrap();
        let plaintext = session.decrypt_response(&response).unwrap();
        assert_eq!(
            plaintext.as_slice(),
            vector["derived"]["response_plaintext_utf8"]
                .as_str()
                .unwrap()
                .as_bytes()
        );
        assert!(!session.opens_unflipped(&response));
        for short in 0..response.len() {
            assert!(
                session.decrypt_response(&response[..short]).is_none(),
                "{short} bytes"
            );
        }
    }

    #[test]
    fn the_aes_key_is_encrypted_with_oaep_and_sha_256_for_both_hashes() {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let public: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            BASE64
                .encode(public.as_ref())
                .as_bytes()
                .chunks(64)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect::<Vec<_>>()
                .join("\n")
        );
        let key = BusinessKey::from_pem(&pem).unwrap();
        let session = SessionKey::generate().unwrap();
        let encrypted = key.encrypt(&session).unwrap();
        assert_eq!(encrypted.len(), 256);
        let private = OaepPrivateDecryptingKey::new(private).unwrap();
        let mut plaintext = vec![0; private.min_output_size()];
        let plaintext = private
            .decrypt(&OAEP_SHA256_MGF1SHA256, &encrypted, &mut plaintext, None)
            .unwrap();
        assert_eq!(plaintext, session.key.as_slice());
    }

    #[test]
    fn no_two_sessions_share_a_key_or_vector() {
        let (one, two) = (SessionKey::generate().unwrap(), SessionKey::generate().unwrap());
        assert!(one.key != two.key && one.iv != two.iv);
    }
}
