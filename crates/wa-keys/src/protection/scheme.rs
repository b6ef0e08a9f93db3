//! The algorithm identifier of an encrypted value: PBES2, or the older scheme of PKCS#12.

use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::{Encryption, names::unsupported, pbe, pbes2};
use crate::{KeyError, Passphrase};

/// Parsed parameters, whose cost is not checked yet.
pub(crate) struct Scheme<'a> {
    pub(crate) encryption: Encryption,
    pub(super) salt: &'a [u8],
    /// The initialization vector; empty if it is derived from the passphrase.
    pub(super) iv: &'a [u8],
}

impl<'a> Scheme<'a> {
    /// Parses the algorithm identifier of an encrypted PKCS#8 key, or of encrypted contents of PKCS#12.
    pub(crate) fn read(algorithm: &AlgorithmIdentifierRef<'a>) -> Result<Self, KeyError> {
        if algorithm.oid == pbes2::PBES2 {
            pbes2::read(algorithm)
        } else if let Some(cipher) = pbe::cipher(algorithm.oid) {
            pbe::read(algorithm, cipher)
        } else {
            Err(unsupported(algorithm.oid))
        }
    }

    /// Returns an error if decryption would take too much time or memory.
    pub(crate) fn check_cost(&self) -> Result<(), KeyError> {
        let cost = self.encryption.derivation.check_cost(self.salt);
        cost.map_err(|cost| KeyError::CostTooHigh { cost })
    }

    /// Checks the cost and decrypts to what should be the DER of a PKCS#8 key or of `SafeContents`.
    pub(crate) fn decrypt(
        &self,
        ciphertext: &[u8],
        passphrase: Option<&Passphrase>,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.check_cost()?;
        self.encryption
            .decrypt(self.salt, self.iv, ciphertext, passphrase)
    }
}
