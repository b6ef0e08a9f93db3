//! The endpoint as a service: its responses to valid and invalid requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower_service::Service;
use wa_flows::client::{PhoneKey, sign};
use wa_flows::{
    EndpointConfigError, ErrorNotification, Exchange, FlowEndpoint, FlowHandler, FlowRequest, FlowResponse,
    HandlerError, Refusal, TokenSignatureMode, TokenVerdict,
};

use crate::support::{
    self, Pieces, app_secret, builder, call, echo, encrypt, exchange, init, known_key, other_key, post,
    post_signed, ring, secret,
};

#[tokio::test]
async fn init_back_and_data_exchange_reach_the_handler() {
    let endpoint = builder().build().unwrap();
    for (action, screen) in [
        ("INIT", Value::Null),
        ("BACK", json!("B")),
        ("data_exchange", json!("C")),
    ] {
        let request = json!({"version": "3.0", "action": action, "screen": screen, "data": {"n": [1]}});
        let (status, response) = exchange(&endpoint, request).await;
        let data = json!({"action": action, "from": screen, "data": {"n": [1]}});
        assert_eq!((status, response), (200, json!({"screen": "ECHO", "data": data})));
    }
}

#[tokio::test]
async fn a_ping_is_answered_active_without_the_handler() {
    let handler = |_: FlowRequest| async { panic!("a ping is not for the handler") };
    let endpoint = FlowEndpoint::builder(ring(), handler)
        .app_secret(secret())
        .build()
        .unwrap();
    let (status, response) = exchange(&endpoint, json!({"version": "3.0", "action": "ping"})).await;
    assert_eq!((status, response), (200, json!({"data": {"status": "active"}})));
}

struct Hooks(Mutex<Vec<String>>);

impl FlowHandler for Hooks {
    async fn handle(&self, request: FlowRequest, exchange: Exchange) -> Result<FlowResponse, HandlerError> {
        let tenant = exchange.extensions.get::<&str>().copied();
        Ok(FlowResponse::screen(
            "X",
            json!({"key": exchange.key.to_string(), "token": exchange.token.as_str(), "tenant": tenant,
                "payload": request.expose_payload().len()}),
        ))
    }

    async fn ping(&self, _: FlowRequest, _: Exchange) -> Result<FlowResponse, HandlerError> {
        Err(HandlerError::unavailable("the database sleeps"))
    }

    async fn error_notification(
        &self,
        notification: ErrorNotification,
        _: FlowRequest,
        _: Exchange,
    ) -> Result<FlowResponse, HandlerError> {
        self.0.lock().unwrap().push(notification.key().to_owned());
        Ok(FlowResponse::acknowledged())
    }
}

#[tokio::test]
async fn every_response_carries_the_id_of_its_exchange() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&reports);
    let endpoint = builder()
        .observer(move |report| sink.lock().unwrap().push(report.id.to_string()))
        .build()
        .unwrap();
    for request in [post(encrypt(&init()).body()), post_signed(b"{}", "")] {
        let response = call(&endpoint, request).await;
        assert_eq!(
            Some(&response.headers["x-exchange-id"].to_str().unwrap().to_owned()),
            reports.lock().unwrap().last()
        );
    }
}

#[tokio::test]
async fn ids_of_exchanges_reveal_neither_each_other_nor_their_number() {
    let endpoint = builder().build().unwrap();
    let mut ids = Vec::new();
    for _ in 0..4 {
        let response = call(&endpoint, post_signed(b"{}", "")).await;
        let id = response.headers["x-exchange-id"].to_str().unwrap();
        ids.push(u64::from_str_radix(id, 16).unwrap());
    }
    for pair in ids.windows(2) {
        assert!(pair[0].abs_diff(pair[1]) > 1 << 20, "{ids:x?}");
    }
}

#[tokio::test]
async fn a_handler_gets_pings_notifications_and_the_exchange() {
    let hooks = Hooks(Mutex::default());
    let endpoint = FlowEndpoint::builder(ring(), hooks)
        .app_secret(secret())
        .build()
        .unwrap();
    assert_eq!(exchange(&endpoint, json!({"action": "ping"})).await.0, 503);
    let notification = json!({"action": "INIT", "data": {"error": "timeout_error", "error_message": "m"}});
    assert_eq!(
        exchange(&endpoint, notification).await.1,
        json!({"data": {"acknowledged": true}})
    );

    let request = encrypt(&init());
    let mut http = post(request.body());
    http.extensions_mut().insert("tenant 7");
    let response = call(&endpoint, http).await;
    let response: Value = serde_json::from_slice(&request.open_response(&response.body).unwrap()).unwrap();
    assert_eq!(
        response["data"]["key"],
        known_key().public_key().fingerprint().to_string()
    );
    assert_eq!(response["data"]["token"], "unchecked");
    assert_eq!(response["data"]["tenant"], "tenant 7");
    assert_eq!(response["data"]["payload"], init().to_string().len());
}

#[tokio::test]
async fn an_invalid_token_is_a_427_encrypted_or_plain() {
    let over = |_: FlowRequest| async { Ok(FlowResponse::token_invalid(Some("Over".to_owned()))) };
    let endpoint = FlowEndpoint::builder(ring(), over)
        .app_secret(secret())
        .build()
        .unwrap();
    assert_eq!(
        exchange(&endpoint, init()).await,
        (427, json!({"error_msg": "Over"}))
    );

    let plain = FlowEndpoint::builder(ring(), over)
        .app_secret(secret())
        .plain_token_invalid()
        .build()
        .unwrap();
    let response = call(&plain, post(encrypt(&init()).body())).await;
    assert_eq!(
        (response.status, response.body),
        (427, br#"{"error_msg":"Over"}"#.to_vec())
    );
    assert_eq!(response.headers["content-type"], "application/json");
}

#[tokio::test]
async fn each_fault_has_its_status_and_an_empty_body() {
    let endpoint = builder().body_limit(2000).build().unwrap();
    let body = encrypt(&init()).body().to_vec();
    let signed = |body: &[u8]| post(body);
    let with = |change: fn(&mut Request<http_body_util::Full<Bytes>>)| {
        let mut request = post(&body);
        change(&mut request);
        request
    };
    let other = PhoneKey::new(other_key(0).public_key()).unwrap();
    let cases = [
        (405, with(|request| *request.method_mut() = http::Method::GET)),
        (
            415,
            with(|request| {
                drop(
                    request
                        .headers_mut()
                        .insert("content-type", "text/plain".parse().unwrap()),
                );
            }),
        ),
        (413, signed(&[b' '; 2001])),
        (432, post_signed(&body, "")),
        (
            432,
            with(|request| drop(request.headers_mut().remove("x-hub-signature-256"))),
        ),
        (432, post_signed(&body, &sign(&app_secret("other"), &body))),
        (432, post_signed(b"junk", "sha256=junk")),
        (400, signed(b"")),
        (400, signed(b"{}")),
        (400, signed(b"<xml/>")),
        (
            421,
            signed(br#"{"encrypted_flow_data":"","encrypted_aes_key":"","initial_vector":""}"#),
        ),
        (421, signed(br#"{"encrypted_flow_data":"A"}"#)),
        (421, signed(other.encrypt(b"{}").unwrap().body())),
        (400, signed(support::phone().encrypt(b"[]").unwrap().body())),
        (400, signed(support::phone().encrypt(b"").unwrap().body())),
        (
            400,
            signed(support::phone().encrypt(b"{\"action\":7}").unwrap().body()),
        ),
        (
            400,
            signed(
                support::phone()
                    .encrypt(b"{\"action\":\"INIT\",\"ignored\":\"\xff\"}")
                    .unwrap()
                    .body(),
            ),
        ),
    ];
    for (at, (status, request)) in cases.into_iter().enumerate() {
        let response = call(&endpoint, request).await;
        assert_eq!((response.status, response.body.len()), (status, 0), "case {at}");
        assert!(response.headers.get("content-type").is_none());
        assert_eq!(response.headers.contains_key("allow"), status == 405);
    }
}

#[tokio::test]
async fn a_handler_that_fails_panics_or_returns_no_object_gets_an_empty_error() {
    async fn fail(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
        match request.screen() {
            Some("ERROR") => Err("7"
                .parse::<f64>()
                .map(|_| "x".parse::<u8>().unwrap_err())
                .unwrap()
                .into()),
            Some("PANIC") => panic!("the handler panics"),
            Some("LIST") => Ok(FlowResponse::screen("A", [1, 2])),
            Some("LATE") => Err(HandlerError::timed_out("the backend is slow")),
            _ => Err(HandlerError::unavailable("the backend is down")),
        }
    }
    let endpoint = FlowEndpoint::builder(ring(), fail)
        .app_secret(secret())
        .build()
        .unwrap();
    for (screen, status) in [
        ("ERROR", 500),
        ("PANIC", 500),
        ("LIST", 500),
        ("LATE", 504),
        ("DOWN", 503),
    ] {
        let request = encrypt(&json!({"action": "data_exchange", "screen": screen}));
        let response = call(&endpoint, post(request.body())).await;
        assert_eq!((response.status, response.body.len()), (status, 0), "{screen}");
        assert_eq!(response.headers["x-exchange-id"].len(), 16);
    }
}

#[tokio::test]
async fn a_handler_that_exceeds_the_deadline_is_a_504() {
    let never = |_: FlowRequest| std::future::pending::<Result<FlowResponse, HandlerError>>();
    let deadline = Duration::from_millis(50);
    let endpoint = FlowEndpoint::builder(ring(), never)
        .app_secret(secret())
        .deadline(deadline)
        .build()
        .unwrap();
    assert_eq!(exchange(&endpoint, init()).await.0, 504);
    assert_eq!(endpoint.in_flight(), 0);
}

#[tokio::test]
async fn bodies_that_end_early_stall_or_are_too_large_are_refused() {
    let deadline = Duration::from_millis(50);
    let endpoint = builder().deadline(deadline).body_limit(10).build().unwrap();
    let send = async |count: usize, broken| {
        let pieces = vec![Bytes::from_static(b"{\"a\""); count];
        let request = Request::post("/").body(Pieces { pieces, broken }).unwrap();
        endpoint.clone().call(request).await.unwrap().status().as_u16()
    };
    assert_eq!(send(1, false).await, 408);
    assert_eq!(send(1, true).await, 400);
    assert_eq!(send(3, true).await, 413);
}

#[tokio::test]
async fn a_body_in_pieces_is_joined() {
    let endpoint = builder().build().unwrap();
    let request = encrypt(&init());
    let signature = sign(&secret(), request.body());
    let pieces = request
        .body()
        .chunks(7)
        .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece))));
    let body = http_body_util::StreamBody::new(tokio_stream_of(pieces.collect()));
    let http = Request::post("/")
        .header("x-hub-signature-256", signature)
        .body(body)
        .unwrap();
    assert_eq!(endpoint.clone().call(http).await.unwrap().status().as_u16(), 200);
}

/// A stream of the items of a vector.
fn tokio_stream_of<T: Unpin>(items: Vec<T>) -> impl futures_core::Stream<Item = T> {
    struct Items<T>(std::vec::IntoIter<T>);
    impl<T: Unpin> futures_core::Stream for Items<T> {
        type Item = T;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
            Poll::Ready(self.0.next())
        }
    }
    Items(items.into_iter())
}

#[tokio::test]
async fn the_flow_token_signature_is_verified_if_enabled() {
    let vectors = support::test_data("selfgen_hmac.json");
    let vector = &vectors["flow_token_signature"];
    let request = |token: &Value| {
        json!({"version": "4.0", "action": "INIT", "flow_token": token,
            "flow_token_signature": vector["jwt"]})
    };
    let required = builder()
        .token_signature(TokenSignatureMode::Required)
        .build()
        .unwrap();
    assert_eq!(exchange(&required, request(&vector["flow_token"])).await.0, 200);
    assert_eq!(exchange(&required, request(&json!("other"))).await.0, 432);
    assert_eq!(exchange(&required, init()).await.0, 432);
    assert_eq!(exchange(&required, json!({"action": "ping"})).await.0, 200);
    let off = builder().build().unwrap();
    assert_eq!(exchange(&off, request(&json!("other"))).await.0, 200);
}

#[tokio::test]
async fn the_observer_gets_a_report_of_each_exchange() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&reports);
    let endpoint = builder()
        .observer(move |report| sink.lock().unwrap().push(report.clone()))
        .build()
        .unwrap();
    exchange(&endpoint, json!({"action": "data_exchange", "screen": "A_1"})).await;
    call(&endpoint, post_signed(b"{}", "")).await;
    let reports = reports.lock().unwrap();
    let [answered, refused] = &reports[..] else {
        panic!("two exchanges, {} reports", reports.len())
    };
    assert_eq!(
        (answered.action, answered.screen.as_deref()),
        (Some("data_exchange"), Some("A_1"))
    );
    assert_eq!(answered.key, Some(known_key().public_key().fingerprint()));
    assert_eq!(
        (answered.token, answered.refusal),
        (Some(TokenVerdict::Unchecked), None)
    );
    assert!(answered.decrypt.is_some() && answered.handler.is_some());
    assert_eq!(
        (refused.refusal, refused.status.as_u16()),
        (Some(Refusal::BadSignature), 432)
    );
    assert_ne!(answered.id, refused.id);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let unset = || FlowEndpoint::builder(ring(), echo);
    let error = |builder: wa_flows::FlowEndpointBuilder<_>| {
        let error = builder.build().map(|_| ()).unwrap_err();
        let (fault, remedy) = (error.to_string(), error.remedy().unwrap());
        assert!(!fault.contains(": ") && !fault.contains(&*remedy), "{fault}");
        error
    };
    assert_eq!(error(unset()), EndpointConfigError::NoAppSecret);
    let skipped = unset()
        .danger_skip_signature_check()
        .token_signature(TokenSignatureMode::WhenPresent);
    assert_eq!(error(skipped), EndpointConfigError::NoAppSecretForTokens);
    assert_eq!(
        error(unset().app_secret(secret()).body_limit(0)),
        EndpointConfigError::NoBody
    );
    assert_eq!(
        error(unset().app_secret(secret()).deadline(Duration::ZERO)),
        EndpointConfigError::NoTime
    );
}

#[tokio::test]
async fn the_signature_check_can_be_skipped() {
    let endpoint = FlowEndpoint::builder(ring(), echo)
        .danger_skip_signature_check()
        .build()
        .unwrap();
    let request = Request::post("/")
        .body(http_body_util::Full::from(encrypt(&init()).body().to_vec()))
        .unwrap();
    assert_eq!(call(&endpoint, request).await.status, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_request_causes_a_panic_or_a_500(
        method in "GET|POST|PUT", content_type in "application/json|text/plain|[ -~]{0,20}",
        signature in "|sha256=[0-9a-f]{0,70}|[ -~]{0,80}",
        body in proptest::collection::vec(any::<u8>(), 0..300),
        really_signed in any::<bool>(),
        payload in "\\PC{0,60}|\\{\"action\":[^\"]{0,9}\"(ping|INIT)\"[^\"]{0,9}\\}",
    ) {
        let body = if really_signed && body.len() % 2 == 0 {
            support::phone().encrypt(payload.as_bytes()).unwrap().body().to_vec()
        } else {
            body
        };
        let signature = if really_signed { sign(&secret(), &body) } else { signature };
        let mut request = post_signed(&body, signature.trim());
        *request.method_mut() = method.parse().unwrap();
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let response = runtime.block_on(async { call(&builder().build().unwrap(), request).await });
        prop_assert!([200, 400, 405, 415, 421, 432].contains(&response.status), "{}", response.status);
    }
}
