//! `appsecret_proof`: an HMAC that proves that the caller knows the app secret.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use wa_secrets::{AccessToken, AppSecret};

/// The form of `appsecret_proof` that is sent if an app secret is set (Meta, *Secure Graph API calls*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AppSecretProof {
    /// HMAC-SHA-256 of the token, valid as long as the token. The default.
    #[default]
    Classic,
    /// HMAC-SHA-256 of the token and the time, sent with `appsecret_time`. Valid for five minutes, so the
    /// clock must be correct.
    Timed,
}

/// Returns the parameters of the proof.
pub(crate) fn parameters(
    form: AppSecretProof,
    secret: &AppSecret,
    token: &AccessToken,
    now: SystemTime,
) -> Vec<(&'static str, String)> {
    match form {
        AppSecretProof::Classic => vec![("appsecret_proof", hmac_hex(secret, &[token.expose_secret()]))],
        AppSecretProof::Timed => {
            let seconds = now
                .duration_since(UNIX_EPOCH)
                .unwrap_or(Duration::ZERO)
                .as_secs()
                .to_string();
            let proof = hmac_hex(secret, &[token.expose_secret(), "|", &seconds]);
            vec![("appsecret_proof", proof), ("appsecret_time", seconds)]
        }
    }
}

fn hmac_hex(secret: &AppSecret, message: &[&str]) -> String {
    // HMAC accepts keys of any length, so this cannot fail; Graph would refuse an empty proof.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return String::new();
    };
    for part in message {
        mac.update(part.as_bytes());
    }
    data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from `printf %s MESSAGE | openssl dgst -sha256 -hmac SECRET`.
    #[test]
    fn proofs_equal_those_of_openssl() {
        let secret = AppSecret::new("0123456789abcdef0123456789abcdef").unwrap();
        let token = AccessToken::new("EAAexample").unwrap();
        let now = UNIX_EPOCH + Duration::from_millis(1_700_000_000_999);
        assert_eq!(
            parameters(AppSecretProof::Classic, &secret, &token, now),
            [(
                "appsecret_proof",
                "b6477546513a63750100ee52e6d2863ce3fdaab88098fd26cd3aa6abd893dab3".to_owned()
            )]
        );
        assert_eq!(
            parameters(AppSecretProof::Timed, &secret, &token, now),
            [
                (
                    "appsecret_proof",
                    "363c30a03b34a602e114e6d88e88c04e169110017adf1ac2a61332eb396fbf7d".to_owned()
                ),
                ("appsecret_time", "1700000000".to_owned())
            ]
        );
    }
}
