//! The text of an unencrypted private key: a constant `Debug`, neither `Display` nor `Clone`, wiped on drop.

use std::fmt;

use zeroize::Zeroizing;

/// An unencrypted private key as PEM text, which is wiped from memory on drop.
pub struct SecretPem(Zeroizing<String>);

impl SecretPem {
    pub(crate) fn new(pem: String) -> Self {
        Self(Zeroizing::new(pem))
    }

    /// Returns the text.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretPem([secret])")
    }
}
