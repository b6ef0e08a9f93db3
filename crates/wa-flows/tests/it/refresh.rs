//! Requests that decrypt with no key of the ring: the source of the keys is asked once, whatever the reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::Full;
use serde_json::{Value, json};
use wa_flows::client::PhoneKey;
use wa_flows::{FlowEndpoint, FlowHandler, KeyRing, RingKey, RingSource, RingState, RsaPool};
use wa_keys::PrivateKey;

use crate::support::{Received, builder, call, echo, encrypt, known_key, other_key, post, secret};

/// A source that adds a key after a while, and counts its calls.
#[derive(Clone)]
struct Source {
    ring: KeyRing,
    key: RingKey,
    takes: Duration,
    calls: Arc<AtomicUsize>,
}

impl Source {
    fn of(endpoint: &FlowEndpoint<impl FlowHandler>, key: &PrivateKey) -> Self {
        let source = Self {
            ring: endpoint.ring().clone(),
            key: RingKey::new(key).unwrap(),
            takes: Duration::from_millis(20),
            calls: Arc::default(),
        };
        endpoint.ring().set_source(source.clone());
        source
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl RingSource for Source {
    async fn refresh(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        let known = RingKey::new(known_key()).unwrap();
        self.ring.set_keys([
            (RingState::Primary, known),
            (RingState::Pending, self.key.clone()),
        ]);
    }
}

fn request_for(key: &PrivateKey) -> http::Request<Full<bytes::Bytes>> {
    let payload = json!({"version": "3.0", "action": "INIT", "flow_token": "t"}).to_string();
    let phone = PhoneKey::new(key.public_key()).unwrap();
    post(phone.encrypt(payload.as_bytes()).unwrap().body())
}

#[tokio::test]
async fn a_key_that_the_source_has_serves_from_its_first_request_on() {
    let endpoint = builder().build().unwrap();
    let source = Source::of(&endpoint, other_key(0));
    let requests = (0..20).map(|_| call(&endpoint, request_for(other_key(0))));
    for response in futures(requests).await {
        assert_eq!(response, 200);
    }
    assert_eq!(source.calls(), 1, "concurrent requests share a refresh");
    let keys = endpoint.ring().keys();
    let states: Vec<_> = keys.iter().map(|key| (key.state, key.opened)).collect();
    assert_eq!(states, [(RingState::Primary, 0), (RingState::Pending, 20)]);
}

#[tokio::test]
async fn every_reason_causes_one_refresh_and_the_same_response() {
    let mut responses = Vec::new();
    for altered in [
        "other key",
        "encrypted_flow_data",
        "encrypted_aes_key",
        "initial_vector",
    ] {
        let endpoint = builder().build().unwrap();
        let source = Source::of(&endpoint, other_key(1));
        let request = match altered {
            "other key" => request_for(other_key(0)),
            member => {
                let body = encrypt(&json!({"action": "INIT"})).body().to_vec();
                let mut body: Value = serde_json::from_slice(&body).unwrap();
                body[member] = json!("?");
                post(body.to_string().as_bytes())
            }
        };
        let mut response = call(&endpoint, request).await;
        assert_eq!(source.calls(), 1, "{altered}");
        response.headers.remove("x-exchange-id");
        responses.push((response.status, response.headers, response.body));
    }
    assert_eq!(responses[0].0, 421);
    assert!(responses.iter().all(|response| *response == responses[0]));
}

#[tokio::test(start_paused = true)]
async fn the_source_is_asked_at_most_once_a_second_and_waited_for_two() {
    // The clock would advance while a thread of another pool decrypts.
    let endpoint = builder().rsa_pool(RsaPool::cooperative(8)).build().unwrap();
    let mut source = Source::of(&endpoint, other_key(1));
    for _ in 0..10 {
        assert_eq!(call(&endpoint, request_for(other_key(0))).await.status, 421);
    }
    assert_eq!(source.calls(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(call(&endpoint, request_for(other_key(0))).await.status, 421);
    assert_eq!(source.calls(), 2);

    source.takes = Duration::from_hours(1);
    endpoint.ring().set_source(source.clone());
    let started = tokio::time::Instant::now();
    assert_eq!(call(&endpoint, request_for(other_key(0))).await.status, 421);
    assert_eq!(started.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn unauthenticated_requests_never_reach_the_source() {
    let endpoint = FlowEndpoint::builder(KeyRing::new(known_key()).unwrap(), echo)
        .danger_skip_signature_check()
        .build()
        .unwrap();
    let source = Source::of(&endpoint, other_key(0));
    assert_eq!(call(&endpoint, request_for(other_key(0))).await.status, 421);

    let endpoint = builder().app_secret(secret()).build().unwrap();
    let signed = Source::of(&endpoint, other_key(0));
    let mut request = request_for(other_key(0));
    request
        .headers_mut()
        .insert("x-hub-signature-256", "sha256=00".parse().unwrap());
    assert_eq!(call(&endpoint, request).await.status, 432);
    assert_eq!((source.calls(), signed.calls()), (0, 0));
}

/// Runs requests concurrently; returns their statuses.
async fn futures(requests: impl Iterator<Item = impl Future<Output = Received>>) -> Vec<u16> {
    let mut requests: Vec<_> = requests.map(Box::pin).collect();
    let mut statuses = Vec::new();
    std::future::poll_fn(|cx| {
        requests.retain_mut(|request| match request.as_mut().poll(cx) {
            std::task::Poll::Ready(response) => {
                statuses.push(response.status);
                false
            }
            std::task::Poll::Pending => true,
        });
        if requests.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    statuses
}
