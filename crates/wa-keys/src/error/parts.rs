//! Details of some refusals.

/// The damage to a PEM block, a JSON Web Key or a DER value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// A block has a BEGIN line but no END line.
    #[error("the block that begins here has no matching -----END …----- line; it is cut off")]
    MissingEnd,
    /// A block has an END line but no BEGIN line.
    #[error("an -----END …----- line without a -----BEGIN …----- line before it; the start is cut off")]
    MissingBegin,
    /// A BEGIN or END line that does not have exactly five hyphens on each side.
    #[error("a BEGIN or END line must have five hyphens on each side")]
    BadBoundary,
    /// The labels of the BEGIN and END lines differ.
    #[error("the label of the END line differs from that of its BEGIN line")]
    LabelMismatch,
    /// A character that is not base64.
    #[error("the character {0:?} is not part of the base64 alphabet")]
    NotBase64(char),
    /// Characters follow the padding.
    #[error("base64 continues after its padding")]
    AfterPadding,
    /// The base64 text has an invalid length.
    #[error("the base64 text is truncated or lacks characters")]
    IncompleteBase64,
    /// Nothing is between BEGIN and END.
    #[error("the block is empty")]
    EmptyBlock,
    /// A PEM header is missing or incomplete.
    #[error("the header {0} is missing or incomplete")]
    BadHeader(&'static str),
    /// The key is the placeholder from Meta's sample endpoint.
    #[error("the text is the placeholder from the README of Meta's sample endpoint, not a key")]
    Placeholder,
    /// A JSON Web Key cannot be parsed.
    #[error("the JSON Web Key {0}")]
    BadJsonWebKey(&'static str),
    /// A JSON Web Key lacks a required member.
    #[error("the JSON Web Key has no member `{0}`")]
    MissingMember(&'static str),
    /// A member of a JSON Web Key is not a base64url number.
    #[error("the member `{0}` of the JSON Web Key is not base64url")]
    BadMember(&'static str),
    /// The DER value is truncated.
    #[error("the key data is truncated: {expected} bytes expected, {found} found")]
    Truncated {
        /// Bytes according to the outer DER header, header included.
        expected: usize,
        /// Bytes in the input.
        found: usize,
    },
    /// Bytes follow the DER value.
    #[error("{0} extra bytes after the key data")]
    TrailingBytes(usize),
    /// The data is not a DER sequence, or one with invalid members.
    #[error("the data is not a key in DER")]
    NotDer,
    /// The encrypted data has a length that its cipher cannot produce.
    #[error("the length of the encrypted data is not a multiple of the cipher's block size")]
    BadCiphertextLength,
}

/// The fault of a public exponent.
///
/// Odd exponents from 3 to 2³² − 1 are accepted: AWS-LC and `BoringSSL` (Web Crypto in Chromium) accept up to
/// 33 bits, Windows 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExponentFault {
    /// It is even (or zero).
    #[error("is even; it must be odd, usually 65537")]
    Even,
    /// It is 1, which does not encrypt at all.
    #[error("is 1, which leaves messages unencrypted; it must be 65537 or another odd number of at least 3")]
    One,
    /// It is 2³² or more.
    #[error("has {bits} bits; WhatsApp's clients and servers refuse more than 32 (65537 is usual)")]
    TooLarge {
        /// Length of the exponent in bits.
        bits: usize,
    },
}

/// A relation between the numbers of a private key (RFC 8017 §3.2) that is violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Relation {
    /// A prime is even, 1 or larger than the modulus.
    #[error("p and q are not two odd numbers greater than 1")]
    Primes,
    /// n is not p·q.
    #[error("n is not p·q")]
    Modulus,
    /// e·d is not 1 modulo p − 1 and q − 1.
    #[error("e·d is not 1 modulo p−1 and q−1")]
    PrivateExponent,
    /// dP is not d modulo p − 1.
    #[error("dP is not d mod p−1")]
    ExponentP,
    /// dQ is not d modulo q − 1.
    #[error("dQ is not d mod q−1")]
    ExponentQ,
    /// qInv is not the inverse of q modulo p.
    #[error("qInv is not the inverse of q mod p")]
    Coefficient,
}

/// A cost of key derivation that exceeds its limit in [`limits`](crate::limits).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cost {
    /// PBKDF2 with too many rounds.
    #[error("the private key requires {rounds} PBKDF2 rounds; the limit is {limit}")]
    Pbkdf2Rounds {
        /// Required rounds, at most 2⁶⁴ − 1.
        rounds: u64,
        /// The maximum.
        limit: u32,
    },
    /// The PKCS#12 derivation with too many rounds.
    #[error("the private key requires {rounds} rounds of the PKCS#12 derivation; the limit is {limit}")]
    Pkcs12Rounds {
        /// Required rounds, at most 2⁶⁴ − 1.
        rounds: u64,
        /// The maximum.
        limit: u32,
    },
    /// scrypt with too much memory.
    #[error("the private key requires {bytes} bytes of memory for scrypt; the limit is {limit}")]
    ScryptMemory {
        /// Required memory in bytes.
        bytes: u128,
        /// The maximum.
        limit: u64,
    },
    /// scrypt with too much work.
    #[error("the private key requires scrypt work N·r·p = {work}; the limit is {limit}")]
    ScryptWork {
        /// The product N·r·p.
        work: u128,
        /// The maximum.
        limit: u64,
    },
    /// A salt of unreasonable length.
    #[error("the private key has a salt of {bytes} bytes; the limit is {limit}")]
    Salt {
        /// Its length in bytes.
        bytes: usize,
        /// The maximum.
        limit: usize,
    },
}
