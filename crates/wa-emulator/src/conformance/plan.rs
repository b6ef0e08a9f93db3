//! What is sent to an endpoint that answers, in which order, and what has to come back.

use bytes::Bytes;
use http::Method;

use super::catalogue as rule;
use super::check::Check;
use super::envelope::Envelope;
use super::judge::Expected;
use super::prober::{Prober, Request};
use crate::phone::{FlowMessage, PhoneError, WhatsAppClient};
use crate::secret::Secret;

/// 1 MB of data after base64, and the rest of the envelope.
const LARGE: usize = 1_400_000;
/// Four times what an endpoint has to take.
const OVERSIZE: usize = 8 * 1024 * 1024;

/// One request and what has to come back.
pub(super) struct Step {
    pub(super) check: &'static Check,
    pub(super) request: Request,
    pub(super) expected: Expected,
}

/// What is done to an envelope before it is sent.
type Change = fn(Envelope) -> Envelope;
/// What stands in the header for a body.
type Sign<'a> = dyn Fn(&[u8]) -> Option<String> + Send + Sync + 'a;

const fn step(check: &'static Check, request: Request, expected: Expected) -> Step {
    Step {
        check,
        request,
        expected,
    }
}

/// As long as the secret, and never the same.
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

/// The requests that have to be answered, and those that have to be refused.
pub(super) struct Plan {
    pub(super) accepted: Vec<Step>,
    pub(super) refused: Vec<Step>,
}

/// Plans all steps. Each request is sealed individually, as clients do: an endpoint may refuse what it has seen before.
pub(super) async fn of(
    prober: &Prober,
    stranger: &WhatsAppClient,
    probe: &FlowMessage,
) -> Result<Plan, PhoneError> {
    let mut accepted = messages(prober).await?;
    accepted.extend(other_writings(prober, probe).await?);
    let mut refused = undecryptable(prober, stranger, probe).await?;
    refused.extend(badly_signed(prober, probe).await?);
    // Samples crash on BACK more often than on anything else that WhatsApp sends, so little comes after it.
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
            steps.push(step(check, prober.request(&message).await?, Expected::Answer));
        }
    }
    Ok(steps)
}

async fn other_writings(prober: &Prober, probe: &FlowMessage) -> Result<Vec<Step>, PhoneError> {
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
    stranger: &WhatsAppClient,
    probe: &FlowMessage,
) -> Result<Vec<Step>, PhoneError> {
    let foreign = stranger.seal(probe).await?.body().clone();
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
    let by = |secret: &Secret, body: &[u8]| crate::phone::signature_of_body(secret, body);
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
            sealed: None,
        };
        steps.push(step(check, request, Expected::BadSignature));
    }
    Ok(steps)
}

async fn hostile(prober: &Prober, probe: &FlowMessage) -> Result<Vec<Step>, PhoneError> {
    let other_json = Bytes::from_static(br#"{"object":"whatsapp_business_account","entry":[]}"#);
    let no_json = Bytes::from_static(b"this is no JSON \xff");
    let oversize = prober.envelope(probe).await?.padded_to(OVERSIZE);
    let get = Request {
        method: Method::GET,
        body: Bytes::new(),
        signature: None,
        sealed: None,
    };
    Ok(vec![
        step(&rule::OTHER_JSON, prober.signed(other_json), Expected::NoEnvelope),
        step(&rule::NO_JSON, prober.signed(no_json), Expected::NoEnvelope),
        step(&rule::METHOD, get, Expected::NotAllowed),
        step(&rule::OVERSIZE, prober.signed(oversize), Expected::TooLarge),
    ])
}

/// The rule that this one adds something to: where that is broken, this one says nothing new.
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
    fn another_secret_is_as_long_and_never_the_same() {
        for secret in ["0123456789abcdef0123456789abcdef", "feed", "0", "1", "öl"] {
            let another = another(&Secret::new(secret));
            assert_ne!(another.expose_secret(), secret);
            assert_eq!(another.expose_secret().chars().count(), secret.chars().count());
        }
    }
}
