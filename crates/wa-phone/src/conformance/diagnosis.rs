//! Finds out why an endpoint refuses valid requests: sends requests that are written the way that libraries
//! often get wrong by default.

use std::fmt;

use aes_gcm::aead::Aead;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aes::Aes128;
use aes_gcm::{AesGcm, KeyInit};
use aws_lc_rs::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};

use super::catalogue as rule;
use super::check::Check;
use super::envelope::Envelope;
use super::prober::{Prober, Request};
use crate::FlowMessage;

const PING: &[u8] = br#"{"version":"3.0","action":"ping"}"#;
/// Bytes of a 2048-bit modulus.
const MODULUS: usize = 256;
/// The offset of the modulus in the DER of a 2048-bit key: six headers of fixed length, the algorithm and a
/// zero byte precede it.
const MODULUS_AT: usize = 33;
/// The exponent follows the modulus, after its own tag and length.
const EXPONENT_AT: usize = MODULUS_AT + MODULUS + 2;

/// A known mistake in how endpoints read requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    PythonJson,
    PhpJson,
    Sha1,
    MaskSha1,
    ShortVector,
}

const ALL: [Cause; 5] = [
    Cause::PythonJson,
    Cause::PhpJson,
    Cause::Sha1,
    Cause::MaskSha1,
    Cause::ShortVector,
];

impl Cause {
    pub(super) fn check(self) -> &'static Check {
        match self {
            Self::PythonJson | Self::PhpJson => &rule::RAW_BYTES,
            Self::Sha1 | Self::MaskSha1 => &rule::OAEP,
            Self::ShortVector => &rule::VECTOR,
        }
    }

    fn way(self) -> &'static str {
        match self {
            Self::PythonJson => "as Python's json.dumps writes it",
            Self::PhpJson => "as PHP's json_encode writes it",
            Self::Sha1 => "RSA-OAEP with SHA-1, the default of Node and OpenSSL",
            Self::MaskSha1 => "RSA-OAEP with SHA-256 but MGF1 with SHA-1, Java's default",
            Self::ShortVector => "the first 12 bytes of the initial vector",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = self.way();
        match self {
            Self::PythonJson | Self::PhpJson => write!(
                f,
                "the endpoint computes the signature over a re-serialised body: it accepts only JSON {way}"
            ),
            _ => write!(
                f,
                "the endpoint decrypts only requests that are encrypted with {way}"
            ),
        }
    }
}

/// Returns the mistake that the endpoint makes, if it is a known one.
pub(super) async fn cause(prober: &Prober, public_key_pem: &str) -> Option<Cause> {
    for cause in ALL {
        let result = prober.send(&request(prober, public_key_pem, cause).await?).await;
        if result.is_ok_and(|response| response.status == 200) {
            return Some(cause);
        }
    }
    None
}

async fn request(prober: &Prober, pem: &str, cause: Cause) -> Option<Request> {
    let ping = FlowMessage::ping();
    match cause {
        Cause::PythonJson => prober
            .rewritten(&ping, |envelope| Some(envelope.spaced()))
            .await
            .ok(),
        Cause::PhpJson => prober.rewritten(&ping, Envelope::with_escaped_slashes).await.ok(),
        _ => Some(prober.signed(encrypted(pem, cause)?.body())),
    }
}

fn encrypted(pem: &str, cause: Cause) -> Option<Envelope> {
    let spki = crate::pem::spki(pem).ok()?;
    let random = SystemRandom::new();
    let (mut key, mut vector) = ([0; 16], [0; 16]);
    random.fill(&mut key).ok()?;
    random.fill(&mut vector).ok()?;
    let encrypted_key = match cause {
        Cause::Sha1 => oaep(&OAEP_SHA1_MGF1SHA1, &spki, &key)?,
        Cause::ShortVector | Cause::PythonJson | Cause::PhpJson => {
            oaep(&OAEP_SHA256_MGF1SHA256, &spki, &key)?
        }
        Cause::MaskSha1 => raw_rsa(&spki, &padded(&key, &random, &SHA1_FOR_LEGACY_USE_ONLY)?)?,
    };
    let data = match cause {
        Cause::ShortVector => {
            let short: [u8; 12] = vector.get(..12)?.try_into().ok()?;
            AesGcm::<Aes128, U12>::new(&key.into()).encrypt(&short.into(), PING)
        }
        _ => AesGcm::<Aes128, U16>::new(&key.into()).encrypt(&vector.into(), PING),
    };
    Some(Envelope::of(&data.ok()?, &encrypted_key, &vector))
}

fn oaep(algorithm: &'static OaepAlgorithm, spki: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(spki).ok()?).ok()?;
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let length = key.encrypt(algorithm, message, &mut ciphertext, None).ok()?.len();
    ciphertext.truncate(length);
    Some(ciphertext)
}

/// Pads with EME-OAEP, SHA-256 and an empty label (RFC 8017 §7.1.1), and any hash for the masks.
fn padded(message: &[u8], random: &SystemRandom, masks: &'static Algorithm) -> Option<Vec<u8>> {
    let mut block = digest::digest(&SHA256, b"").as_ref().to_vec();
    let mut seed = vec![0; block.len()];
    random.fill(&mut seed).ok()?;
    block.resize((MODULUS - 1 - seed.len()).checked_sub(message.len() + 1)?, 0);
    block.push(1);
    block.extend_from_slice(message);
    mask(&mut block, &seed, masks);
    mask(&mut seed, &block, masks);
    Some([&[0], &*seed, &*block].concat())
}

/// XORs `target` with the output of MGF1 (RFC 8017 §B.2.1).
fn mask(target: &mut [u8], seed: &[u8], hash: &'static Algorithm) {
    for (counter, chunk) in (0_u32..).zip(target.chunks_mut(hash.output_len())) {
        let block = digest::digest(hash, &[seed, &counter.to_be_bytes()].concat());
        for (byte, mask) in chunk.iter_mut().zip(block.as_ref()) {
            *byte ^= mask;
        }
    }
}

/// Computes the bare RSA public operation. It need not be constant-time: nothing secret is encrypted.
fn raw_rsa(spki: &[u8], block: &[u8]) -> Option<Vec<u8>> {
    let modulus = U2048::from_be_slice(spki.get(MODULUS_AT..MODULUS_AT + MODULUS)?);
    let exponent = spki.get(EXPONENT_AT..)?;
    let mut padded = [0; MODULUS];
    padded
        .get_mut(MODULUS.checked_sub(exponent.len())?..)?
        .copy_from_slice(exponent);
    let modulus: Odd<U2048> = Option::from(Odd::new(modulus))?;
    let parameters = FixedMontyParams::new_vartime(modulus);
    let power =
        FixedMontyForm::new(&U2048::from_be_slice(block), &parameters).pow(&U2048::from_be_slice(&padded));
    Some(power.retrieve().to_be_bytes().as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};

    use super::*;

    #[test]
    fn a_library_decrypts_what_padding_and_bare_rsa_produce() {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let spki = der.as_ref().to_vec();
        let key = OaepPrivateDecryptingKey::new(key).unwrap();
        let encrypt = |masks| {
            let block = padded(b"sixteen bytes...", &SystemRandom::new(), masks).unwrap();
            raw_rsa(&spki, &block).unwrap()
        };
        let mut plaintext = vec![0; key.min_output_size()];
        let opened = key.decrypt(&OAEP_SHA256_MGF1SHA256, &encrypt(&SHA256), &mut plaintext, None);
        assert_eq!(opened.unwrap(), b"sixteen bytes...");
        let mixed = encrypt(&SHA1_FOR_LEGACY_USE_ONLY);
        for algorithm in [&OAEP_SHA1_MGF1SHA1, &OAEP_SHA256_MGF1SHA256] {
            assert!(key.decrypt(algorithm, &mixed, &mut plaintext, None).is_err());
        }
    }
}
