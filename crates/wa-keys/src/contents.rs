//! The contents of a key file, which are decoded once.

use std::fmt;

use crate::{
    Encoding, Inspection, KeyError, Passphrase, PrivateKey, PublicKey, inspect,
    select::Found,
    text::{self, Block},
};

/// The decoded contents of a key file: text is repaired and decoded once, whatever is read from it.
///
/// What contains private keys is wiped on drop.
///
/// ```
/// use wa_keys::{Contents, Passphrase};
///
/// # let bytes = include_bytes!("../tests/data/openssl/pkcs8.pem");
/// # let ask = || Passphrase::new("");
/// let contents = Contents::read(bytes)?;
/// let passphrase = contents.needs_passphrase().then(ask);
/// let key = contents.private(passphrase.as_ref())?;
/// assert_eq!(&contents.public_half(passphrase.as_ref())?, key.public_key());
/// # Ok::<(), wa_keys::KeyError>(())
/// ```
pub struct Contents {
    encoding: Encoding,
    blocks: Vec<Block>,
}

impl Contents {
    /// Decodes an input of at most [`MAX_INPUT_BYTES`](crate::limits::MAX_INPUT_BYTES).
    ///
    /// # Errors
    ///
    /// [`KeyError::Empty`], [`KeyError::TooLarge`], [`KeyError::NotAKey`] or [`KeyError::Damaged`] if nothing
    /// can be recognized, and [`KeyError::NotRsa`] for an SSH key of another algorithm.
    pub fn read(input: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let (encoding, blocks) = text::read(input.as_ref())?;
        Ok(Self { encoding, blocks })
    }

    /// Returns the encoding of the input.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns true if nothing but a passphrase is missing to read the private key.
    pub fn needs_passphrase(&self) -> bool {
        self.found().is_ok_and(|found| found.needs_passphrase())
    }

    /// Returns the public key; see [`PublicKey::parse`].
    ///
    /// # Errors
    ///
    /// [`KeyError`] names the reason, and [`KeyError::remedy`] the fix.
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        self.found()?.public_key()
    }

    /// Returns the private key; see [`PrivateKey::parse`].
    ///
    /// # Errors
    ///
    /// [`KeyError`] names the reason, and [`KeyError::remedy`] the fix.
    pub fn private(&self, passphrase: Option<&Passphrase>) -> Result<PrivateKey, KeyError> {
        self.found()?.private_key(passphrase)
    }

    /// Returns the public key, or the public half of the private key; see [`PublicKey::parse_or_derive`].
    ///
    /// # Errors
    ///
    /// The errors of [`public`](Self::public) and [`private`](Self::private).
    pub fn public_half(&self, passphrase: Option<&Passphrase>) -> Result<PublicKey, KeyError> {
        self.found()?.public_half(passphrase)
    }

    /// Returns true if there is a private key, encrypted or not, that this crate can parse.
    pub(crate) fn has_private_key(&self) -> bool {
        self.found().is_ok_and(|found| found.has_private_key())
    }

    /// Describes the contents; see [`inspect`](crate::inspect()).
    ///
    /// # Errors
    ///
    /// The errors of [`inspect`](crate::inspect()).
    pub fn inspect(&self) -> Result<Inspection, KeyError> {
        inspect::describe(self.encoding, &self.blocks)
    }

    fn found(&self) -> Result<Found<'_>, KeyError> {
        Found::sort(&self.blocks)
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contents([secret])")
    }
}
