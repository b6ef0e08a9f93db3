//! Signatures with the app secret: of request bodies and of Flow tokens.

use aws_lc_rs::hmac;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::json;

use crate::secret::Secret;

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

/// Returns the value of `X-Hub-Signature-256` over the raw bytes of a body.
pub(crate) fn of_body(secret: &Secret, body: &[u8]) -> String {
    format!(
        "sha256={}",
        HEXLOWER.encode(hmac::sign(&key(secret), body).as_ref())
    )
}

/// Returns `flow_token_signature`: an HS256 JWT whose payload has the token (Meta, data API 4.0).
pub(crate) fn of_flow_token(secret: &Secret, flow_token: &str) -> String {
    let header = BASE64URL_NOPAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = BASE64URL_NOPAD.encode(json!({"flow_token": flow_token}).to_string().as_bytes());
    let signed = format!("{header}.{payload}");
    let tag = hmac::sign(&key(secret), signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn values() -> (Secret, Value) {
        let values: Value = serde_json::from_str(include_str!("../tests/data/hmac.json")).unwrap();
        (Secret::new(values["app_secret"].as_str().unwrap()), values)
    }

    #[test]
    fn a_body_gets_the_same_signature_as_by_openssl_and_pywa() {
        let (secret, values) = values();
        let hub = &values["x_hub_signature_256"];
        assert_eq!(
            of_body(&secret, hub["body_utf8"].as_str().unwrap().as_bytes()),
            hub["header"]
        );
        let pywa: Value =
            serde_json::from_str(include_str!("../tests/data/pywa_x_hub_signature.json")).unwrap();
        let secret = Secret::new(pywa["app_secret"].as_str().unwrap());
        assert_eq!(
            of_body(&secret, pywa["request_body_utf8"].as_str().unwrap().as_bytes()),
            pywa["x_hub_signature_256"]
        );
    }

    #[test]
    fn a_flow_token_gets_the_same_signature_as_by_python() {
        let (secret, values) = values();
        let jwt = &values["flow_token_signature"];
        assert_eq!(
            of_flow_token(&secret, jwt["flow_token"].as_str().unwrap()),
            jwt["jwt"]
        );
    }
}
