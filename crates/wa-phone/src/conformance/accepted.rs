//! Finds out which incorrect signatures an endpoint accepts that refuses every correctly signed request.

use http::Method;

use super::catalogue as rule;
use super::check::Check;
use super::judge;
use super::prober::{Prober, Request, SendResult};
use crate::secret::Secret;
use crate::{FlowMessage, PhoneError, signature};

/// Sends a ping without a signature and one signed with an empty key. Returns the rule that each accepted
/// request breaks, with a description.
///
/// An endpoint verifies the signature first. A status that it returns only after that, and that the correctly
/// signed request did not get, therefore proves that the incorrect signature was accepted.
pub(super) async fn instead(
    prober: &Prober,
    refused: &SendResult,
) -> Result<Vec<(&'static Check, String)>, PhoneError> {
    let correct = judge::describe(refused);
    let mut found = Vec::new();
    for (check, signs) in [(&rule::UNSIGNED, false), (&rule::EMPTY_SECRET, true)] {
        let body = prober.envelope(&FlowMessage::ping()).await?.body();
        let signature = signs.then(|| signature::of_body(&Secret::new(""), &body));
        let request = Request {
            method: Method::POST,
            body,
            signature,
            encrypted: None,
        };
        let result = prober.send(&request).await;
        let incorrect = judge::describe(&result);
        if incorrect == correct || !is_past_signature(&result) {
            continue;
        }
        let seen = if signs {
            format!(
                "accepts a signature computed with an empty key ({incorrect}) and refuses that of the app \
                secret ({correct}): its app secret is not set, so anyone can sign requests"
            )
        } else {
            format!(
                "accepts an unsigned request ({incorrect}) and refuses a signed one ({correct}): \
                anyone can send requests"
            )
        };
        found.push((check, seen));
    }
    Ok(found)
}

fn is_past_signature(result: &SendResult) -> bool {
    result
        .as_ref()
        .is_ok_and(|response| matches!(response.status, 200 | 421 | 427))
}

/// Returns the remedy for an endpoint that returned this status for the signed, the unsigned and the
/// empty-key request.
pub(super) fn remedy_of_none(status: u16) -> Option<&'static str> {
    match status {
        401 | 403 => Some(
            "the endpoint refuses requests signed with this app secret, signed with an empty key, and \
             unsigned: compare its secret with this app secret; the webhook's verify token and the secret \
             of another app are common mistakes; if its log does not show the requests, a firewall or a \
             login refuses them first: allow POST to this path",
        ),
        432 => Some(
            "the endpoint refuses requests signed with this app secret, signed with an empty key, and \
             unsigned: compare its secret with this app secret; the webhook's verify token and the secret \
             of another app are common mistakes; compute the HMAC over the raw body",
        ),
        _ => None,
    }
}
