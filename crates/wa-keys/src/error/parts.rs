//! The details that some refusals carry.

/// What is wrong with a PEM block or a DER value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// A block begins and has no END line.
    #[error("the block that begins here has no matching -----END …----- line; it is cut off")]
    MissingEnd,
    /// An END line without a BEGIN line.
    #[error("an -----END …----- line without a -----BEGIN …----- line before it; the start is cut off")]
    MissingBegin,
    /// A BEGIN or END line that does not have exactly five hyphens on each side.
    #[error("a BEGIN or END line must have five hyphens on each side")]
    BadBoundary,
    /// The END line names something else than the BEGIN line.
    #[error("the END line does not name the same thing as its BEGIN line")]
    LabelMismatch,
    /// A character that is not base64.
    #[error("the character {0:?} does not belong into base64")]
    NotBase64(char),
    /// Something follows the padding.
    #[error("base64 goes on after its padding")]
    AfterPadding,
    /// The base64 text ends in the middle.
    #[error("the base64 text ends too early or has lost characters")]
    IncompleteBase64,
    /// There is nothing between BEGIN and END.
    #[error("the block is empty")]
    EmptyBlock,
    /// A PEM header that does not have the form that it needs.
    #[error("the header {0} is not complete")]
    BadHeader(&'static str),
    /// The key is the placeholder of Meta's sample endpoint.
    #[error("the text is the placeholder from the README of Meta's sample endpoint, not a key")]
    Placeholder,
    /// A JSON Web Key that cannot be read.
    #[error("the JSON Web Key {0}")]
    BadJsonWebKey(&'static str),
    /// A JSON Web Key without a member that it needs.
    #[error("the JSON Web Key has no member `{0}`")]
    MissingMember(&'static str),
    /// A JSON Web Key with a member that is no number.
    #[error("the member `{0}` of the JSON Web Key is not base64url")]
    BadMember(&'static str),
    /// The DER value ends early.
    #[error("the key data ends too early: {expected} bytes announced, {found} there")]
    Truncated {
        /// Bytes that the outer length announces, itself included.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// Bytes follow the DER value.
    #[error("{0} bytes too many after the key data")]
    TrailingBytes(usize),
    /// The data is not a DER sequence at all, or one with broken members.
    #[error("the data is not a key in DER")]
    NotDer,
    /// The encrypted data has a length that its cipher cannot have.
    #[error("the encrypted data is no whole number of cipher blocks")]
    BadCiphertextLength,
}

/// What is wrong with a public exponent.
///
/// Odd exponents from 3 to 2³² − 1 are accepted: AWS-LC and `BoringSSL` (Web Crypto in Chromium) take up to 33 bits,
/// Windows takes 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExponentFault {
    /// It is even (or zero).
    #[error("is even; it must be odd, usually 65537")]
    Even,
    /// It is 1, which does not encrypt at all.
    #[error("is 1, which leaves messages unencrypted; it must be 65537 or another odd number from 3 on")]
    One,
    /// It is 2³² or more.
    #[error("has {bits} bits; more than 32 are refused by WhatsApp's clients and servers, 65537 is usual")]
    TooLarge {
        /// Bits of the exponent.
        bits: usize,
    },
}

/// A relation between the numbers of a private key (RFC 8017 §3.2) that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
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

/// A cost of key derivation beyond the bounds of [`limits`](crate::limits).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cost {
    /// PBKDF2 with too many rounds.
    #[error("the private key asks for {rounds} PBKDF2 rounds; at most {limit} are done")]
    Pbkdf2Rounds {
        /// Rounds that the file asks for (the largest number shown is 2⁶⁴ − 1).
        rounds: u64,
        /// The most that is done.
        limit: u32,
    },
    /// The derivation of PKCS#12 with too many rounds.
    #[error("the private key asks for {rounds} rounds of the PKCS#12 derivation; at most {limit} are done")]
    Pkcs12Rounds {
        /// Rounds that the file asks for (the largest number shown is 2⁶⁴ − 1).
        rounds: u64,
        /// The most that is done.
        limit: u32,
    },
    /// scrypt with too much memory.
    #[error("the private key asks for {bytes} bytes of memory for scrypt; at most {limit} are used")]
    ScryptMemory {
        /// Bytes that N and r ask for.
        bytes: u128,
        /// The most that is used.
        limit: u64,
    },
    /// scrypt with too much work.
    #[error("the private key asks for scrypt work N·r·p = {work}; at most {limit} is done")]
    ScryptWork {
        /// N·r·p.
        work: u128,
        /// The most that is done.
        limit: u64,
    },
    /// A salt of unreasonable length.
    #[error("the private key has a salt of {bytes} bytes; at most {limit} are read")]
    Salt {
        /// Its length.
        bytes: usize,
        /// The longest that is read.
        limit: usize,
    },
}
