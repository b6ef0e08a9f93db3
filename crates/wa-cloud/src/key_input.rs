//! A public key, or the text of one.

use wa_keys::{KeyError, PublicKey};

/// What can be given where a public key is wanted: a [`PublicKey`], or the text or bytes of one in any form that
/// [`PublicKey::parse`] reads.
///
/// ```
/// use wa_cloud::PublicKeyInput;
///
/// assert!("not a key".into_public_key().is_err());
/// ```
pub trait PublicKeyInput: Send {
    /// Makes a key of it.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when a text is not a key that WhatsApp takes.
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
