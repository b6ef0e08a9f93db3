//! What the log tells of exchanges, and how loudly.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/fixtures.rs"]
mod support;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use support::{SECRET, app_secret, builder, call, encrypt, known_key, other_key, post, post_signed};
use wa_flows::client::PhoneKey;
use wa_flows::{
    FlowEndpoint, FlowHandler, FlowRequest, FlowResponse, HandlerError, KeyRing, TokenSignatureMode,
};

/// What is logged of one request.
fn logged(endpoint: &FlowEndpoint<impl FlowHandler>, request: Request<Full<Bytes>>) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(file.reopen().unwrap())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(call(endpoint, request));
    });
    std::fs::read_to_string(&file).unwrap()
}

fn init() -> Request<Full<Bytes>> {
    post(encrypt(&json!({"action": "INIT"})).body())
}

#[test]
fn what_any_stranger_can_cause_is_logged_at_info() {
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
fn what_wants_somebody_to_look_is_logged_at_warn() {
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
