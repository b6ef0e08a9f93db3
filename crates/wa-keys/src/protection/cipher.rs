//! The block ciphers for private keys, all in CBC mode with PKCS#7 padding.

use std::fmt;

use cbc::{
    Decryptor, Encryptor,
    cipher::{
        BlockCipherDecrypt, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyInit, KeyIvInit as _,
        block_padding::Pkcs7,
    },
};
use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

/// A cipher that encrypts private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cipher {
    /// AES with a 128-bit key.
    Aes128Cbc,
    /// AES with a 192-bit key.
    Aes192Cbc,
    /// AES with a 256-bit key.
    Aes256Cbc,
    /// Triple DES with three keys, which `openssl genrsa -des3` uses; read, never written.
    DesEde3Cbc,
    /// Triple DES with two keys, in PKCS#12; read, never written.
    DesEde2Cbc,
    /// RC2 with a 128-bit key, in PKCS#12; read, never written.
    Rc2With128BitsCbc,
    /// RC2 with a 40-bit key, in old PKCS#12, which protects nothing; read, never written.
    Rc2With40BitsCbc,
}

/// Names in `DEK-Info` and object identifiers in PBES2 (RFC 8018 §B.2, RFC 3565).
const TABLE: [(Cipher, &str, ObjectIdentifier); 4] = [
    (
        Cipher::Aes128Cbc,
        "AES-128-CBC",
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"),
    ),
    (
        Cipher::Aes192Cbc,
        "AES-192-CBC",
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"),
    ),
    (
        Cipher::Aes256Cbc,
        "AES-256-CBC",
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"),
    ),
    (
        Cipher::DesEde3Cbc,
        "DES-EDE3-CBC",
        ObjectIdentifier::new_unwrap("1.2.840.113549.3.7"),
    ),
];

impl Cipher {
    /// The object identifier of the only cipher that is written.
    pub(super) const AES_256_CBC_OID: ObjectIdentifier = TABLE[2].2;

    pub(super) fn from_dek_name(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|(_, known, _)| *known == name)
            .map(|(cipher, ..)| *cipher)
    }

    pub(super) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        TABLE
            .iter()
            .find(|(.., known)| *known == oid)
            .map(|(cipher, ..)| *cipher)
    }

    pub(super) fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::DesEde2Cbc | Self::Rc2With128BitsCbc => 16,
            Self::Rc2With40BitsCbc => 5,
            Self::Aes192Cbc | Self::DesEde3Cbc => 24,
            Self::Aes256Cbc => 32,
        }
    }

    /// Returns the length of a block, which is also that of the initialization vector.
    pub(super) fn block_bytes(self) -> usize {
        match self {
            Self::DesEde3Cbc | Self::DesEde2Cbc | Self::Rc2With128BitsCbc | Self::Rc2With40BitsCbc => 8,
            _ => 16,
        }
    }

    /// Decrypts a value; `None` if the padding is wrong, as it almost always is with a wrong key.
    pub(super) fn decrypt(self, key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Aes128Cbc => decrypt::<aes::Aes128Dec>(key, iv, ciphertext),
            Self::Aes192Cbc => decrypt::<aes::Aes192Dec>(key, iv, ciphertext),
            Self::Aes256Cbc => decrypt::<aes::Aes256Dec>(key, iv, ciphertext),
            Self::DesEde3Cbc => decrypt::<des::TdesEde3>(key, iv, ciphertext),
            Self::DesEde2Cbc => decrypt::<des::TdesEde2>(key, iv, ciphertext),
            Self::Rc2With128BitsCbc | Self::Rc2With40BitsCbc => decrypt::<rc2::Rc2>(key, iv, ciphertext),
        }
    }
}

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128Cbc => "AES-128-CBC",
            Self::Aes192Cbc => "AES-192-CBC",
            Self::Aes256Cbc => "AES-256-CBC",
            Self::DesEde3Cbc => "3DES-CBC",
            Self::DesEde2Cbc => "two-key 3DES-CBC",
            Self::Rc2With128BitsCbc => "128-bit RC2-CBC",
            Self::Rc2With40BitsCbc => "40-bit RC2-CBC",
        })
    }
}

fn decrypt<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let cipher = Decryptor::<C>::new_from_slices(key, iv).ok()?;
    let length = cipher.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

/// Encrypts with AES-256-CBC, the only cipher that is written.
pub(super) fn encrypt_aes256(key: &[u8], iv: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
    // Allocated with space for the padding: a reallocation would leave a copy of the plaintext in freed
    // memory.
    let capacity = plaintext.len() + Cipher::Aes256Cbc.block_bytes();
    let mut buffer = Zeroizing::new(Vec::with_capacity(capacity));
    buffer.extend_from_slice(plaintext);
    buffer.resize(capacity, 0);
    let cipher = Encryptor::<aes::Aes256Enc>::new_from_slices(key, iv).ok()?;
    cipher
        .encrypt_padded::<Pkcs7>(&mut buffer, plaintext.len())
        .ok()
        .map(<[u8]>::to_vec)
}
