//! A public key, or the text of one.

use wa_keys::{KeyError, PublicKey};

/// A public key argument: a [`PublicKey`], or its text or bytes in any format that [`PublicKey::parse`]
/// reads.
///
/// ```
/// use wa_encryption::PublicKeyInput;
///
/// assert!("not a key".into_public_key().is_err());
/// ```
pub trait PublicKeyInput: Send {
    /// Returns the key.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the text is not a key that WhatsApp accepts.
    fn into_public_key(self) -> Result<PublicKey, KeyError>;
}

impl PublicKeyInput for PublicKey {
    fn into_public_key(self) -> Result<PublicKey, KeyError> {
        Ok(self)
    }
}

impl PublicKeyInput for &PublicKey {
    fn into_public_key(self) -> Result<PublicKey, KeyError> {
        Ok(self.clone())
    }
}

macro_rules! parsed {
    ($($text:ty),*) => {$(
        impl PublicKeyInput for $text {
            fn into_public_key(self) -> Result<PublicKey, KeyError> {
                PublicKey::parse(self)
            }
        }
    )*};
}

parsed!(&str, String, &String, &[u8], Vec<u8>, &Vec<u8>);
