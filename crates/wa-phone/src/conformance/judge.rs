//! Judges a response by a rule. Pure functions: a response in, a verdict and its description out.

use super::catalogue as rule;
use super::check::Check;
use super::known::{KnownFaults, proves};
use super::prober::SendResult;
use super::report::Verdict;
use crate::{EncryptedRequest, HttpResponse, Outcome, Payload, ResponseFault, SendError, remedy};

/// The most characters of a header that are shown.
const SHOWN: usize = 40;

/// A verdict and its description, before it becomes a finding.
pub(super) type Judgement = (Verdict, String);

/// The response that a request must get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// The response to this kind of message.
    Response,
    /// The response to this kind of message; a 4xx is tolerated, because not every Flow has this action.
    Handled,
    /// The same response as to the message written in the usual way.
    Accepted,
    /// 421 only.
    Undecryptable,
    /// 421; another 4xx is tolerated, because no client sends such a request.
    Malformed,
    /// 432 only.
    BadSignature,
    /// Any 4xx.
    NoEnvelope,
    /// 413, or a closed connection.
    TooLarge,
    /// 405.
    NotAllowed,
}

/// Describes a result: the status and shape, never the content.
pub(super) fn describe(result: &SendResult) -> String {
    match result {
        Ok(response) => format!("status {}", response.status),
        Err(SendError::TimedOut { limit }) => format!("no response within {} ms", limit.as_millis()),
        Err(SendError::TooLarge { limit }) => format!("a response of more than {limit} bytes"),
        Err(other) => other.to_string(),
    }
}

/// Judges the response to a request that must be refused.
pub(super) fn refusal(expected: Expected, result: &SendResult) -> Judgement {
    let seen = describe(result);
    let status = result.as_ref().ok().map(|response| response.status);
    let closed = matches!(result, Err(SendError::Closed { .. }));
    let (verdict, remark) = match (expected, status) {
        (Expected::NoEnvelope, Some(421)) => (
            Verdict::Advice,
            ": clients fetch the key again on 421; return 400",
        ),
        (Expected::Undecryptable | Expected::Malformed, Some(421))
        | (Expected::NoEnvelope, Some(400..500))
        | (Expected::BadSignature, Some(432))
        | (Expected::TooLarge, Some(413))
        | (Expected::NotAllowed, Some(405)) => (Verdict::Pass, ""),
        (Expected::TooLarge, None) if closed => (Verdict::Pass, ""),
        (Expected::Malformed, Some(400..500)) => (Verdict::Advice, " instead of 421"),
        (Expected::TooLarge, Some(200..500)) => (Verdict::Advice, ": the whole body was read"),
        (Expected::Undecryptable | Expected::Malformed, Some(200)) => {
            (Verdict::Fail, ": the endpoint accepted an invalid request")
        }
        (Expected::BadSignature, Some(200)) => {
            (Verdict::Fail, ": the endpoint accepted an invalid signature")
        }
        (Expected::Undecryptable | Expected::Malformed, Some(_)) => (Verdict::Fail, " instead of 421"),
        (Expected::BadSignature, Some(_)) => (Verdict::Fail, " instead of 432"),
        (Expected::NotAllowed, Some(_)) => (Verdict::Fail, " instead of 405"),
        _ => (Verdict::Fail, ""),
    };
    (verdict, format!("{seen}{remark}"))
}

/// Judges the response to a valid request. Faults that are already known are not reported again.
pub(super) fn response(
    expected: Expected,
    encrypted: &EncryptedRequest,
    result: &SendResult,
    known: &KnownFaults,
) -> Judgement {
    let response = match result {
        Ok(response) if response.status == 200 => response,
        Ok(response) if response.status == 427 && expected != Expected::Accepted => {
            return if encrypted.has_flow_token() {
                token_refused(encrypted, response)
            } else {
                let seen = "status 427 instead of 200: a ping carries no Flow token that could be invalid";
                (Verdict::Fail, seen.to_owned())
            };
        }
        Ok(response) if expected == Expected::Handled && (400..500).contains(&response.status) => {
            return (
                Verdict::Advice,
                format!("status {} instead of 200", response.status),
            );
        }
        other => return (Verdict::Fail, format!("{} instead of 200", describe(other))),
    };
    let (spelling, content) = encrypted.decode(&response.body);
    if let Some(spelling) = spelling.filter(|spelling| !known.explains(*spelling)) {
        return (Verdict::Fail, format!("status 200, but {spelling}"));
    }
    match (content, known.fault.as_ref()) {
        (Ok(payload), _) => (Verdict::Pass, format!("status 200, {}", shape(&payload))),
        (Err(fault), Some(known))
            if same_kind(&fault, known) && expected == Expected::Accepted && proves(&fault) =>
        {
            (Verdict::Pass, "status 200".to_owned())
        }
        (Err(fault), Some(known)) if same_kind(&fault, known) && fault_kind(known) != FaultKind::Content => (
            Verdict::Skipped,
            "status 200, but responses of this endpoint cannot be read: see reply.*".to_owned(),
        ),
        (Err(fault), _) => (Verdict::Fail, format!("status 200, but {}", explain(&fault))),
    }
}

/// 427 is a correct response of an endpoint that does not accept the token.
fn token_refused(encrypted: &EncryptedRequest, response: &HttpResponse) -> Judgement {
    let encrypted = matches!(
        encrypted.read(response),
        Outcome::FlowTokenInvalid { encrypted: true, .. }
    );
    let form = match (encrypted, response.body.is_empty()) {
        (true, _) => "encrypted body",
        (false, true) => "no body",
        (false, false) => "plain body: the web client expects it encrypted",
    };
    (
        Verdict::Skipped,
        format!("status 427, {form}: use a Flow token that the endpoint accepts"),
    )
}

fn same_kind(one: &ResponseFault, other: &ResponseFault) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// Describes a fault without the content of the response.
pub(super) fn explain(fault: &ResponseFault) -> String {
    match fault {
        ResponseFault::Schema { wanted, payload } => {
            format!("its content is not {wanted}: {}", shape(payload))
        }
        other => other.to_string(),
    }
}

/// Describes the shape of a payload: the type of `screen` and `data`, no content.
fn shape(payload: &Payload) -> String {
    let kind = |name: &str| payload.expose().get(name).map(kind_of);
    let parts = [("screen", kind("screen")), ("data", kind("data"))];
    let parts: Vec<String> = parts
        .iter()
        .map(|(name, kind)| kind.map_or_else(|| format!("no {name}"), |kind| format!("{name}: {kind}")))
        .collect();
    parts.join(", ")
}

fn kind_of(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "an array",
        serde_json::Value::Object(_) => "an object",
    }
}

/// Judges the transport of a response that arrived.
pub(super) fn transport(is_https: bool, has_own_roots: bool) -> Judgement {
    let (verdict, seen) = match (is_https, has_own_roots) {
        (true, false) => (Verdict::Pass, "https, and the certificate is trusted"),
        (true, true) => (
            Verdict::Skipped,
            "https, but additional certificate authorities are trusted in this check",
        ),
        (false, _) => (Verdict::Skipped, "plain http, as in a test; Meta requires https"),
    };
    (verdict, seen.to_owned())
}

/// Judges the `Content-Type` of a response.
pub(super) fn content_type(found: Option<&str>) -> Judgement {
    let Some(found) = found else {
        return (Verdict::Advice, "no Content-Type".to_owned());
    };
    let essence = found.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("text/plain") {
        return (Verdict::Pass, "text/plain".to_owned());
    }
    (
        Verdict::Advice,
        essence
            .chars()
            .filter(|character| !character.is_control())
            .take(SHOWN)
            .collect(),
    )
}

/// Returns the rule with the remedy for this response, if a specific one is known.
pub(super) fn with_remedy(check: &Check, encrypted: &EncryptedRequest, result: &SendResult) -> Check {
    let response = result.as_ref().ok();
    let general =
        response.and_then(|response| remedy::of_status(response.status, response.exchange_id.is_some()));
    let has_own = [rule::INIT.id, rule::BACK.id].contains(&check.id);
    let remedy = match response.map(|response| response.status) {
        Some(427) if !encrypted.has_flow_token() => {
            Some("respond to action ping before checking flow_token: a ping has none")
        }
        Some(_) if !encrypted.has_flow_token() => general,
        Some(432) => Some(
            "pings are accepted: if the endpoint requires flow_token_signature, send it (wa flow check \
             --sign-flow-token)",
        ),
        // The remedies of these rules say more: the Flow may never send such a request.
        Some(500..) if !has_own => general,
        _ => None,
    };
    Check {
        remedy: remedy.unwrap_or(check.remedy),
        ..*check
    }
}

/// The rule that a fault in a response breaks: about its encoding, its encryption, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    Encoding,
    Encryption,
    Content,
}

pub(super) fn fault_kind(fault: &ResponseFault) -> FaultKind {
    match fault {
        ResponseFault::Spelling(_) | ResponseFault::NotBase64 => FaultKind::Encoding,
        ResponseFault::NotEncrypted
        | ResponseFault::TooShort
        | ResponseFault::UnflippedVector
        | ResponseFault::NotDecrypted => FaultKind::Encryption,
        ResponseFault::NotJson | ResponseFault::Schema { .. } => FaultKind::Content,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn response(status: u16) -> HttpResponse {
        HttpResponse {
            status,
            content_type: None,
            body: bytes::Bytes::new(),
            duration: Duration::ZERO,
            exchange_id: None,
            connection: None,
        }
    }

    fn closed() -> SendResult {
        Err(SendError::Closed { source: "cut".into() })
    }

    fn late() -> SendResult {
        Err(SendError::TimedOut {
            limit: Duration::from_secs(10),
        })
    }

    #[test]
    fn a_refusal_is_judged_by_its_status() {
        use Verdict::{Advice, Fail, Pass};
        let table = [
            (
                Expected::Undecryptable,
                [(421, Pass), (200, Fail), (400, Fail), (432, Fail), (500, Fail)],
            ),
            (
                Expected::Malformed,
                [
                    (421, Pass),
                    (200, Fail),
                    (400, Advice),
                    (432, Advice),
                    (500, Fail),
                ],
            ),
            (
                Expected::BadSignature,
                [(432, Pass), (200, Fail), (401, Fail), (421, Fail), (500, Fail)],
            ),
            (
                Expected::NoEnvelope,
                [(400, Pass), (200, Fail), (421, Advice), (422, Pass), (500, Fail)],
            ),
            (
                Expected::TooLarge,
                [
                    (413, Pass),
                    (200, Advice),
                    (421, Advice),
                    (400, Advice),
                    (500, Fail),
                ],
            ),
            (
                Expected::NotAllowed,
                [(405, Pass), (200, Fail), (404, Fail), (421, Fail), (500, Fail)],
            ),
        ];
        for (expected, cases) in table {
            for (code, verdict) in cases {
                assert_eq!(
                    refusal(expected, &Ok(response(code))).0,
                    verdict,
                    "{expected:?} {code}"
                );
            }
            let when_closed = if expected == Expected::TooLarge {
                Pass
            } else {
                Fail
            };
            assert_eq!(refusal(expected, &closed()).0, when_closed, "{expected:?}");
            assert_eq!(refusal(expected, &late()).0, Fail, "{expected:?}");
        }
    }

    #[test]
    fn only_the_systems_authorities_prove_a_certificate() {
        assert_eq!(transport(true, false).0, Verdict::Pass);
        assert_eq!(transport(true, true).0, Verdict::Skipped);
        assert_eq!(transport(false, false).0, Verdict::Skipped);
    }

    #[test]
    fn only_text_plain_is_a_correct_content_type() {
        assert_eq!(content_type(Some("Text/Plain; charset=utf-8")).0, Verdict::Pass);
        assert_eq!(
            content_type(Some("application/json")),
            (Verdict::Advice, "application/json".to_owned())
        );
        assert_eq!(content_type(None).0, Verdict::Advice);
        assert_eq!(content_type(Some(&"x".repeat(500))).1.len(), SHOWN);
    }
}
