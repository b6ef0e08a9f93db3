//! The app secret, which keys the signatures.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// The secret of the Meta app that is connected to the Flow (App Dashboard, "App settings", "Basic").
///
/// It is never printed, and zeroized when it is dropped.
///
/// ```
/// use wa_flows::AppSecret;
///
/// let secret = AppSecret::new("0123456789abcdef0123456789abcdef")?;
/// assert_eq!(format!("{secret:?}"), "AppSecret(..)");
/// # Ok::<(), wa_flows::AppSecretError>(())
/// ```
pub struct AppSecret {
    text: Zeroizing<String>,
    key: hmac::Key,
}

/// A text that cannot be an app secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppSecretError {
    /// It is empty, as an unset environment variable is: a signature under an empty key is anybody's.
    #[error("the app secret is empty: copy it from the App Dashboard, \"App settings\", \"Basic\"")]
    Empty,
    /// It holds blanks, control characters or non-ASCII, which no app secret does.
    #[error(
        "the app secret holds characters that no app secret has (blanks, line ends, non-ASCII): copy it again"
    )]
    Malformed,
}

impl AppSecret {
    /// Takes the secret as the App Dashboard shows it.
    ///
    /// # Errors
    /// [`AppSecretError`] if it is empty or holds anything but visible ASCII.
    pub fn new(secret: impl Into<String>) -> Result<Self, AppSecretError> {
        let text = Zeroizing::new(secret.into());
        if text.is_empty() {
            return Err(AppSecretError::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AppSecretError::Malformed);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        Ok(Self { text, key })
    }

    /// The secret itself.
    pub fn expose_secret(&self) -> &str {
        &self.text
    }

    /// HMAC-SHA-256 of a message.
    pub(crate) fn mac(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, message)
    }

    /// Compares a message's MAC with one that was received, in constant time.
    pub(crate) fn verifies(&self, message: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.key, message, mac).is_ok()
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(..)")
    }
}

/// True if any of the secrets made the MAC; all are tried, so that the time does not tell which did.
pub(crate) fn any_verifies(secrets: &[AppSecret], message: &[u8], mac: &[u8]) -> bool {
    secrets
        .iter()
        .fold(false, |found, secret| secret.verifies(message, mac) | found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_mangled_texts_are_no_secrets() {
        assert_eq!(AppSecret::new("").unwrap_err(), AppSecretError::Empty);
        for text in [" ", "abc\n", "a b", "gehëim", "\u{feff}abc"] {
            assert_eq!(AppSecret::new(text).unwrap_err(), AppSecretError::Malformed);
        }
    }
}
