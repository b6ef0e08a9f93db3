//! What an answer says about a rule. Pure: an answer in, a verdict and what was seen out.

use super::catalogue as rule;
use super::check::Check;
use super::known::{Known, proves};
use super::prober::Answer;
use super::report::Verdict;
use crate::phone::{Delivery, DeliveryFailure, Outcome, Payload, ReplyFault, Sealed, remedy_of_status};

/// The longest piece of a header that is shown.
const SHOWN: usize = 40;

/// A verdict before it is written down.
pub(super) type Judgement = (Verdict, String);

/// What has to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// The response that the message asks for.
    Answer,
    /// The response that the message asks for; a 4xx is tolerable, for not every Flow has this action.
    Handled,
    /// The same answer as to a message written the usual way.
    Accepted,
    /// 421 and nothing else.
    Undecryptable,
    /// 421; another 4xx is tolerable, for no client sends such a thing.
    Malformed,
    /// 432 and nothing else.
    BadSignature,
    /// Any 4xx.
    NoEnvelope,
    /// 413, or the connection cut.
    TooLarge,
    /// 405.
    NotAllowed,
}

/// What an answer is, in words: the status and shape, never what is in it.
pub(super) fn describe(answer: &Answer) -> String {
    match answer {
        Ok(delivery) => format!("status {}", delivery.status),
        Err(DeliveryFailure::TimedOut { limit }) => format!("no answer within {} ms", limit.as_millis()),
        Err(DeliveryFailure::TooLarge { limit }) => format!("an answer of more than {limit} bytes"),
        Err(other) => other.to_string(),
    }
}

/// Judges the answer to something that has to be refused.
pub(super) fn refusal(expected: Expected, answer: &Answer) -> Judgement {
    let seen = describe(answer);
    let status = answer.as_ref().ok().map(|delivery| delivery.status);
    let cut = matches!(answer, Err(DeliveryFailure::Closed { .. }));
    let (verdict, remark) = match (expected, status) {
        (Expected::NoEnvelope, Some(421)) => (
            Verdict::Advice,
            ": clients would fetch the key for nothing, 400 says it better",
        ),
        (Expected::Undecryptable | Expected::Malformed, Some(421))
        | (Expected::NoEnvelope, Some(400..500))
        | (Expected::BadSignature, Some(432))
        | (Expected::TooLarge, Some(413))
        | (Expected::NotAllowed, Some(405)) => (Verdict::Pass, ""),
        (Expected::TooLarge, None) if cut => (Verdict::Pass, ": cut off"),
        (Expected::Malformed, Some(400..500)) => (Verdict::Advice, " instead of 421"),
        (Expected::TooLarge, Some(200..500)) => (Verdict::Advice, ": all of it was read"),
        (Expected::Undecryptable | Expected::Malformed, Some(200)) => {
            (Verdict::Fail, ": it was answered as if it were good")
        }
        (Expected::BadSignature, Some(200)) => (Verdict::Fail, ": it was answered as if it were signed well"),
        (Expected::Undecryptable | Expected::Malformed, Some(_)) => (Verdict::Fail, " instead of 421"),
        (Expected::BadSignature, Some(_)) => (Verdict::Fail, " instead of 432"),
        (Expected::NotAllowed, Some(_)) => (Verdict::Fail, " instead of 405"),
        _ => (Verdict::Fail, ""),
    };
    (verdict, format!("{seen}{remark}"))
}

/// Judges the answer to something that has to be answered. What is known was told once and is not told here again.
pub(super) fn reply(expected: Expected, sealed: &Sealed, answer: &Answer, known: &Known) -> Judgement {
    let delivery = match answer {
        Ok(delivery) if delivery.status == 200 => delivery,
        Ok(delivery) if delivery.status == 427 && expected != Expected::Accepted => {
            return if sealed.has_flow_token() {
                token_refused(sealed, delivery)
            } else {
                let seen = "status 427 instead of 200: a ping carries no Flow token that could be refused";
                (Verdict::Fail, seen.to_owned())
            };
        }
        Ok(delivery) if expected == Expected::Handled && (400..500).contains(&delivery.status) => {
            return (
                Verdict::Advice,
                format!("status {} instead of 200", delivery.status),
            );
        }
        other => return (Verdict::Fail, format!("{} instead of 200", describe(other))),
    };
    let (spelling, meant) = sealed.meant(&delivery.body);
    if let Some(spelling) = spelling.filter(|spelling| !known.explains(*spelling)) {
        return (Verdict::Fail, format!("status 200, but {spelling}"));
    }
    match (meant, known.fault.as_ref()) {
        (Ok(payload), _) => (Verdict::Pass, format!("status 200, {}", shape(&payload))),
        (Err(fault), Some(known))
            if alike(&fault, known) && expected == Expected::Accepted && proves(&fault) =>
        {
            (Verdict::Pass, "status 200".to_owned())
        }
        (Err(fault), Some(known)) if alike(&fault, known) && form(known) != Form::Content => (
            Verdict::Skipped,
            "status 200, but replies of this endpoint cannot be read: see reply.*".to_owned(),
        ),
        (Err(fault), _) => (Verdict::Fail, format!("status 200, but {}", explain(&fault))),
    }
}

/// 427 is a right answer of an endpoint that does not know the token.
fn token_refused(sealed: &Sealed, delivery: &Delivery) -> Judgement {
    let encrypted = matches!(
        sealed.read(delivery),
        Outcome::FlowTokenInvalid { encrypted: true, .. }
    );
    let form = match (encrypted, delivery.body.is_empty()) {
        (true, _) => "encrypted body",
        (false, true) => "no body",
        (false, false) => "plain body: the web client expects it encrypted",
    };
    (
        Verdict::Skipped,
        format!("status 427, {form}: name a Flow token that the endpoint knows"),
    )
}

fn alike(one: &ReplyFault, other: &ReplyFault) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// A fault in words, without what came.
pub(super) fn explain(fault: &ReplyFault) -> String {
    match fault {
        ReplyFault::Schema { wanted, payload } => {
            format!("its content is no {wanted}: {}", shape(payload))
        }
        other => other.to_string(),
    }
}

/// The shape of a payload: which members it has, of what kind; no content.
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
        serde_json::Value::String(_) => "a text",
        serde_json::Value::Array(_) => "an array",
        serde_json::Value::Object(_) => "an object",
    }
}

/// What a delivery that arrived says about its transport.
pub(super) fn transport(is_https: bool, has_own_roots: bool) -> Judgement {
    let (verdict, seen) = match (is_https, has_own_roots) {
        (true, false) => (Verdict::Pass, "https, and the certificate holds"),
        (true, true) => (
            Verdict::Skipped,
            "https, but more authorities than the system's are trusted here",
        ),
        (false, _) => (
            Verdict::Skipped,
            "plain http, as in a test; Meta calls https only",
        ),
    };
    (verdict, seen.to_owned())
}

/// What a content type says about a reply.
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

/// The rule, with what to do about this answer in particular where that is known.
pub(super) fn with_remedy(check: &Check, sealed: &Sealed, answer: &Answer) -> Check {
    let delivery = answer.as_ref().ok();
    let general =
        delivery.and_then(|delivery| remedy_of_status(delivery.status, delivery.exchange_id.is_some()));
    let has_own = [rule::INIT.id, rule::BACK.id].contains(&check.id);
    let remedy = match delivery.map(|delivery| delivery.status) {
        Some(427) if !sealed.has_flow_token() => {
            Some("answer action ping before looking for flow_token: a ping has none")
        }
        Some(_) if !sealed.has_flow_token() => general,
        Some(432) => Some(
            "pings are accepted: if the endpoint demands flow_token_signature, have it sent (wa flow check --sign-flow-token)",
        ),
        // Their own remedies say more: it may be that the Flow never sends them.
        Some(500..) if !has_own => general,
        _ => None,
    };
    Check {
        remedy: remedy.unwrap_or(check.remedy),
        ..*check
    }
}

/// Which of the two rules about the form of a reply a fault breaks; neither where its content is the matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Encoding,
    Encryption,
    Content,
}

pub(super) fn form(fault: &ReplyFault) -> Form {
    match fault {
        ReplyFault::Spelling(_) | ReplyFault::NotBase64 => Form::Encoding,
        ReplyFault::NotEncrypted
        | ReplyFault::TooShort
        | ReplyFault::UnflippedVector
        | ReplyFault::NotDecrypted => Form::Encryption,
        ReplyFault::NotJson | ReplyFault::Schema { .. } => Form::Content,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn delivery(status: u16) -> Delivery {
        Delivery {
            status,
            content_type: None,
            body: bytes::Bytes::new(),
            duration: Duration::ZERO,
            exchange_id: None,
            connection: None,
        }
    }

    fn cut() -> Answer {
        Err(DeliveryFailure::Closed { source: "cut".into() })
    }

    fn late() -> Answer {
        Err(DeliveryFailure::TimedOut {
            limit: Duration::from_secs(10),
        })
    }

    #[test]
    fn every_refusal_is_judged_by_its_status() {
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
                    refusal(expected, &Ok(delivery(code))).0,
                    verdict,
                    "{expected:?} {code}"
                );
            }
            let when_cut = if expected == Expected::TooLarge {
                Pass
            } else {
                Fail
            };
            assert_eq!(refusal(expected, &cut()).0, when_cut, "{expected:?}");
            assert_eq!(refusal(expected, &late()).0, Fail, "{expected:?}");
        }
    }

    #[test]
    fn only_the_systems_authorities_are_proof_of_a_good_certificate() {
        assert_eq!(transport(true, false).0, Verdict::Pass);
        assert_eq!(transport(true, true).0, Verdict::Skipped);
        assert_eq!(transport(false, false).0, Verdict::Skipped);
    }

    #[test]
    fn only_text_plain_is_a_good_content_type() {
        assert_eq!(content_type(Some("Text/Plain; charset=utf-8")).0, Verdict::Pass);
        assert_eq!(
            content_type(Some("application/json")),
            (Verdict::Advice, "application/json".to_owned())
        );
        assert_eq!(content_type(None).0, Verdict::Advice);
        assert_eq!(content_type(Some(&"x".repeat(500))).1.len(), SHOWN);
    }
}
