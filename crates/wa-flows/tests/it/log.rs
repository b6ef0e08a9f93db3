//! The log of exchanges: lines, levels and rate limits.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use tracing::Level;
use wa_flows::client::PhoneKey;
use wa_flows::{
    FlowEndpoint, FlowHandler, FlowRequest, FlowResponse, HandlerError, KeyRing, TokenSignatureMode,
};

use crate::support::{
    SECRET, app_secret, builder, call, captured, encrypt, known_key, other_key, post, post_signed,
};

/// Returns what is logged for one request.
fn logged(endpoint: &FlowEndpoint<impl FlowHandler>, request: Request<Full<Bytes>>) -> String {
    logged_all(endpoint, [request])
}

/// Returns what is logged for requests, and in the 11 seconds after them.
fn logged_all(
    endpoint: &FlowEndpoint<impl FlowHandler>,
    requests: impl IntoIterator<Item = Request<Full<Bytes>>>,
) -> String {
    captured(Level::TRACE, async {
        for request in requests {
            call(endpoint, request).await;
        }
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(11)).await;
    })
}

fn init() -> Request<Full<Bytes>> {
    post(encrypt(&json!({"action": "INIT"})).body())
}

#[test]
fn refusals_that_any_client_can_cause_are_logged_at_info() {
    let endpoint = builder().body_limit(1000).build().unwrap();
    let with = |change: fn(&mut Request<Full<Bytes>>)| {
        let mut request = init();
        change(&mut request);
        request
    };
    let get = with(|request| *request.method_mut() = Method::GET);
    let text = with(|request| {
        drop(
            request
                .headers_mut()
                .insert("content-type", "text/x".parse().unwrap()),
        );
    });
    for (refusal, request) in [
        ("method_not_allowed", get),
        ("unsupported_media_type", text),
        ("body_too_large", post(&[b' '; 1001])),
        ("bad_signature", post_signed(b"{}", "sha256=00")),
    ] {
        let log = logged(&endpoint, request);
        assert!(
            log.contains(" INFO ") && log.contains(refusal),
            "{refusal}: {log}"
        );
        assert!(!log.contains(" WARN "), "{refusal}: {log}");
    }
}

#[test]
fn refusals_that_need_attention_are_logged_at_warn() {
    let endpoint = builder()
        .token_signature(TokenSignatureMode::Required)
        .build()
        .unwrap();
    let foreign = PhoneKey::new(other_key(0).public_key()).unwrap();
    for (refusal, request) in [
        ("undecryptable", post(foreign.encrypt(b"{}").unwrap().body())),
        ("bad_token_signature", init()),
        ("no_envelope", post(b"{}")),
    ] {
        let log = logged(&endpoint, request);
        assert!(
            log.contains(" WARN ") && log.contains(refusal),
            "{refusal}: {log}"
        );
    }
}

#[test]
fn a_handlers_failure_is_logged_with_its_causes_and_the_exchanges_id() {
    let handler = |_: FlowRequest| async {
        let cause = std::io::Error::other("connection refused");
        Err::<FlowResponse, HandlerError>(anyhow::Error::from(cause).context("the upstream is down").into())
    };
    let endpoint = FlowEndpoint::builder(KeyRing::new(known_key()).unwrap(), handler)
        .app_secret(app_secret(SECRET))
        .build()
        .unwrap();
    let log = logged(&endpoint, init());
    let line = log
        .lines()
        .find(|line| line.contains("the handler failed"))
        .unwrap();
    assert!(
        line.contains("the upstream is down: connection refused"),
        "{line}"
    );
    assert!(line.contains(" id="), "{line}");
}

/// Returns how often `what` is logged, and how many further lines of `kind` are counted as suppressed.
fn counted(log: &str, what: &str, kind: &str) -> (usize, usize) {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(what)).collect();
    let summaries = log
        .lines()
        .filter(|line| line.contains(&format!("kind=\"{kind}\"")));
    let suppressed = lines.iter().copied().chain(summaries).filter_map(|line| {
        let (_, rest) = line.split_once("suppressed=")?;
        rest.split_whitespace().next()?.parse::<usize>().ok()
    });
    (lines.len(), suppressed.sum())
}

#[test]
fn an_unsigned_flood_is_logged_in_part_and_counted_in_full() {
    const FLOOD: usize = 1000;
    let endpoint = builder().build().unwrap();
    let put = || Request::put("/flow").body(Full::default()).unwrap();
    let text = || Request::post("/flow").header("content-type", "text/plain");
    let requests = (0..FLOOD).flat_map(|_| {
        [
            put(),
            text().body(Full::default()).unwrap(),
            post_signed(b"{}", "sha256=00"),
        ]
    });
    let log = logged_all(&endpoint, requests);
    for refusal in ["method_not_allowed", "unsupported_media_type", "bad_signature"] {
        let (lines, suppressed) = counted(&log, &format!("refusal=\"{refusal}\""), refusal);
        assert!((50..100).contains(&lines), "{refusal}: {lines}");
        assert_eq!(lines + suppressed, FLOOD, "{refusal}");
    }
}

#[test]
fn signed_requests_are_logged_in_full_also_after_a_flood() {
    let endpoint = builder().build().unwrap();
    let flood = (0..500).map(|_| post_signed(b"{}", "sha256=00"));
    let signed = (0..100).flat_map(|_| [init(), post(b"{}")]);
    let log = logged_all(&endpoint, flood.chain(signed));
    assert_eq!(counted(&log, "answered a Flow request", "answered"), (100, 0));
    let refused = counted(&log, "refusal=\"no_envelope\"", "no_envelope");
    assert_eq!(refused, (100, 0));
}

#[test]
fn without_a_signature_check_every_line_is_rate_limited() {
    let failing = |_: FlowRequest| async { Err::<FlowResponse, HandlerError>("down".into()) };
    let endpoint = FlowEndpoint::builder(KeyRing::new(known_key()).unwrap(), failing)
        .danger_skip_signature_check()
        .build()
        .unwrap();
    let ping = || post(encrypt(&json!({"action": "ping"})).body());
    let requests = (0..150).flat_map(|_| [ping(), init(), post(b"{}")]);
    let log = logged_all(&endpoint, requests);
    for (what, kind) in [
        ("answered a Flow request", "answered"),
        ("the handler failed", "handler"),
        ("refusal=\"handler_failed\"", "handler_failed"),
        ("refusal=\"no_envelope\"", "no_envelope"),
    ] {
        let (lines, suppressed) = counted(&log, what, kind);
        assert!((50..100).contains(&lines), "{kind}: {lines}");
        assert_eq!(lines + suppressed, 150, "{kind}");
    }
}

#[test]
fn a_response_that_phones_cannot_show_is_sent_and_logged_at_warn() {
    let bare = |_: FlowRequest| async { Ok(FlowResponse::from_json(br#"{"foo":1}"#.to_vec())?) };
    let endpoint = FlowEndpoint::builder(KeyRing::new(known_key()).unwrap(), bare)
        .app_secret(app_secret(SECRET))
        .build()
        .unwrap();
    let log = logged(&endpoint, init());
    let warning = log.lines().find(|line| line.contains(" WARN ")).unwrap();
    for expected in [
        "phones cannot show the response",
        " id=",
        "`screen` is missing or not a string, and `data` is missing or not an object",
    ] {
        assert!(warning.contains(expected), "{expected}: {warning}");
    }
    assert!(log.contains("answered a Flow request"), "{log}");

    let shown = logged(&builder().build().unwrap(), init());
    assert!(!shown.contains(" WARN "), "{shown}");
    // The responses to these need no screen.
    for payload in [json!({"action": "ping"}), json!({"action": "a new one"})] {
        let log = logged(&endpoint, post(encrypt(&payload).body()));
        assert!(!log.contains(" WARN "), "{log}");
    }
}

#[test]
fn an_error_notification_is_logged_at_warn_with_its_key() {
    let data = json!({"error": "response-decryption-error", "error_message": "s3cr3t"});
    let request = encrypt(&json!({"action": "data_exchange", "data": data}));
    let log = logged(&builder().build().unwrap(), post(request.body()));
    let warning = log.lines().find(|line| line.contains(" WARN ")).unwrap();
    assert!(
        warning.contains("error=\"response-decryption-error\""),
        "{warning}"
    );
    assert!(!log.contains("s3cr3t"), "{log}");
}
