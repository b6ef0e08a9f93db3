//! The requests that are sent to an endpoint that responds, their order, and the response that each must get.

use bytes::Bytes;
use http::Method;

use super::catalogue as rule;
use super::check::Check;
use super::envelope::Envelope;
use super::judge::Expected;
use super::prober::{Prober, Request};
use crate::secret::Secret;
use crate::{FlowMessage, PhoneError, WhatsAppClient};

/// 1 MB of data as base64, and the rest of the envelope.
const LARGE: usize = 1_400_000;
/// Four times the size that an endpoint must accept.
const OVERSIZE: usize = 8 * 1024 * 1024;

/// One request and the response that it must get.
pub(super) struct Step {
    pub(super) check: &'static Check,
    pub(super) request: Request,
    pub(super) expected: Expected,
}

/// A modification of an envelope before it is sent.
type Change = fn(Envelope) -> Envelope;
/// Computes the signature header for a body.
type Sign<'a> = dyn Fn(&[u8]) -> Option<String> + Send + Sync + 'a;

const fn step(check: &'static Check, request: Request, expected: Expected) -> Step {
    Step {
        check,
        request,
        expected,
    }
}

/// Returns a different secret of the same length.
fn another(secret: &Secret) -> Secret {
    let secret = secret.expose_secret();
    let first = if secret.starts_with('0') { '1' } else { '0' };
    Secret::new(
        [first]
            .into_iter()
            .chain(secret.chars().skip(1))
            .collect::<String>(),
    )
}

/// The requests that must be accepted, and those that must be refused.
pub(super) struct Plan {
    pub(super) accepted: Vec<Step>,
    pub(super) refused: Vec<Step>,
}

/// Plans all steps. Each request is encrypted individually, as clients do: an endpoint may refuse a replay.
pub(super) async fn of(
    prober: &Prober,
    foreign_client: &WhatsAppClient,
    probe: &FlowMessage,
) -> Result<Plan, PhoneError> {
    let mut accepted = messages(prober).await?;
    accepted.extend(rewritten(prober, probe).await?);
    let mut refused = undecryptable(prober, foreign_client, probe).await?;
    refused.extend(badly_signed(prober, probe).await?);
    // Sample endpoints crash on BACK more often than on any other request of WhatsApp's, so few steps follow
    // it.
    if let Some(back) = prober.message.back() {
        refused.push(step(&rule::BACK, prober.request(&back).await?, Expected::Handled));
    }
    refused.extend(hostile(prober, probe).await?);
    Ok(Plan { accepted, refused })
}

async fn messages(prober: &Prober) -> Result<Vec<Step>, PhoneError> {
    let messages = &prober.message;
    let all = [
        (&rule::INIT, messages.init()),
        (&rule::DATA_EXCHANGE, messages.data_exchange()),
        (&rule::NOTIFICATION, Some(messages.notification())),
        (&rule::NOTIFICATION_KEY, Some(messages.notification_by_key())),
        (&rule::NOTIFICATION_INIT, messages.notification_by_init()),
    ];
    let mut steps = Vec::new();
    for (check, message) in all {
        if let Some(message) = message {
            steps.push(step(check, prober.request(&message).await?, Expected::Response));
        }
    }
    Ok(steps)
}

async fn rewritten(prober: &Prober, probe: &FlowMessage) -> Result<Vec<Step>, PhoneError> {
    let rearranged = prober.rewritten(probe, |envelope| Some(envelope.rearranged()));
    let unknown = prober.rewritten(probe, |envelope| Some(envelope.with_unknown_members()));
    let escaped = prober.rewritten(probe, Envelope::with_escaped_slashes);
    let large = prober.rewritten(probe, |envelope| Some(envelope.padded_to(LARGE)));
    Ok(vec![
        step(&rule::RAW_BYTES, rearranged.await?, Expected::Accepted),
        step(&rule::UNKNOWN_MEMBERS, unknown.await?, Expected::Accepted),
        step(&rule::ESCAPED_SLASHES, escaped.await?, Expected::Accepted),
        step(&rule::LARGE, large.await?, Expected::Accepted),
    ])
}

async fn undecryptable(
    prober: &Prober,
    foreign_client: &WhatsAppClient,
    probe: &FlowMessage,
) -> Result<Vec<Step>, PhoneError> {
    let foreign = foreign_client.encrypt(probe).await?.body().clone();
    let mut steps = vec![step(
        &rule::FOREIGN_KEY,
        prober.signed(foreign),
        Expected::Undecryptable,
    )];
    let changed: [(&'static Check, Expected, Change); 6] = [
        (
            &rule::TAMPERED_TAG,
            Expected::Undecryptable,
            Envelope::with_changed_tag,
        ),
        (&rule::SHORT_DATA, Expected::Malformed, Envelope::with_short_data),
        (&rule::EMPTY_MEMBERS, Expected::Malformed, |_| Envelope::empty()),
        (&rule::BAD_BASE64, Expected::Malformed, Envelope::with_bad_base64),
        (&rule::KEY_LENGTH, Expected::Malformed, Envelope::with_short_key),
        (
            &rule::VECTOR_LENGTH,
            Expected::Malformed,
            Envelope::with_short_vector,
        ),
    ];
    for (check, expected, change) in changed {
        let body = change(prober.envelope(probe).await?).body();
        steps.push(step(check, prober.signed(body), expected));
    }
    Ok(steps)
}

async fn badly_signed(prober: &Prober, probe: &FlowMessage) -> Result<Vec<Step>, PhoneError> {
    let by = |secret: &Secret, body: &[u8]| crate::signature::of_body(secret, body);
    let another = another(&prober.secret);
    let signatures: [(&'static Check, &Sign<'_>); 5] = [
        (&rule::UNSIGNED, &|_| None),
        (&rule::SHORT_SIGNATURE, &|body| {
            Some(prober.sign(body).chars().take(17).collect())
        }),
        (&rule::WRONG_SIGNATURE, &|body| Some(by(&another, body))),
        (&rule::EMPTY_SECRET, &|body| Some(by(&Secret::new(""), body))),
        (&rule::OTHER_PREFIX, &|body| {
            Some(prober.sign(body).replace("sha256=", "sha1="))
        }),
    ];
    let mut steps = Vec::new();
    for (check, sign) in signatures {
        let body = prober.envelope(probe).await?.body();
        let request = Request {
            method: Method::POST,
            signature: sign(&body),
            body,
            encrypted: None,
        };
        steps.push(step(check, request, Expected::BadSignature));
    }
    Ok(steps)
}

async fn hostile(prober: &Prober, probe: &FlowMessage) -> Result<Vec<Step>, PhoneError> {
    let other_json = Bytes::from_static(br#"{"object":"whatsapp_business_account","entry":[]}"#);
    let no_json = Bytes::from_static(b"this is not JSON \xff");
    let oversize = prober.envelope(probe).await?.padded_to(OVERSIZE);
    let get = Request {
        method: Method::GET,
        body: Bytes::new(),
        signature: None,
        encrypted: None,
    };
    Ok(vec![
        step(&rule::OTHER_JSON, prober.signed(other_json), Expected::NoEnvelope),
        step(&rule::NO_JSON, prober.signed(no_json), Expected::NoEnvelope),
        step(&rule::METHOD, get, Expected::NotAllowed),
        step(&rule::OVERSIZE, prober.signed(oversize), Expected::TooLarge),
    ])
}

/// Returns the rule that this one refines. If that rule is broken, this one is skipped.
pub(super) fn after(check: &Check) -> Option<&'static Check> {
    [
        (&rule::NOTIFICATION_KEY, &rule::NOTIFICATION),
        (&rule::NOTIFICATION_INIT, &rule::NOTIFICATION),
        (&rule::OTHER_PREFIX, &rule::WRONG_SIGNATURE),
    ]
    .into_iter()
    .find_map(|(later, before)| (later.id == check.id).then_some(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_secret_has_the_same_length_and_differs() {
        for secret in ["0123456789abcdef0123456789abcdef", "feed", "0", "1", "öl"] {
            let another = another(&Secret::new(secret));
            assert_ne!(another.expose_secret(), secret);
            assert_eq!(another.expose_secret().chars().count(), secret.chars().count());
        }
    }
}
