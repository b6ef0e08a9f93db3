//! Limits that stop a malicious file from blocking the program or exhausting its memory.
//!
//! They are checked before any key is derived from a passphrase. At the limits, parsing takes a few seconds
//! of one core in an optimized build; HMAC-SHA-384 and -512 take longest. The defaults of this crate and of
//! other tools cost between 16 and 5,000 times less.

/// Maximum size of an input: 256 KiB.
pub const MAX_INPUT_BYTES: usize = 256 * 1024;

/// Maximum number of PBKDF2 rounds: ten million, the number in RFC 8018 §4.2 for very critical keys.
pub const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// Maximum number of rounds of the PKCS#12 derivation: one million, hundreds of times what common programs
/// write.
///
/// The derivation runs once for the key and once for the initialization vector, for at most three values of a
/// container.
pub const MAX_PKCS12_ROUNDS: u32 = 1_000_000;

/// Maximum memory for scrypt, 128·r·(N + p + 1): 288 MiB, which allows N = 2¹⁸ with r = 8.
pub const MAX_SCRYPT_BYTES: u64 = 288 * 1024 * 1024;

/// Maximum work for scrypt, N·r·p: 2²³, 64 times OpenSSL's default.
pub const MAX_SCRYPT_WORK: u64 = 1 << 23;

/// Maximum length of a salt in bytes.
pub const MAX_SALT_BYTES: usize = 1024;
