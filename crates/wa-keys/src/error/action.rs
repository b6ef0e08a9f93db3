//! What can be done about a refusal, for programs that show it as a command.

use crate::ForeignForm;

/// The kind of action that helps against a refusal or a weakness.
///
/// This crate does not know the names of files, nor the program that it is part of, so it never words a command. A
/// program that shows one must write to a new file: the file that is advised upon may be the only copy of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Generate a new key pair.
    Generate,
    /// Read the private key and write it as encrypted PKCS#8
    /// ([`PrivateKey::encrypted_pkcs8_pem`](crate::PrivateKey::encrypted_pkcs8_pem)).
    Convert,
    /// Read the key and write its public half as SPKI PEM ([`PublicKey::to_pem`](crate::PublicKey::to_pem)).
    WritePublicKey,
    /// Encrypt the private key again with OpenSSL: this crate does not read its protection.
    Reencrypt {
        /// True if OpenSSL 3 needs its legacy provider for it.
        legacy: bool,
    },
    /// Take the public key out of a certificate request with OpenSSL.
    ExtractRequestKey,
    /// Export the key with the program that the form belongs to.
    Export(ForeignForm),
}

/// A sentence of advice, and the action that it speaks of.
///
/// `Display` gives the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// Returns the sentence, without a command.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the action, if a command can do it.
    pub fn action(&self) -> Option<Action> {
        self.action
    }
}

impl std::fmt::Display for Advice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether OpenSSL 3 reads a protection that this crate does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenSslSupport {
    /// It does.
    Default,
    /// It does with `-provider legacy -provider default`.
    Legacy,
    /// It does not, or it is not known.
    None,
}
