//! Reads the response of an endpoint (Meta, *Implementing endpoints for Flows*, *Error codes*).

use serde_json::Value;

use crate::cipher::SessionKey;
use crate::message::Expectation;
use crate::outcome::{Outcome, ResponseFault};
use crate::payload::Payload;
use crate::spelling::{self, Spelling};
use crate::transport::HttpResponse;

/// Bytes of the GCM tag.
const TAG: usize = 16;

pub(crate) fn read(session: &SessionKey, expectation: Expectation, response: &HttpResponse) -> Outcome {
    match response.status {
        200 => match decode(session, expectation, &response.body) {
            (None | Some(Spelling::LineEnd), Ok(payload)) => Outcome::Response(payload),
            (None | Some(Spelling::LineEnd), Err(fault)) => Outcome::Unreadable(fault),
            (Some(other), _) => Outcome::Unreadable(ResponseFault::Spelling(other)),
        },
        421 => Outcome::KeyRefused,
        427 => flow_token_invalid(session, &response.body),
        432 => Outcome::SignatureRefused,
        other => Outcome::UnexpectedStatus(other),
    }
}

/// Reads the body of a 200 response, even if its base64 is not in the required form; returns the deviation
/// and the content.
///
/// The Content-Type is ignored: Meta's own sample for Node returns `text/html`, and phones accept it.
pub(crate) fn decode(
    session: &SessionKey,
    expectation: Expectation,
    body: &[u8],
) -> (Option<Spelling>, Result<Payload, ResponseFault>) {
    match spelling::read(body) {
        Ok((spelling, ciphertext)) => (spelling, open(session, expectation, &ciphertext)),
        Err(fault) => (None, Err(fault)),
    }
}

fn open(session: &SessionKey, expectation: Expectation, ciphertext: &[u8]) -> Result<Payload, ResponseFault> {
    if ciphertext.len() < TAG {
        return Err(ResponseFault::TooShort);
    }
    let Some(plaintext) = session.decrypt_response(ciphertext) else {
        let unflipped = session.opens_unflipped(ciphertext);
        return Err(if unflipped {
            ResponseFault::UnflippedVector
        } else {
            ResponseFault::NotDecrypted
        });
    };
    let value: Value = serde_json::from_slice(&plaintext).map_err(|_| ResponseFault::NotJson)?;
    if !value.is_object() {
        return Err(ResponseFault::NotJson);
    }
    check(expectation, Payload::new(value))
}

fn check(expectation: Expectation, payload: Payload) -> Result<Payload, ResponseFault> {
    let (met, wanted) = match expectation {
        Expectation::Active => (payload.is_active(), r#"{"data": {"status": "active"}}"#),
        Expectation::Acknowledgement => (
            payload.is_acknowledgement(),
            r#"{"data": {"acknowledged": true}}"#,
        ),
        Expectation::Screen => (
            payload.screen().is_some() && payload.data().is_some_and(Value::is_object),
            r#"{"screen": a name, "data": an object}"#,
        ),
        Expectation::Anything => (true, ""),
    };
    if met {
        Ok(payload)
    } else {
        Err(ResponseFault::Schema { wanted, payload })
    }
}

/// Reads the text that the phone shows: from an encrypted body, or else from plain JSON, because Meta's
/// sources disagree.
fn flow_token_invalid(session: &SessionKey, body: &[u8]) -> Outcome {
    let decrypted = spelling::read(body)
        .ok()
        .and_then(|(_, ciphertext)| session.decrypt_response(&ciphertext));
    let text = decrypted.as_ref().map_or(body, |plaintext| plaintext.as_slice());
    let value: Option<Value> = serde_json::from_slice(text).ok();
    let message = value
        .as_ref()
        .and_then(|value| value.get("error_msg"))
        .and_then(Value::as_str);
    Outcome::FlowTokenInvalid {
        message: message.map(str::to_owned),
        encrypted: decrypted.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use data_encoding::BASE64;
    use proptest::prelude::*;

    use super::*;

    fn response(status: u16, content_type: Option<&str>, body: Vec<u8>) -> HttpResponse {
        HttpResponse {
            status,
            content_type: content_type.map(str::to_owned),
            body: body.into(),
            duration: Duration::ZERO,
            exchange_id: None,
            connection: None,
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_become_a_payload(
            status in 200_u16..600,
            body in prop::collection::vec(any::<u8>(), 0..200),
            encode in any::<bool>(),
        ) {
            let session = SessionKey::generate().unwrap();
            let body = if encode { BASE64.encode(&body).into_bytes() } else { body };
            let outcome = read(&session, Expectation::Anything, &response(status, None, body));
            prop_assert!(outcome.payload().is_none());
        }
    }
}
