//! `X-Hub-Signature-256`: proof that a request comes from Meta.

use std::borrow::Cow;
use std::fmt::Write as _;

use wa_secrets::AppSecret;

use crate::secret::{any_verifies, mac};

/// The header that carries the signature.
pub const SIGNATURE_HEADER: http::HeaderName = http::HeaderName::from_static("x-hub-signature-256");

const PREFIX: &[u8] = b"sha256=";

/// The signature of a request is missing, malformed or computed with another secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("X-Hub-Signature-256 is missing, or was not computed with one of the app secrets")]
#[non_exhaustive]
pub struct BadSignature;

impl BadSignature {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "compare the app secrets with the secret of the Meta app that is connected to the Flow, and \
             check that no proxy rewrites bodies",
        ))
    }
}

/// Verifies `X-Hub-Signature-256` over the raw bytes of the body, in constant time.
///
/// The header is `sha256=` and the HMAC-SHA-256 of the body in hex (Meta, *Implementing endpoints for Flows*,
/// "Request signature validation"). It is valid if it was computed with any of the secrets: during a
/// change of the secret, pass the old and the new one.
///
/// # Errors
///
/// Returns [`BadSignature`] if the header is missing, malformed or wrong; it does not reveal which.
pub fn verify_signature(
    secrets: &[AppSecret],
    header: Option<&[u8]>,
    body: &[u8],
) -> Result<(), BadSignature> {
    verified_mac(secrets, header, body).map(drop)
}

/// Verifies the signature of a body, and returns its HMAC.
pub(crate) fn verified_mac(
    secrets: &[AppSecret],
    header: Option<&[u8]>,
    body: &[u8],
) -> Result<[u8; 32], BadSignature> {
    let mac = header.and_then(parse_header).ok_or(BadSignature)?;
    if any_verifies(secrets, body, &mac) {
        Ok(mac)
    } else {
        Err(BadSignature)
    }
}

/// Signs a body as Meta does; returns the value of `X-Hub-Signature-256`.
pub(crate) fn sign(secret: &AppSecret, body: &[u8]) -> String {
    let mut header = String::with_capacity(PREFIX.len() + 64);
    header.push_str("sha256=");
    for byte in mac(secret, body).as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}

fn parse_header(header: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = header.strip_prefix(PREFIX)?.try_into().ok()?;
    let mut mac = [0; 32];
    for (byte, pair) in mac.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Some(mac)
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{test_data, text};

    fn secret(text: &str) -> AppSecret {
        AppSecret::new(text).unwrap()
    }

    fn vectors() -> Vec<(AppSecret, String, String)> {
        let theirs = test_data("pywa_x_hub_signature.json");
        let own = test_data("selfgen_hmac.json");
        let field = |value: &serde_json::Value| text(value).to_owned();
        vec![
            (
                secret(text(&theirs["app_secret"])),
                field(&theirs["request_body_utf8"]),
                field(&theirs["x_hub_signature_256"]),
            ),
            (
                secret(text(&own["app_secret"])),
                field(&own["x_hub_signature_256"]["body_utf8"]),
                field(&own["x_hub_signature_256"]["header"]),
            ),
        ]
    }

    #[test]
    fn known_signatures_are_verified_and_created() {
        for (secret, body, header) in vectors() {
            assert_eq!(sign(&secret, body.as_bytes()), header);
            assert_eq!(
                verify_signature(&[secret], Some(header.as_bytes()), body.as_bytes()),
                Ok(())
            );
        }
    }

    #[test]
    fn the_signature_covers_the_raw_bytes() {
        let (secret, body, header) = vectors().remove(1);
        let reserialised = body.replace("\":\"", "\": \"");
        assert_eq!(
            verify_signature(&[secret], Some(header.as_bytes()), reserialised.as_bytes()),
            Err(BadSignature)
        );
    }

    #[test]
    fn old_and_new_secrets_are_both_accepted_during_a_change() {
        let both = [secret("new"), secret("old")];
        for signer in ["new", "old"] {
            let header = sign(&secret(signer), b"body");
            assert_eq!(verify_signature(&both, Some(header.as_bytes()), b"body"), Ok(()));
        }
        let header = sign(&secret("other"), b"body");
        assert_eq!(
            verify_signature(&both, Some(header.as_bytes()), b"body"),
            Err(BadSignature)
        );
        assert_eq!(
            verify_signature(&[], Some(header.as_bytes()), b"body"),
            Err(BadSignature)
        );
    }

    #[test]
    fn missing_short_and_malformed_headers_are_bad_signatures() {
        let key = [secret("key")];
        let good = sign(&key[0], b"body");
        let digits = good.strip_prefix("sha256=").unwrap();
        assert_eq!(verify_signature(&key, None, b"body"), Err(BadSignature));
        let bad = [
            String::new(),
            "sha256".to_owned(),
            "sha256=".to_owned(),
            "sha256=ab".to_owned(),
            good[..70].to_owned(),
            format!("{good}0"),
            format!("{good} "),
            digits.to_owned(),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256=+{}", &digits[1..]),
            format!("sha256={}é", &digits[2..]),
        ];
        for header in bad {
            assert_eq!(
                verify_signature(&key, Some(header.as_bytes()), b"body"),
                Err(BadSignature),
                "{header}"
            );
        }
    }
}
