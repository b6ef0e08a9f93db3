//! Why a key is refused: one variant per reason, each with what to do about it.

mod action;
mod help;
mod parts;

pub use self::{
    action::{Action, Advice, OpenSslSupport},
    parts::{Cost, Damage, ExponentFault, Relation},
};

use std::borrow::Cow;

use crate::{Encryption, ForeignForm, Form, KeyAlgorithm};

/// Why an input is not the key that was asked for.
///
/// `Display` says what was found; [`KeyError::help`] says what to do, and [`KeyError::action`] which kind of command does
/// it, if one does. Neither text ever holds text of the input that could be key material, so both can be shown and logged.
///
/// ```
/// use wa_keys::{Action, KeyError, PublicKey};
///
/// let error = PublicKey::parse("ssh-rsa AAAAB3NzaC1yc2E= me@example").unwrap_err();
/// assert!(matches!(error, KeyError::Foreign { .. }));
/// assert!(error.help().unwrap().contains("ssh-keygen"));
/// assert!(matches!(error.action(), Some(Action::Export(_))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The input is empty or blank.
    #[error("the input is empty")]
    Empty,

    /// The input is larger than any key file ([`MAX_INPUT_BYTES`](crate::limits::MAX_INPUT_BYTES)).
    #[error("the input has {bytes} bytes, more than the {limit} that a key file may have")]
    TooLarge {
        /// Size of the input.
        bytes: usize,
        /// The most that is read.
        limit: usize,
    },

    /// Nothing in the input looks like a key.
    #[error("no key found: neither a PEM block (-----BEGIN …-----) nor DER")]
    NotAKey,

    /// The input holds keys in a form of another family.
    #[error("the input is {} {found}", .found.article())]
    Foreign {
        /// What it is.
        found: ForeignForm,
    },

    /// A PEM block or DER value is cut off, or has something in it that does not belong there.
    #[error("{}{damage}", match .line { Some(line) => format!("line {line}: "), None => String::new() })]
    Damaged {
        /// Line of the text, from 1, a literal `\n` counting as a line end; nothing when the input is DER.
        line: Option<usize>,
        /// What is wrong there.
        damage: Damage,
    },

    /// The encoding is whole, but what is inside is not what its form says.
    #[error("the {form} does not have the structure of one")]
    Malformed {
        /// What it looked like.
        form: Form,
    },

    /// The key is of another algorithm.
    #[error("the key is {found}, not RSA")]
    NotRsa {
        /// What it is.
        found: KeyAlgorithm,
    },

    /// The modulus does not have 2048 bits.
    #[error("the RSA key has {bits} bits; WhatsApp Flows take 2048")]
    WrongSize {
        /// Bits of the modulus.
        bits: usize,
    },

    /// The modulus is an even number, so it is no product of two primes.
    #[error("the modulus of the RSA key is even, so the key is broken")]
    EvenModulus,

    /// The modulus has a small factor, so anyone can factor it.
    #[error(
        "the modulus of the RSA key is divisible by {factor}, so anyone can compute the private key: the key is \
         damaged, or a faulty program made it"
    )]
    SmallFactor {
        /// The smallest factor.
        factor: u32,
    },

    /// The primes are so close that anyone can factor the modulus (FIPS 186-5 §A.1.3; CVE-2022-26320).
    #[error(
        "the two primes of the RSA key are too close, so anyone can compute the private key (Fermat's method)"
    )]
    ClosePrimes,

    /// The key was made by Infineon's faulty library (CVE-2017-15361).
    #[error(
        "the RSA key was made by a faulty chip (ROCA, CVE-2017-15361), so its private key can be computed from the \
         public key"
    )]
    Roca,

    /// The primes do not have 1024 bits each (FIPS 186-5 §A.1.1).
    #[error("the two primes of the RSA key do not have 1024 bits each")]
    UnevenPrimes,

    /// A prime of the private key is not prime.
    #[error("p or q of the private key is not prime, so the key does not protect what is encrypted to it")]
    CompositeFactor,

    /// A public key is there, but not as one `PUBLIC KEY` block with nothing around it.
    #[error("the text is not one PEM block \"PUBLIC KEY\" with nothing around it")]
    NotOnePublicKeyBlock,

    /// The public exponent is unsound.
    #[error("the public exponent of the RSA key {fault}")]
    BadExponent {
        /// What is wrong with it.
        fault: ExponentFault,
    },

    /// A private key was given where a public one is wanted.
    #[error("the input holds a private key ({form}) where a public key is wanted")]
    PrivateKeyGiven {
        /// What it holds.
        form: Form,
    },

    /// A public key or certificate was given where a private key is wanted.
    #[error("the input holds no private key, only a public half ({form})")]
    PublicKeyGiven {
        /// What it holds.
        form: Form,
    },

    /// A container holds no private key.
    #[error("the {form} holds no private key")]
    NoPrivateKey {
        /// What it is.
        form: Form,
    },

    /// A certificate request was given.
    #[error("the input is a certificate request, not a key or a certificate")]
    CertificateRequest,

    /// The input holds keys that differ, so it is unclear which is meant.
    #[error("the input holds {count} different keys")]
    SeveralKeys {
        /// How many.
        count: usize,
    },

    /// The private key is encrypted and no passphrase was given.
    #[error("the private key is encrypted ({encryption}) and no passphrase was given")]
    PassphraseNeeded {
        /// How it is encrypted.
        encryption: Encryption,
    },

    /// The passphrase does not open the private key.
    #[error("the passphrase does not open the private key ({encryption})")]
    WrongPassphrase {
        /// How it is encrypted.
        encryption: Encryption,
    },

    /// A passphrase for a key to be written is empty.
    #[error("the passphrase for the private key is empty")]
    EmptyPassphrase,

    /// The private key is encrypted in a way that this crate does not read.
    #[error("the private key is encrypted with {found}, which is not read here")]
    UnsupportedProtection {
        /// Name or object identifier of the scheme, function or cipher.
        found: String,
        /// Whether OpenSSL can convert it.
        openssl: OpenSslSupport,
    },

    /// Deriving the key from the passphrase would cost more than is allowed.
    #[error("{cost}")]
    CostTooHigh {
        /// What it asks for, and the bound.
        cost: Cost,
    },

    /// A cost for writing is outside of what is allowed.
    #[error("{rounds} PBKDF2 rounds asked for; between {min} and {max} are allowed")]
    RoundsOutOfRange {
        /// The rounds asked for.
        rounds: u32,
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },

    /// The numbers of the private key do not belong together.
    #[error("the numbers of the private key do not form a key: {relation}")]
    InconsistentNumbers {
        /// The relation that does not hold.
        relation: Relation,
    },

    /// The private key has more than two primes.
    #[error("the RSA key has more than two primes")]
    MultiPrime,

    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Randomness(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// Something that cannot fail with sound numbers did: a mistake in this crate.
    #[error("{action} failed unexpectedly")]
    Internal {
        /// What was being done.
        action: &'static str,
    },
}

impl KeyError {
    /// Returns what to do about the refusal, in one sentence without a command.
    pub fn help(&self) -> Option<Cow<'static, str>> {
        help::of(self)
    }

    /// Returns the kind of command that does what [`help`](Self::help) says, if one does.
    pub fn action(&self) -> Option<Action> {
        help::action(self)
    }

    /// Returns what to do as one value.
    pub fn advice(&self) -> Option<Advice> {
        self.help().map(|text| Advice::new(text, self.action()))
    }

    /// Adds the line to damage that was found below the level of lines.
    pub(crate) fn at_line(self, line: Option<usize>) -> Self {
        match self {
            Self::Damaged { line: None, damage } => Self::Damaged { line, damage },
            other => other,
        }
    }

    pub(crate) fn internal(action: &'static str) -> Self {
        Self::Internal { action }
    }
}
