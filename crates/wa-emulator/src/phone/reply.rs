//! Reads what an endpoint answered (Meta, *Implementing endpoints for Flows*, *Error codes*).

use data_encoding::BASE64;
use serde_json::Value;

use super::cipher::SessionKey;
use super::message::Expectation;
use super::outcome::{Outcome, ReplyFault};
use super::payload::Payload;
use super::transport::Delivery;

/// Bytes of the GCM tag.
const TAG: usize = 16;

pub(super) fn read(session: &SessionKey, expectation: Expectation, delivery: &Delivery) -> Outcome {
    match delivery.status {
        200 => match open(session, expectation, delivery) {
            Ok(payload) => Outcome::Answered(payload),
            Err(fault) => Outcome::Unreadable(fault),
        },
        421 => Outcome::KeyRefused,
        427 => flow_token_invalid(session, &delivery.body),
        432 => Outcome::SignatureRefused,
        other => Outcome::UnexpectedStatus(other),
    }
}

fn open(session: &SessionKey, expectation: Expectation, delivery: &Delivery) -> Result<Payload, ReplyFault> {
    let content_type = delivery.content_type.as_deref().unwrap_or("text/plain");
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match delivery.body.first() {
        Some(b'"') => return Err(ReplyFault::Quoted),
        Some(b'{') => return Err(ReplyFault::NotEncrypted),
        _ if essence != "text/plain" => {
            return Err(ReplyFault::ContentType {
                found: content_type.to_owned(),
            });
        }
        _ => {}
    }
    let ciphertext = BASE64.decode(&delivery.body).map_err(|_| ReplyFault::NotBase64)?;
    if ciphertext.len() < TAG {
        return Err(ReplyFault::TooShort);
    }
    let Some(plaintext) = session.decrypt_reply(&ciphertext) else {
        let unflipped = session.opens_unflipped(&ciphertext);
        return Err(if unflipped {
            ReplyFault::UnflippedVector
        } else {
            ReplyFault::NotDecrypted
        });
    };
    let value: Value = serde_json::from_slice(&plaintext).map_err(|_| ReplyFault::NotJson)?;
    if !value.is_object() {
        return Err(ReplyFault::NotJson);
    }
    check(expectation, Payload::new(value))
}

fn check(expectation: Expectation, payload: Payload) -> Result<Payload, ReplyFault> {
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
        Err(ReplyFault::Schema { wanted, payload })
    }
}

/// The text that is shown: from an encrypted body, or else from plain JSON, where Meta's sources disagree.
fn flow_token_invalid(session: &SessionKey, body: &[u8]) -> Outcome {
    let decrypted = BASE64
        .decode(body)
        .ok()
        .and_then(|ciphertext| session.decrypt_reply(&ciphertext));
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

    use proptest::prelude::*;

    use super::*;

    fn delivery(status: u16, content_type: Option<&str>, body: Vec<u8>) -> Delivery {
        Delivery {
            status,
            content_type: content_type.map(str::to_owned),
            body: body.into(),
            duration: Duration::ZERO,
            connection: None,
        }
    }

    proptest! {
        #[test]
        fn no_answer_at_all_makes_a_payload_of_noise(status in 200_u16..600, body in prop::collection::vec(any::<u8>(), 0..200), encode in any::<bool>()) {
            let session = SessionKey::generate().unwrap();
            let body = if encode { BASE64.encode(&body).into_bytes() } else { body };
            let outcome = read(&session, Expectation::Anything, &delivery(status, None, body));
            prop_assert!(outcome.payload().is_none());
        }
    }
}
