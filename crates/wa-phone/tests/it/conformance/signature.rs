//! The signature check of the test endpoint.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use http::HeaderMap;
use serde_json::{Value, json};

use super::endpoint::{Refused, SECRET};
use super::fault::Fault;

pub(crate) fn check(fault: Fault, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    if fault == Fault::NoSignatureCheck {
        return Ok(());
    }
    let given = headers
        .get("x-hub-signature-256")
        .map(|value| value.to_str().unwrap());
    if fault == Fault::OnlySignedIsChecked && given.is_none() {
        return Ok(());
    }
    let is_401 = matches!(fault, Fault::VerifyTokenIsTheSecret | Fault::VerifyTokenIsUnset);
    let refused = if is_401 { 401 } else { 432 };
    let given = given.ok_or(if fault == Fault::UnsignedIs401 {
        401
    } else {
        refused
    })?;
    if fault == Fault::ShortSignatureIs500 && given.len() < 64 {
        return Err(500);
    }
    let reserialised = || {
        serde_json::from_slice::<Value>(body)
            .map(|value| compact(&value))
            .unwrap_or_default()
    };
    let signed = match fault {
        Fault::SignatureOverReserialisedJson => reserialised(),
        Fault::SignatureOverPythonsJson => String::from_utf8(reserialised())
            .unwrap()
            .replace("\":\"", "\": \"")
            .replace("\",\"", "\", \"")
            .into(),
        Fault::SignatureOverPhpsJson => String::from_utf8(reserialised())
            .unwrap()
            .replace('/', r"\/")
            .into(),
        _ => body.to_vec(),
    };
    let digest = |secret: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        HEXLOWER.encode(hmac::sign(&key, &signed).as_ref())
    };
    let valid = match fault {
        Fault::AnyPrefixIsAccepted => given
            .split_once('=')
            .is_some_and(|(_, given)| given == digest(SECRET)),
        Fault::EmptySecretIsAccepted => {
            given == format!("sha256={}", digest("")) || given == format!("sha256={}", digest(SECRET))
        }
        Fault::VerifyTokenIsTheSecret => given == format!("sha256={}", digest("my verify token")),
        Fault::VerifyTokenIsUnset => given == format!("sha256={}", digest("")),
        Fault::OnlySignedIsChecked => given == format!("sha256={}", digest("of another app")),
        _ => given == format!("sha256={}", digest(SECRET)),
    };
    if valid { Ok(()) } else { Err(refused) }
}

/// Serialises the members as a typed endpoint does: the known ones in a fixed order, then the others.
fn compact(value: &Value) -> Vec<u8> {
    let Value::Object(members) = value else {
        return Vec::new();
    };
    let known = ["encrypted_flow_data", "encrypted_aes_key", "initial_vector"];
    let rest = members
        .keys()
        .map(String::as_str)
        .filter(|name| !known.contains(name));
    let mut parts = Vec::new();
    for name in known.into_iter().chain(rest) {
        if let Some(value) = members.get(name) {
            parts.push(format!("{}:{value}", json!(name)));
        }
    }
    format!("{{{}}}", parts.join(",")).into_bytes()
}
