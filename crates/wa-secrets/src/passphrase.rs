//! The passphrase of a private key.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The passphrase of an encrypted private key, used as its UTF-8 bytes.
///
/// ```
/// use wa_secrets::Passphrase;
///
/// let passphrase = Passphrase::new("correct horse");
/// assert_eq!(format!("{passphrase:?}"), "Passphrase([secret])");
/// assert_eq!(passphrase.expose_secret(), "correct horse");
/// ```
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Creates a passphrase from the unchanged text. Nothing is trimmed, so remove a line end first.
    pub fn new(passphrase: impl Into<String>) -> Self {
        Self(Zeroizing::new(passphrase.into()))
    }

    /// Returns the passphrase itself. Keep it out of logs and errors.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Returns whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares two passphrases in a time that depends on their lengths only.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([secret])")
    }
}
