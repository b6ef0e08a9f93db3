//! Types for texts that must not leak: a constant `Debug`, no `Display`, no `Clone`, wiped when dropped.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The passphrase of an encrypted private key, used as its UTF-8 bytes.
///
/// ```
/// use wa_keys::Passphrase;
///
/// let passphrase = Passphrase::new("correct horse");
/// assert_eq!(format!("{passphrase:?}"), "Passphrase([secret])");
/// assert_eq!(passphrase.expose_secret(), "correct horse");
/// ```
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the passphrase as it is: nothing is trimmed, so take off a line end before.
    pub fn new(passphrase: impl Into<String>) -> Self {
        Self(Zeroizing::new(passphrase.into()))
    }

    /// Gives the passphrase itself.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Tells whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([secret])")
    }
}

/// Compares in a time that depends on the lengths only.
impl PartialEq for Passphrase {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Passphrase {}

/// An unencrypted private key as PEM text.
pub struct SecretPem(Zeroizing<String>);

impl SecretPem {
    pub(crate) fn new(pem: String) -> Self {
        Self(Zeroizing::new(pem))
    }

    /// Gives the text itself.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretPem([secret])")
    }
}
