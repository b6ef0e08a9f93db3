//! Bounds that keep a hostile file from hanging the program or exhausting its memory.
//!
//! They are checked before any key is derived from a passphrase. At the bounds, reading takes some seconds of one
//! core (in a build with optimisation; HMAC-SHA-384 and -512 take longest); what is written by default, here and by other
//! tools, is 16 to 5,000 times below.

/// The largest input that is read: 256 KiB.
pub const MAX_INPUT_BYTES: usize = 256 * 1024;

/// The most PBKDF2 rounds that are done: ten million (RFC 8018 §4.2 names that for the most critical keys).
pub const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// The most rounds of the PKCS#12 derivation that are done: a million, some hundred times what programs write. It is done
/// for the key and for the vector, in one container three times at most.
pub const MAX_PKCS12_ROUNDS: u32 = 1_000_000;

/// The most memory that scrypt may take (128·r·(N + p + 1)): 288 MiB, which is N = 2¹⁸ with r = 8 and room beside it.
pub const MAX_SCRYPT_BYTES: u64 = 288 * 1024 * 1024;

/// The most work that scrypt may do (N·r·p): 2²³, 64 times OpenSSL's default.
pub const MAX_SCRYPT_WORK: u64 = 1 << 23;

/// The longest salt that is read, in bytes.
pub const MAX_SALT_BYTES: usize = 1024;
