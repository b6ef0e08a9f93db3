//! What an endpoint that refuses every signed request accepts instead.

use http::Method;

use super::catalogue as rule;
use super::check::Check;
use super::judge;
use super::prober::{Answer, Prober, Request};
use crate::phone::{FlowMessage, PhoneError, signature_of_body};
use crate::secret::Secret;

/// Sends a ping without a signature and one signed with an empty key; returns the rules that are broken by what was
/// accepted, and what was seen.
///
/// The signature comes before all else, so a status that only a decrypted or decryptable request gets, and that the good
/// signature did not get, proves that the bad one was accepted.
pub(super) async fn instead(
    prober: &Prober,
    refused: &Answer,
) -> Result<Vec<(&'static Check, String)>, PhoneError> {
    let good = judge::describe(refused);
    let mut found = Vec::new();
    for (check, signs) in [(&rule::UNSIGNED, false), (&rule::EMPTY_SECRET, true)] {
        let body = prober.envelope(&FlowMessage::ping()).await?.body();
        let signature = signs.then(|| signature_of_body(&Secret::new(""), &body));
        let request = Request {
            method: Method::POST,
            body,
            signature,
            sealed: None,
        };
        let answer = prober.send(&request).await;
        let bad = judge::describe(&answer);
        if bad == good || !is_past_signature(&answer) {
            continue;
        }
        let seen = if signs {
            format!(
                "accepts a signature made with an empty key ({bad}) and refuses that of the app secret ({good}): \
                 its app secret is not set, so anyone can sign"
            )
        } else {
            format!(
                "accepts an unsigned request ({bad}) and refuses a signed one ({good}): anyone can send requests"
            )
        };
        found.push((check, seen));
    }
    Ok(found)
}

fn is_past_signature(answer: &Answer) -> bool {
    answer
        .as_ref()
        .is_ok_and(|delivery| matches!(delivery.status, 200 | 421 | 427))
}

/// What to do about an endpoint that answered the signed, the unsigned and the empty-key request with this kind of status.
pub(super) fn remedy_of_none(status: u16) -> Option<&'static str> {
    match status {
        401 | 403 => Some(
            "the endpoint refuses every signature, that of this app secret, of an empty key, and none at all: compare its secret with this app secret; the webhook's verify token and the secret of another app are common mistakes; if its log does not show the requests, a firewall or a login refuses them first: let POST through to this path",
        ),
        432 => Some(
            "the endpoint refuses every signature, that of this app secret, of an empty key, and none at all: compare its secret with this app secret; the webhook's verify token and the secret of another app are common mistakes; compute the HMAC over the raw body",
        ),
        _ => None,
    }
}
