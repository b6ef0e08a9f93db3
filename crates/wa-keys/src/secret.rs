//! The text of an unencrypted private key: a constant `Debug`, no `Display`, no `Clone`, wiped when dropped.

use std::fmt;

use zeroize::Zeroizing;

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
