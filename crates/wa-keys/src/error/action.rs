//! Remedies in a form that a program can turn into a command.

use crate::ForeignForm;

/// The kind of command that fixes a refused or weakly protected key.
///
/// This crate knows neither file names nor the program that it is part of, so it never returns a command
/// itself. A program that shows one must write to a new file: the file in question may be the only copy of a
/// key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Generate a new key pair.
    Generate,
    /// Read the private key and write it as encrypted PKCS#8
    /// ([`PrivateKey::encrypted_pkcs8_pem`](crate::PrivateKey::encrypted_pkcs8_pem)).
    Convert,
    /// Read the key and write its public half as SPKI PEM ([`PublicKey::to_pem`](crate::PublicKey::to_pem)).
    WritePublicKey,
    /// Re-encrypt the private key with OpenSSL, because this crate does not support its encryption or its
    /// cost.
    Reencrypt {
        /// Whether OpenSSL 3 needs its legacy provider for that.
        legacy: bool,
    },
    /// Extract the public key from a certificate request with OpenSSL.
    ExtractRequestKey,
    /// Export the key with the program to which the form belongs.
    Export(ForeignForm),
}

/// A suggestion by [`Inspection::advice`](crate::Inspection::advice), and the action that carries it out.
///
/// For a refused key the text is the [`remedy`](crate::KeyError::remedy) of the error. `Display` writes the
/// text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    text: std::borrow::Cow<'static, str>,
    action: Option<Action>,
}

impl Advice {
    pub(crate) fn new(text: impl Into<std::borrow::Cow<'static, str>>, action: Option<Action>) -> Self {
        Self {
            text: text.into(),
            action,
        }
    }

    /// Returns the suggestion in one sentence, without a command.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the action, if a command can carry it out.
    pub fn action(&self) -> Option<Action> {
        self.action
    }
}

impl std::fmt::Display for Advice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether OpenSSL 3 supports an encryption that this crate does not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenSslSupport {
    /// It supports it.
    Default,
    /// It supports it with `-provider legacy -provider default`.
    Legacy,
    /// It does not support it, or this crate does not know.
    None,
}
