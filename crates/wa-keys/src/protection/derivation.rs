//! Derives a cipher key from a passphrase at a bounded cost.

use std::fmt;

use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use crate::{
    error::Cost,
    limits::{MAX_PBKDF2_ROUNDS, MAX_PKCS12_ROUNDS, MAX_SALT_BYTES, MAX_SCRYPT_BYTES, MAX_SCRYPT_WORK},
};

/// A function that derives a cipher key from a passphrase, with its cost parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyDerivation {
    /// PBKDF2 (RFC 8018 §5.2).
    Pbkdf2 {
        /// The pseudo-random function.
        prf: Prf,
        /// Number of rounds; 2⁶⁴ − 1 stands for any larger number.
        rounds: u64,
    },
    /// scrypt (RFC 7914); 2⁶⁴ − 1 stands for any larger number.
    Scrypt {
        /// Cost, a power of two.
        n: u64,
        /// Block size.
        r: u64,
        /// Parallelization.
        p: u64,
    },
    /// The PKCS#12 derivation with SHA-1 (RFC 7292 §B), which at the usual 2,048 rounds barely slows down
    /// guessing.
    Pkcs12 {
        /// Number of rounds; 2⁶⁴ − 1 stands for any larger number.
        rounds: u64,
    },
    /// OpenSSL's `EVP_BytesToKey`: one round of MD5, which barely slows down guessing.
    EvpBytesToKey,
}

/// The pseudo-random function of PBKDF2: HMAC with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Prf {
    /// HMAC-SHA-1, the default of RFC 8018 if a file specifies none.
    HmacSha1,
    /// HMAC-SHA-224.
    HmacSha224,
    /// HMAC-SHA-256.
    HmacSha256,
    /// HMAC-SHA-384.
    HmacSha384,
    /// HMAC-SHA-512.
    HmacSha512,
}

impl KeyDerivation {
    /// Returns an error if [`derive`](Self::derive) would take too much time or memory.
    pub(super) fn check_cost(&self, salt: &[u8]) -> Result<(), Cost> {
        if salt.len() > MAX_SALT_BYTES {
            return Err(Cost::Salt {
                bytes: salt.len(),
                limit: MAX_SALT_BYTES,
            });
        }
        match *self {
            Self::Pbkdf2 { rounds, .. } if rounds > u64::from(MAX_PBKDF2_ROUNDS) => Err(Cost::Pbkdf2Rounds {
                rounds,
                limit: MAX_PBKDF2_ROUNDS,
            }),
            Self::Pkcs12 { rounds } if rounds > u64::from(MAX_PKCS12_ROUNDS) => Err(Cost::Pkcs12Rounds {
                rounds,
                limit: MAX_PKCS12_ROUNDS,
            }),
            Self::Scrypt { n, r, p } => {
                let [n, r, p] = [n, r, p].map(u128::from);
                // scrypt keeps p blocks of 128·r bytes, N more to mix each of them, and one scratch block.
                let blocks = n.saturating_add(p).saturating_add(1);
                let bytes = blocks.saturating_mul(r).saturating_mul(128);
                let work = n.saturating_mul(r).saturating_mul(p);
                if bytes > u128::from(MAX_SCRYPT_BYTES) {
                    Err(Cost::ScryptMemory {
                        bytes,
                        limit: MAX_SCRYPT_BYTES,
                    })
                } else if work > u128::from(MAX_SCRYPT_WORK) {
                    Err(Cost::ScryptWork {
                        work,
                        limit: MAX_SCRYPT_WORK,
                    })
                } else {
                    Ok(())
                }
            }
            Self::Pbkdf2 { .. } | Self::Pkcs12 { .. } | Self::EvpBytesToKey => Ok(()),
        }
    }

    /// Derives a cipher key; `None` if the parameters are invalid.
    pub(super) fn derive(&self, passphrase: &[u8], salt: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let mut key = Zeroizing::new(vec![0; length]);
        match *self {
            Self::Pbkdf2 { prf, rounds } => {
                let rounds = u32::try_from(rounds).ok().filter(|rounds| *rounds > 0)?;
                prf.pbkdf2(passphrase, salt, rounds, &mut key);
            }
            Self::Scrypt { n, r, p } => {
                let log_n = n
                    .is_power_of_two()
                    .then(|| n.trailing_zeros())
                    .filter(|log_n| *log_n > 0)?;
                let (log_n, r, p) = (log_n.try_into().ok()?, r.try_into().ok()?, p.try_into().ok()?);
                let params = scrypt::Params::new(log_n, r, p).ok()?;
                scrypt::scrypt(passphrase, salt, &params, &mut key).ok()?;
            }
            // Also derives an initialization vector, so it is handled by `Encryption::decrypt_pkcs12`.
            Self::Pkcs12 { .. } => return None,
            Self::EvpBytesToKey => evp_bytes_to_key(passphrase, salt, &mut key),
        }
        Some(key)
    }
}

impl fmt::Display for KeyDerivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pbkdf2 { prf, rounds } => write!(f, "PBKDF2-{prf} ({rounds} rounds)"),
            Self::Scrypt { n, r, p } => write!(f, "scrypt (N={n}, r={r}, p={p})"),
            Self::Pkcs12 { rounds } => write!(f, "PKCS#12 derivation with SHA-1 ({rounds} rounds)"),
            Self::EvpBytesToKey => f.write_str("EVP_BytesToKey with MD5 (1 round)"),
        }
    }
}

impl Prf {
    fn pbkdf2(self, passphrase: &[u8], salt: &[u8], rounds: u32, key: &mut [u8]) {
        let pbkdf2 = match self {
            Self::HmacSha1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>,
            Self::HmacSha224 => pbkdf2::pbkdf2_hmac::<sha2::Sha224>,
            Self::HmacSha256 => pbkdf2::pbkdf2_hmac::<sha2::Sha256>,
            Self::HmacSha384 => pbkdf2::pbkdf2_hmac::<sha2::Sha384>,
            Self::HmacSha512 => pbkdf2::pbkdf2_hmac::<sha2::Sha512>,
        };
        pbkdf2(passphrase, salt, rounds, key);
    }
}

impl fmt::Display for Prf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HmacSha1 => "HMAC-SHA-1",
            Self::HmacSha224 => "HMAC-SHA-224",
            Self::HmacSha256 => "HMAC-SHA-256",
            Self::HmacSha384 => "HMAC-SHA-384",
            Self::HmacSha512 => "HMAC-SHA-512",
        })
    }
}

/// `EVP_BytesToKey` with MD5 and a count of 1, as OpenSSL's traditional PEM encryption calls it.
fn evp_bytes_to_key(passphrase: &[u8], salt: &[u8], key: &mut [u8]) {
    let mut digest = Zeroizing::new([0; 16]);
    for (index, chunk) in key.chunks_mut(16).enumerate() {
        let mut md5 = Md5::new();
        if index > 0 {
            md5.update(*digest);
        }
        md5.update(passphrase);
        md5.update(salt);
        digest.copy_from_slice(&md5.finalize());
        let (part, _) = digest.split_at(chunk.len());
        chunk.copy_from_slice(part);
    }
}
