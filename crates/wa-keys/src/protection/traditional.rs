//! OpenSSL's traditional PEM encryption, which Meta's sample key generator writes: read, never written.

use zeroize::Zeroizing;

use super::{Cipher, DekInfo, Encryption, KeyDerivation, names::unsupported_dek};
use crate::{KeyError, Passphrase, error::Damage};

/// The number of leading bytes of the initialization vector that are the salt (OpenSSL, `PEM_do_header`).
const SALT_BYTES: usize = 8;

/// The parameters in a supported `DEK-Info` header.
pub(crate) struct Traditional<'a> {
    pub(crate) encryption: Encryption,
    salt: &'a [u8],
    iv: &'a [u8],
}

impl<'a> Traditional<'a> {
    pub(crate) fn read(dek: &'a DekInfo) -> Result<Self, KeyError> {
        let cipher = Cipher::from_dek_name(&dek.cipher).ok_or_else(|| unsupported_dek(&dek.cipher))?;
        let encryption = Encryption {
            derivation: KeyDerivation::EvpBytesToKey,
            cipher,
        };
        match dek.iv.get(..SALT_BYTES) {
            Some(salt) if dek.iv.len() == cipher.block_bytes() => Ok(Self {
                encryption,
                salt,
                iv: &dek.iv,
            }),
            _ => Err(KeyError::Damaged {
                line: None,
                damage: Damage::BadHeader("DEK-Info"),
            }),
        }
    }

    /// Decrypts to what should be the DER of a PKCS#1 key.
    pub(crate) fn decrypt(
        &self,
        ciphertext: &[u8],
        passphrase: Option<&Passphrase>,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.encryption
            .decrypt(self.salt, self.iv, ciphertext, passphrase)
    }
}
