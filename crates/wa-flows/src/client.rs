//! The phone's side of an exchange, for probes and tests: encrypts a request, signs it, decrypts the
//! response.
//!
//! ```
//! use wa_flows::client::{PhoneKey, sign};
//! use wa_flows::{AppSecret, KeyRing};
//! # fn example(private_key: &wa_keys::PrivateKey) -> Result<(), Box<dyn std::error::Error>> {
//! let phone = PhoneKey::new(private_key.public_key())?;
//! let request = phone.encrypt(br#"{"version":"3.0","action":"ping"}"#)?;
//! let header = sign(&AppSecret::new("app secret".replace(' ', "-"))?, request.body());
//! assert!(header.starts_with("sha256="));
//!
//! let opened = KeyRing::new(private_key)?.open(request.body())?;
//! let response = opened.into_parts().1.seal(br#"{"data":{"status":"active"}}"#.to_vec());
//! assert_eq!(request.open_response(response.as_bytes())?, br#"{"data":{"status":"active"}}"#);
//! # Ok(())
//! # }
//! # example(&wa_keys::PrivateKey::generate().unwrap()).unwrap();
//! ```

use std::borrow::Cow;
use std::fmt;

use aes_gcm::KeyInit;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64_simd::STANDARD;
use serde::Serialize;
use wa_keys::{Fingerprint, PublicKey};
use zeroize::Zeroizing;

use crate::envelope::{BLOCK, ENCRYPTED_KEY};
use crate::session::{Gcm, flip, open, seal};
use wa_secrets::AppSecret;

/// A business's public key, parsed once, as a phone uses it to encrypt.
pub struct PhoneKey {
    oaep: OaepPublicEncryptingKey,
    fingerprint: Fingerprint,
}

/// An encrypted request, with the key that decrypts the response to it.
pub struct EncryptedRequest {
    body: Vec<u8>,
    cipher: Gcm,
    response_iv: [u8; BLOCK],
}

/// The reason why a request cannot be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// The cryptographic library refuses the public key.
    #[error("the public key cannot be used to encrypt")]
    UnusableKey,
    /// The system's random source fails.
    #[error("the system's random source fails")]
    NoRandomness,
}

/// The reason why a phone could not decrypt a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// It is not bare standard base64.
    #[error("the response is not bare standard base64")]
    NotBase64,
    /// It does not decrypt with the request's key and the flipped IV.
    #[error("the response cannot be decrypted")]
    Undecryptable,
}

impl EncryptError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::UnusableKey => "use a 2048-bit RSA public key",
            Self::NoRandomness => "check the random source of the system",
        }))
    }
}

impl DecryptError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::NotBase64 => "send base64 alone, without JSON, quotes or line ends",
            Self::Undecryptable => {
                "encrypt the response with the AES key of the request, and its IV with every bit flipped"
            }
        }))
    }
}

impl PhoneKey {
    /// Parses a public key.
    ///
    /// # Errors
    ///
    /// Returns [`EncryptError::UnusableKey`] if the cryptographic library refuses it.
    pub fn new(key: &PublicKey) -> Result<Self, EncryptError> {
        let oaep = PublicEncryptingKey::from_der(key.as_der())
            .ok()
            .and_then(|key| OaepPublicEncryptingKey::new(key).ok())
            .ok_or(EncryptError::UnusableKey)?;
        Ok(Self {
            oaep,
            fingerprint: key.fingerprint(),
        })
    }

    /// Returns the key's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Encrypts a payload under a new session key and IV, as a phone does for every request and every retry.
    ///
    /// # Errors
    ///
    /// Returns [`EncryptError::NoRandomness`] if the system's random source fails.
    pub fn encrypt(&self, payload: &[u8]) -> Result<EncryptedRequest, EncryptError> {
        let mut key = Zeroizing::new([0; BLOCK]);
        let mut iv = [0; BLOCK];
        rand::fill(&mut *key)
            .and_then(|()| rand::fill(&mut iv))
            .map_err(|_| EncryptError::NoRandomness)?;
        let mut buffer = [0; ENCRYPTED_KEY];
        let encrypted_key = self
            .oaep
            .encrypt(&OAEP_SHA256_MGF1SHA256, &*key, &mut buffer, None)
            .map_err(|_| EncryptError::UnusableKey)?;

        let cipher = Gcm::new((&*key).into());
        let mut data = payload.to_vec();
        seal(&cipher, &iv, &mut data);
        let envelope = WireEnvelope {
            encrypted_flow_data: STANDARD.encode_to_string(&data),
            encrypted_aes_key: STANDARD.encode_to_string(encrypted_key),
            initial_vector: STANDARD.encode_to_string(iv),
        };
        let body = serde_json::to_vec(&envelope).map_err(|_| EncryptError::UnusableKey)?;
        Ok(EncryptedRequest {
            body,
            cipher,
            response_iv: flip(&iv),
        })
    }
}

impl EncryptedRequest {
    /// Returns the body to send: JSON.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Decrypts the body of the response.
    ///
    /// # Errors
    ///
    /// Returns [`DecryptError`] if a phone could not decrypt it.
    pub fn open_response(&self, body: &[u8]) -> Result<Vec<u8>, DecryptError> {
        let mut data = STANDARD
            .decode_to_vec(body)
            .map_err(|_| DecryptError::NotBase64)?;
        if open(&self.cipher, &self.response_iv, &mut data) {
            Ok(data)
        } else {
            Err(DecryptError::Undecryptable)
        }
    }
}

/// Signs a body as Meta does; returns the value of `X-Hub-Signature-256`.
#[must_use]
pub fn sign(secret: &AppSecret, body: &[u8]) -> String {
    crate::signature::sign(secret, body)
}

impl fmt::Debug for PhoneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhoneKey")
            .field("fingerprint", &self.fingerprint.short())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EncryptedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedRequest")
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct WireEnvelope {
    encrypted_flow_data: String,
    encrypted_aes_key: String,
    initial_vector: String,
}
