//! HMAC-SHA-256 with an app secret, which signs requests and flow tokens.

use aws_lc_rs::hmac;
use wa_secrets::AppSecret;

fn key(secret: &AppSecret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

/// Computes the MAC of a message.
pub(crate) fn mac(secret: &AppSecret, message: &[u8]) -> hmac::Tag {
    hmac::sign(&key(secret), message)
}

/// Returns whether any of the secrets made the MAC. All are tried, so that the time does not reveal which
/// did.
pub(crate) fn any_verifies(secrets: &[AppSecret], message: &[u8], mac: &[u8]) -> bool {
    secrets.iter().fold(false, |found, secret| {
        hmac::verify(&key(secret), message, mac).is_ok() | found
    })
}
