//! Bounds that keep a hostile file from hanging the program or exhausting its memory.
//!
//! They are checked before any key is derived from a passphrase. At the bounds, reading takes some seconds of one
//! core; what tools write by default is 50 to 5,000 times below.

/// The largest input that is read: 256 KiB.
pub const MAX_INPUT_BYTES: usize = 256 * 1024;

/// The most PBKDF2 rounds that are done: ten million (RFC 8018 §4.2 names that for the most critical keys).
pub const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// The most memory that scrypt may take (128·r·N, or 128·r·p if that is more): 256 MiB.
pub const MAX_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;

/// The most work that scrypt may do (N·r·p): 2²³, 64 times OpenSSL's default.
pub const MAX_SCRYPT_WORK: u64 = 1 << 23;

/// The longest salt that is read, in bytes.
pub const MAX_SALT_BYTES: usize = 1024;
