//! `flow_token_signature`: proof that the Flow's token is the one that the business sent (data API 4.0).

use std::borrow::Cow;

use base64_simd::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::message::{Action, FlowRequest};
use crate::object::Object;
use wa_secrets::AppSecret;

use crate::secret::any_verifies;

/// The maximum length of a signature in bytes.
const LONGEST: usize = 8 * 1024;

/// Whether `flow_token_signature` is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TokenSignatureMode {
    /// It is not verified. The default: phones send it only from data API 4.0 on, and `X-Hub-Signature-256`
    /// covers the token already.
    #[default]
    Off,
    /// If a request has a signature, it must be valid.
    WhenPresent,
    /// Every request except a ping must have a valid signature.
    Required,
}

/// The result of the check of a request's `flow_token_signature`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenVerdict {
    /// It was not verified.
    Unchecked,
    /// There is none, and none is required.
    Absent,
    /// It was signed with an app secret, for the token of this request.
    Valid,
}

impl TokenVerdict {
    /// Returns the result as a word: `unchecked`, `absent` or `valid`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Absent => "absent",
            Self::Valid => "valid",
        }
    }
}

/// The `flow_token_signature` of a request is wrong, or missing where it is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the flow_token_signature is missing, is for another token, or is not an HS256 JWT signed with one of the app \
     secrets"
)]
#[non_exhaustive]
pub struct BadTokenSignature;

impl BadTokenSignature {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "compare the app secrets with the secret of the Meta app that is connected to the Flow; require \
             the signature only for Flows with data API 4.0",
        ))
    }
}

/// Verifies the `flow_token_signature` of a request.
///
/// It is a JWT whose algorithm must be HS256, keyed with the app secret, and whose claim `flow_token` must be
/// the token of the request (Meta, *Implementing endpoints for Flows*, "Data exchange request"). No other
/// claim is required.
///
/// # Errors
///
/// Returns [`BadTokenSignature`] if the request does not meet the mode.
pub fn verify_flow_token(
    mode: TokenSignatureMode,
    secrets: &[AppSecret],
    request: &FlowRequest,
) -> Result<TokenVerdict, BadTokenSignature> {
    match (mode, request.flow_token_signature()) {
        (TokenSignatureMode::Off, _) => Ok(TokenVerdict::Unchecked),
        (_, Some(jwt)) => {
            let token = request.flow_token().ok_or(BadTokenSignature)?;
            if is_signed(secrets, jwt, token) {
                Ok(TokenVerdict::Valid)
            } else {
                Err(BadTokenSignature)
            }
        }
        (TokenSignatureMode::Required, None) if request.action() != &Action::Ping => Err(BadTokenSignature),
        (TokenSignatureMode::WhenPresent | TokenSignatureMode::Required, None) => Ok(TokenVerdict::Absent),
    }
}

fn is_signed(secrets: &[AppSecret], jwt: &str, flow_token: &str) -> bool {
    jwt.len() <= LONGEST && signed_claims(secrets, jwt).is_some_and(|claims| claims.flow_token == flow_token)
}

/// Returns the claims of a JWT if its MAC is valid; before that, only the header is interpreted.
fn signed_claims(secrets: &[AppSecret], jwt: &str) -> Option<Claims> {
    let (signed, mac) = jwt.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = decode(header)?;
    if header.alg != "HS256" || header.crit.is_some() {
        return None;
    }
    let mac = URL_SAFE_NO_PAD.decode_to_vec(mac).ok()?;
    any_verifies(secrets, signed.as_bytes(), &mac)
        .then(|| decode(claims))
        .flatten()
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    let Object(part) = serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).ok()?).ok()?;
    Some(part)
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that a verifier must support (RFC 7515 §4.1.11); none is supported.
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    flow_token: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{test_data, text};

    fn request(token: Option<&str>, jwt: Option<&str>) -> FlowRequest {
        let request = json!({"action": "INIT", "flow_token": token, "flow_token_signature": jwt});
        FlowRequest::parse(request.to_string().into_bytes()).unwrap()
    }

    fn secrets(text: &str) -> [AppSecret; 1] {
        [AppSecret::new(text).unwrap()]
    }

    fn jwt(secret: &str, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode_to_string(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mac = crate::secret::mac(&secrets(secret)[0], signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode_to_string(mac))
    }

    #[test]
    fn a_signature_of_another_program_is_valid_for_its_token_and_secret_only() {
        let vectors = test_data("selfgen_hmac.json");
        let vector = &vectors["flow_token_signature"];
        let (token, jwt) = (text(&vector["flow_token"]), text(&vector["jwt"]));
        let check = |secret: &str, token: &str| {
            verify_flow_token(
                TokenSignatureMode::Required,
                &secrets(secret),
                &request(Some(token), Some(jwt)),
            )
        };
        assert_eq!(
            check(text(&vectors["app_secret"]), token),
            Ok(TokenVerdict::Valid)
        );
        assert_eq!(
            check(text(&vectors["app_secret"]), "flow-token-2"),
            Err(BadTokenSignature)
        );
        assert_eq!(check("another", token), Err(BadTokenSignature));
    }

    #[test]
    fn other_algorithms_and_critical_extensions_are_refused() {
        let check = |header: Value| {
            let jwt = jwt("key", &header, &json!({"flow_token": "t"}));
            verify_flow_token(
                TokenSignatureMode::WhenPresent,
                &secrets("key"),
                &request(Some("t"), Some(&jwt)),
            )
        };
        assert_eq!(
            check(json!({"alg": "HS256", "kid": "x"})),
            Ok(TokenVerdict::Valid)
        );
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "hs256"}),
            json!({"alg": "HS512"}),
            json!({"alg": "RS256"}),
            json!({"typ": "JWT"}),
            json!({"alg": "HS256", "crit": ["b64"]}),
            json!(["HS256", null]),
        ] {
            assert_eq!(check(header), Err(BadTokenSignature));
        }
    }

    #[test]
    fn malformed_signatures_are_refused() {
        let good = jwt("key", &json!({"alg": "HS256"}), &json!({"flow_token": "t"}));
        let no_claim = jwt("key", &json!({"alg": "HS256"}), &json!({"token": "t"}));
        let array = jwt("key", &json!({"alg": "HS256"}), &json!(["t"]));
        let unsigned = good.rsplit_once('.').unwrap().0;
        let cases = [
            "",
            ".",
            "..",
            "a.b.c",
            unsigned,
            &format!("{unsigned}."),
            &format!("{good}="),
            &format!("{good}.x"),
            &no_claim,
            &array,
            &"a".repeat(10_000),
        ];
        for jwt in cases {
            let request = request(Some("t"), Some(jwt));
            let verdict = verify_flow_token(TokenSignatureMode::WhenPresent, &secrets("key"), &request);
            assert_eq!(verdict, Err(BadTokenSignature), "{jwt}");
        }
        let without_token = request(None, Some(&good));
        assert_eq!(
            verify_flow_token(TokenSignatureMode::WhenPresent, &secrets("key"), &without_token),
            Err(BadTokenSignature)
        );
    }

    #[test]
    fn the_mode_decides_whether_a_signature_may_be_absent() {
        let check = |mode, request: &FlowRequest| verify_flow_token(mode, &secrets("key"), request);
        let unsigned = request(Some("t"), None);
        assert_eq!(
            check(TokenSignatureMode::Off, &request(None, Some("junk"))),
            Ok(TokenVerdict::Unchecked)
        );
        assert_eq!(
            check(TokenSignatureMode::WhenPresent, &unsigned),
            Ok(TokenVerdict::Absent)
        );
        assert_eq!(
            check(TokenSignatureMode::Required, &unsigned),
            Err(BadTokenSignature)
        );
        let ping = FlowRequest::parse(br#"{"action":"ping"}"#.to_vec()).unwrap();
        assert_eq!(
            check(TokenSignatureMode::Required, &ping),
            Ok(TokenVerdict::Absent)
        );
    }
}
