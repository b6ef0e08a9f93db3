//! The session of one exchange: AES-128-GCM with the phone's session key, which decrypts the request and
//! encrypts the response.

use std::fmt;

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U16;
use aes_gcm::aes::Aes128;
use aes_gcm::{AesGcm, KeyInit, Nonce, Tag};
use base64_simd::STANDARD;

use crate::envelope::BLOCK;

/// AES-128-GCM with a nonce of 16 bytes. Unlike a nonce of 12 bytes, it is hashed into the first counter
/// block (NIST SP 800-38D §7.1).
pub(crate) type Gcm = AesGcm<Aes128, U16>;

/// Encrypts the response to one request, with the session key and the inverted IV.
///
/// [`seal`](ResponseSeal::seal) consumes it, so that an IV never encrypts two plaintexts within one exchange.
/// A recorded body that is sent again creates a second seal with the same key and IV, and two different
/// responses under the same key and IV reveal the XOR of both: an endpoint prevents that with its
/// [`ReplayMemory`](crate::ReplayMemory). The key is zeroized on drop.
pub struct ResponseSeal {
    cipher: Gcm,
    request_iv: [u8; BLOCK],
}

impl ResponseSeal {
    pub(crate) fn new(key: &[u8; BLOCK], request_iv: [u8; BLOCK]) -> Self {
        Self {
            cipher: Gcm::new(key.into()),
            request_iv,
        }
    }

    /// Decrypts the request in place: `data` becomes the plaintext, or is unchanged if the tag is wrong.
    pub(crate) fn open_request(&self, data: &mut Vec<u8>) -> bool {
        open(&self.cipher, &self.request_iv, data)
    }

    /// Encrypts a response, and returns it as the body that the phone expects: standard base64 without
    /// quotes.
    ///
    /// The IV is that of the request with every bit flipped (Meta, *Implementing endpoints for Flows*,
    /// "Request decryption and encryption").
    #[must_use]
    pub fn seal(self, mut plaintext: Vec<u8>) -> String {
        seal(&self.cipher, &flip(&self.request_iv), &mut plaintext);
        STANDARD.encode_to_string(&plaintext)
    }
}

impl fmt::Debug for ResponseSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseSeal(..)")
    }
}

/// Returns the IV of the response: that of the request with every bit flipped.
pub(crate) fn flip(iv: &[u8; BLOCK]) -> [u8; BLOCK] {
    iv.map(|byte| byte ^ 0xff)
}

/// Verifies the tag at the end of `data` and decrypts the rest in place; returns whether the tag is valid.
pub(crate) fn open(cipher: &Gcm, iv: &[u8; BLOCK], data: &mut Vec<u8>) -> bool {
    let Some((ciphertext, tag)) = data.split_last_chunk_mut::<BLOCK>() else {
        return false;
    };
    let tag: Tag = (*tag).into();
    let opened = cipher
        .decrypt_inout_detached(&Nonce::from(*iv), b"", ciphertext.into(), &tag)
        .is_ok();
    if opened {
        data.truncate(data.len() - BLOCK);
    }
    opened
}

/// Encrypts `data` in place and appends the tag.
pub(crate) fn seal(cipher: &Gcm, iv: &[u8; BLOCK], data: &mut Vec<u8>) {
    data.reserve_exact(BLOCK);
    // Encryption fails only for plaintexts of 64 GiB and more.
    if let Ok(tag) = cipher.encrypt_inout_detached(&Nonce::from(*iv), b"", data.as_mut_slice().into()) {
        data.extend_from_slice(&tag);
    } else {
        data.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{hex, test_data, text};

    #[test]
    fn wycheproof_aes_128_gcm_with_16_byte_ivs() {
        let vectors = test_data("wycheproof_aes_128_gcm_iv128.json");
        let cases = vectors["tests"].as_array().unwrap();
        assert_eq!(cases.len(), 19);
        for case in cases {
            let field = |name: &str| hex(text(&case[name]));
            assert_eq!(case["result"], Value::from("valid"));
            let cipher = Gcm::new_from_slice(&field("key")).unwrap();
            let iv = field("iv").try_into().unwrap();
            let message = field("msg");
            let mut sealed = message.clone();
            seal(&cipher, &iv, &mut sealed);
            assert_eq!(
                sealed,
                [field("ct"), field("tag")].concat(),
                "case {}",
                case["tcId"]
            );

            let mut opened = sealed.clone();
            assert!(open(&cipher, &iv, &mut opened));
            assert_eq!(opened, message, "case {}", case["tcId"]);
            for bit in 0..128 {
                let mut forged = sealed.clone();
                let at = forged.len() - 16 + bit / 8;
                forged[at] ^= 1 << (bit % 8);
                let before = forged.clone();
                assert!(
                    !open(&cipher, &iv, &mut forged),
                    "case {} with bit {bit} flipped",
                    case["tcId"]
                );
                assert_eq!(forged, before);
            }
        }
    }

    #[test]
    fn an_exchange_of_another_implementation_decrypts_and_encrypts_byte_for_byte() {
        let vector = test_data("pywa_flow_exchange.json");
        let derived = &vector["derived"];
        let key = hex(text(&derived["aes_key_hex"])).try_into().unwrap();
        let iv = hex(text(&derived["request_iv_hex"])).try_into().unwrap();
        assert_eq!(flip(&iv).to_vec(), hex(text(&derived["response_iv_hex"])));

        let seal = ResponseSeal::new(&key, iv);
        let mut data = STANDARD
            .decode_to_vec(text(&vector["request"]["encrypted_flow_data"]))
            .unwrap();
        assert!(seal.open_request(&mut data));
        assert_eq!(data, text(&derived["request_plaintext_utf8"]).as_bytes());
        let response = text(&derived["response_plaintext_utf8"]).as_bytes().to_vec();
        assert_eq!(seal.seal(response), text(&vector["encrypted_response_b64"]));
    }

    #[test]
    fn data_shorter_than_the_tag_is_not_decrypted() {
        let cipher = Gcm::new(&[7; 16].into());
        for length in 0..16 {
            assert!(!open(&cipher, &[0; 16], &mut vec![0; length]));
        }
    }
}
