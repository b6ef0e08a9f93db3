//! Decryption of a file piece by piece.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, StreamingDecryptingKey, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::hmac::{self, HMAC_SHA256};

use crate::media::descriptor::{MediaError, MediaSecrets};

/// Length of the MAC at the end of a file: a truncated HMAC-SHA-256.
pub(crate) const MAC: usize = 10;
/// Length of an AES block.
pub(crate) const BLOCK: usize = 16;

/// Decrypts a file as it arrives.
///
/// The plaintext is not verified until [`finish`](MediaStream::finish) succeeds, and must not be used before.
pub(crate) struct MediaStream {
    file_hash: digest::Context,
    plaintext_hash: digest::Context,
    mac: hmac::Context,
    cipher: StreamingDecryptingKey,
    /// The last bytes received: the MAC, if no more follow.
    held_back: Vec<u8>,
    length: usize,
    expected: Expected,
}

struct Expected {
    file_hash: [u8; 32],
    plaintext_hash: [u8; 32],
}

impl MediaStream {
    pub(crate) fn new(secrets: &MediaSecrets) -> Result<Self, MediaError> {
        let cipher = UnboundCipherKey::new(&AES_256, &*secrets.encryption_key)
            .and_then(|key| {
                StreamingDecryptingKey::cbc_pkcs7(key, DecryptionContext::Iv128((&secrets.iv).into()))
            })
            .map_err(|_| MediaError::Plaintext)?;
        Ok(Self {
            file_hash: digest::Context::new(&SHA256),
            plaintext_hash: digest::Context::new(&SHA256),
            mac: keyed_mac(secrets),
            cipher,
            held_back: Vec::with_capacity(MAC),
            length: 0,
            expected: Expected {
                file_hash: secrets.encrypted_hash,
                plaintext_hash: secrets.plaintext_hash,
            },
        })
    }

    /// Verifies a whole file before any of it is decrypted.
    pub(crate) fn check(secrets: &MediaSecrets, file: &[u8]) -> Result<(), MediaError> {
        let (ciphertext, mac) = file.split_last_chunk::<MAC>().ok_or(MediaError::Length)?;
        check_length(file.len())?;
        check_hash(
            digest::digest(&SHA256, file),
            &secrets.encrypted_hash,
            MediaError::EncryptedHash,
        )?;
        let mut expected = keyed_mac(secrets);
        expected.update(ciphertext);
        check_mac(expected, mac)
    }

    /// Processes the next piece of the file, and appends its plaintext.
    pub(crate) fn update(&mut self, piece: &[u8], plaintext: &mut Vec<u8>) -> Result<(), MediaError> {
        self.file_hash.update(piece);
        self.length = self.length.saturating_add(piece.len());
        self.held_back.extend_from_slice(piece);
        let ready = self.held_back.len().saturating_sub(MAC);
        let ciphertext: Vec<u8> = self.held_back.drain(..ready).collect();
        self.mac.update(&ciphertext);

        let start = plaintext.len();
        plaintext.resize(start + ciphertext.len() + BLOCK, 0);
        let written = {
            let room = plaintext.get_mut(start..).unwrap_or_default();
            let update = self
                .cipher
                .update(&ciphertext, room)
                .map_err(|_| MediaError::Plaintext)?;
            self.plaintext_hash.update(update.written());
            update.written().len()
        };
        plaintext.truncate(start + written);
        Ok(())
    }

    /// Performs every check in the order of the protocol, and appends the last block.
    pub(crate) fn finish(self, plaintext: &mut Vec<u8>) -> Result<(), MediaError> {
        check_length(self.length)?;
        check_hash(
            self.file_hash.finish(),
            &self.expected.file_hash,
            MediaError::EncryptedHash,
        )?;
        check_mac(self.mac, &self.held_back)?;
        let mut last = [0; BLOCK];
        let update = self.cipher.finish(&mut last).map_err(|_| MediaError::Plaintext)?;
        let mut hash = self.plaintext_hash;
        hash.update(update.written());
        check_hash(
            hash.finish(),
            &self.expected.plaintext_hash,
            MediaError::Plaintext,
        )?;
        plaintext.extend_from_slice(update.written());
        Ok(())
    }
}

/// Starts the MAC of a file, which covers the IV before the ciphertext.
pub(crate) fn keyed_mac(secrets: &MediaSecrets) -> hmac::Context {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, &*secrets.hmac_key));
    mac.update(&secrets.iv);
    mac
}

fn check_length(length: usize) -> Result<(), MediaError> {
    let ciphertext = length.checked_sub(MAC).ok_or(MediaError::Length)?;
    if ciphertext > 0 && ciphertext.is_multiple_of(BLOCK) {
        Ok(())
    } else {
        Err(MediaError::Length)
    }
}

fn check_hash(hash: digest::Digest, expected: &[u8; 32], error: MediaError) -> Result<(), MediaError> {
    verify_slices_are_equal(hash.as_ref(), expected).map_err(|_| error)
}

fn check_mac(expected: hmac::Context, mac: &[u8]) -> Result<(), MediaError> {
    let expected = expected.sign();
    let expected = expected.as_ref().first_chunk::<MAC>().ok_or(MediaError::Mac)?;
    verify_slices_are_equal(expected, mac).map_err(|_| MediaError::Mac)
}
