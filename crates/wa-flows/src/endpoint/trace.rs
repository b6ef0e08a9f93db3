//! The W3C trace context of a request, passed on as it was received.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// Largest `tracestate` that is passed on; every vendor must accept that many characters.
const STATE_LIMIT: usize = 512;

/// The trace context that a client sent (W3C Trace Context, `traceparent` and `tracestate`).
///
/// WhatsApp sends none, but a load balancer or a service mesh in front of the endpoint may. The endpoint logs
/// the trace id; a handler that calls another service passes the [`headers`](TraceContext::headers) on, so
/// that the call belongs to the trace. The signature of a request does not cover its headers: the trace id is
/// whatever the last hop sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: HeaderValue,
    trace_id: String,
    state: Option<HeaderValue>,
}

impl TraceContext {
    /// Returns the trace context in the headers of a request; `None` if there is none, or if it is invalid.
    /// An invalid `tracestate` alone is dropped.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let parent = values.next().filter(|_| values.next().is_none())?;
        // A value in a map shares the memory of the whole head.
        Some(Self {
            trace_id: trace_id(parent.as_bytes())?.to_owned(),
            parent: HeaderValue::from_bytes(parent.as_bytes()).ok()?,
            state: state(headers),
        })
    }

    /// Returns the id of the trace: 32 lowercase hex digits.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// Returns the headers that continue the trace in a request to another service.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let state = self.state.iter().map(|state| (TRACESTATE, state.clone()));
        std::iter::once((TRACEPARENT, self.parent.clone())).chain(state)
    }
}

/// Returns the trace id of a valid `traceparent`: version, trace id, parent id and flags in lowercase hex
/// digits, separated by `-`. Later versions may add to the end.
fn trace_id(parent: &[u8]) -> Option<&str> {
    let text = str::from_utf8(parent).ok()?;
    let rest = text.get(LENGTH..)?;
    let mut fields = text.get(..LENGTH)?.split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let is_whole = match version {
        "00" => rest.is_empty(),
        "ff" => false,
        _ => (rest.is_empty() || rest.starts_with('-')) && text.len() <= STATE_LIMIT,
    };
    let is_id = |id: &str, length| id.len() == length && is_hex(id) && id.bytes().any(|byte| byte != b'0');
    let is_short = |field: &str| field.len() == 2 && is_hex(field);
    (is_whole && is_short(version) && is_id(trace, 32) && is_id(span, 16) && is_short(flags)).then_some(trace)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the `tracestate`, joined if there are several.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let values = headers.get_all(TRACESTATE).iter();
    let parts: Vec<&str> = values.map(HeaderValue::to_str).collect::<Result<_, _>>().ok()?;
    let joined = parts.join(",");
    let joined = Some(joined).filter(|joined| (1..=STATE_LIMIT).contains(&joined.len()))?;
    HeaderValue::try_from(joined).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn context(parents: &[&str], states: &[&str]) -> Option<TraceContext> {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append(TRACEPARENT, parent.parse().unwrap());
        }
        for state in states {
            headers.append(TRACESTATE, state.parse().unwrap());
        }
        TraceContext::from_headers(&headers)
    }

    #[test]
    fn a_valid_trace_context_is_passed_on_unchanged() {
        let context = context(&[PARENT], &["a=1", "b=2"]).unwrap();
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let headers: Vec<_> = context.headers().collect();
        assert_eq!(
            headers,
            [
                (TRACEPARENT, HeaderValue::from_static(PARENT)),
                (TRACESTATE, HeaderValue::from_static("a=1,b=2"))
            ]
        );
        let later = format!("01{}-more", PARENT.get(2..).unwrap());
        assert!(self::context(&[&later], &[]).is_some());
    }

    #[test]
    fn an_invalid_traceparent_is_dropped() {
        let zero = "0".repeat(32);
        for parent in [
            "",
            "00",
            &PARENT.to_uppercase(),
            &PARENT.replace("00-4b", "ff-4b"),
            &PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zero),
            &PARENT.replace("00f067aa0ba902b7", "0000000000000000"),
            &format!("{PARENT}-more"),
            &format!("01{}x", PARENT.get(2..).unwrap()),
            &PARENT.replace('-', "_"),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
        ] {
            assert_eq!(context(&[parent], &[]), None, "{parent}");
        }
        assert_eq!(context(&[PARENT, PARENT], &[]), None);
    }

    #[test]
    fn an_invalid_tracestate_does_not_end_the_trace() {
        let long = "a".repeat(STATE_LIMIT + 1);
        for state in ["", long.as_str()] {
            let context = context(&[PARENT], &[state]).unwrap();
            assert_eq!(context.headers().count(), 1);
        }
    }
}
