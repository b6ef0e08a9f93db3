//! Replay protection: the responses to repeated requests.

use std::collections::HashSet;
use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tower_service::Service;
use wa_flows::client::PhoneKey;
use wa_flows::{
    Claim, ExchangeReport, FlowEndpoint, FlowEndpointBuilder, FlowHandler, FlowRequest, FlowResponse,
    HandlerError, Refusal, ReplayMark, ReplayMemory, ReplayStore, RsaPool,
};

use crate::support::{call, encrypt, init, known_key, other_key, post, ring, secret};

/// How often a handler was called.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts a call, and returns a response that contains the number.
    fn respond(&self) -> FlowResponse {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        FlowResponse::screen("NEXT", json!({"call": number}))
    }
}

/// An endpoint with default settings, whose handler never returns the same response twice.
fn counting() -> (FlowEndpointBuilder<impl FlowHandler>, Calls) {
    let calls = Calls::default();
    let counter = calls.clone();
    let handler = move |_: FlowRequest| {
        let response = counter.respond();
        async move { Ok(response) }
    };
    (endpoint(handler), calls)
}

/// An endpoint whose handler waits for a permit.
fn holding() -> (FlowEndpointBuilder<impl FlowHandler>, Calls, Arc<Semaphore>) {
    let (calls, permits) = (Calls::default(), Arc::new(Semaphore::new(0)));
    let (counter, held) = (calls.clone(), Arc::clone(&permits));
    let handler = move |_: FlowRequest| {
        let (response, held) = (counter.respond(), Arc::clone(&held));
        async move {
            held.acquire().await?.forget();
            Ok(response)
        }
    };
    (endpoint(handler), calls, permits)
}

/// The pool is a task of the test's runtime, so that a paused clock stands still while it decrypts.
fn endpoint<H: FlowHandler>(handler: H) -> FlowEndpointBuilder<H> {
    FlowEndpoint::builder(ring(), handler)
        .app_secret(secret())
        .rsa_pool(RsaPool::cooperative(512))
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// Records the reports of an endpoint.
fn observed<H: FlowHandler>(
    builder: FlowEndpointBuilder<H>,
) -> (FlowEndpointBuilder<H>, Arc<Mutex<Vec<ExchangeReport>>>) {
    let reports = Arc::<Mutex<Vec<_>>>::default();
    let sink = Arc::clone(&reports);
    let builder = builder.observer(move |report| sink.lock().unwrap().push(report.clone()));
    (builder, reports)
}

#[tokio::test]
async fn identical_requests_get_one_response_and_one_call_of_the_handler() {
    let (builder, calls) = counting();
    let (builder, reports) = observed(builder);
    let endpoint = builder.build().unwrap();
    let request = encrypt(&init());
    let first = call(&endpoint, post(request.body())).await;
    assert_eq!(first.status, 200);
    for _ in 0..2 {
        let repeat = call(&endpoint, post(request.body())).await;
        assert_eq!((repeat.status, &repeat.body), (200, &first.body));
        assert_eq!(repeat.headers["content-type"], first.headers["content-type"]);
    }
    assert_eq!(calls.get(), 1);
    let reports = reports.lock().unwrap();
    let ids: Vec<_> = reports.iter().map(|report| report.repeat_of).collect();
    assert_eq!(
        ids,
        [
            None,
            Some(reports.first().unwrap().id),
            Some(reports.first().unwrap().id)
        ]
    );
    assert!(reports.iter().all(|report| report.action == Some("INIT")));
}

#[tokio::test]
async fn the_same_key_and_iv_in_another_body_are_refused_in_every_spelling() {
    let (builder, calls) = counting();
    let endpoint = builder.build().unwrap();
    let request = encrypt(&init());
    let text = std::str::from_utf8(request.body()).unwrap();
    assert_eq!(call(&endpoint, post(request.body())).await.status, 200);
    let envelope: serde_json::Value = serde_json::from_str(text).unwrap();
    let (key, iv) = (&envelope["encrypted_aes_key"], &envelope["initial_vector"]);
    for other in [
        format!("{text} "),
        text.replace('/', "\\/").replace(',', " ,"),
        json!({"encrypted_aes_key": key, "initial_vector": iv, "encrypted_flow_data": "A".repeat(40)})
            .to_string(),
    ] {
        let response = call(&endpoint, post(other.as_bytes())).await;
        assert_eq!((response.status, response.body.len()), (432, 0), "{other}");
    }
    assert_eq!(calls.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_repeat_is_refused() {
    let (builder, calls) = counting();
    let endpoint = builder.build().unwrap();
    let request = encrypt(&init());
    assert_eq!(call(&endpoint, post(request.body())).await.status, 200);
    for (seconds, status) in [(29, 200), (2, 432), (3500, 432)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        assert_eq!(call(&endpoint, post(request.body())).await.status, status);
    }
    assert_eq!(calls.get(), 1);
}

#[tokio::test]
async fn identical_concurrent_requests_wait_for_the_first() {
    let (builder, calls, permits) = holding();
    let endpoint = builder
        .max_in_flight(NonZeroUsize::new(2).unwrap())
        .build()
        .unwrap();
    let request = encrypt(&init());
    let sent: Vec<_> = (0..20)
        .map(|_| {
            let (endpoint, request) = (endpoint.clone(), post(request.body()));
            tokio::spawn(async move { call(&endpoint, request).await })
        })
        .collect();
    until(|| calls.get() == 1).await;
    permits.add_permits(20);
    let mut bodies = HashSet::new();
    for response in sent {
        let response = response.await.unwrap();
        assert_eq!(response.status, 200);
        bodies.insert(response.body);
    }
    assert_eq!((calls.get(), bodies.len()), (1, 1));
}

#[tokio::test]
async fn a_repeat_gets_the_response_although_the_first_client_left() {
    let (builder, calls, permits) = holding();
    let endpoint = builder.build().unwrap();
    let request = encrypt(&init());
    let first = tokio::spawn(endpoint.clone().call(post(request.body())));
    until(|| calls.get() == 1).await;
    let waiting = tokio::spawn({
        let (endpoint, request) = (endpoint.clone(), post(request.body()));
        async move { call(&endpoint, request).await }
    });
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(endpoint.in_flight(), 1, "the handler continues");
    permits.add_permits(1);
    let waited = waiting.await.unwrap();
    let later = call(&endpoint, post(request.body())).await;
    assert_eq!((waited.status, later.status, calls.get()), (200, 200, 1));
    assert_eq!(waited.body, later.body);
    until(|| endpoint.in_flight() == 0).await;
}

#[tokio::test]
async fn a_request_whose_client_left_before_the_handler_was_called_may_be_repeated() {
    let (builder, calls) = counting();
    let endpoint = builder.build().unwrap();
    let request = encrypt(&init());
    let mut first = Box::pin(endpoint.clone().call(post(request.body())));
    let mut waiting = Box::pin(endpoint.clone().call(post(request.body())));
    for call in [&mut first, &mut waiting] {
        assert!(
            call.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
    drop(first);
    assert_eq!(waiting.await.unwrap().status().as_u16(), 200);
    assert_eq!(calls.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_failed_is_not_called_again() {
    let calls = Calls::default();
    let counter = calls.clone();
    let handler = move |_: FlowRequest| {
        counter.respond();
        async { Err::<FlowResponse, _>(HandlerError::unavailable("the database sleeps")) }
    };
    let endpoint = endpoint(handler).build().unwrap();
    let request = encrypt(&init());
    for (seconds, status) in [(0, 503), (29, 503), (2, 432)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        let response = call(&endpoint, post(request.body())).await;
        assert_eq!((response.status, response.body.len()), (status, 0));
    }
    assert_eq!(calls.get(), 1);
}

#[tokio::test]
async fn a_request_refused_before_the_handler_was_called_may_be_repeated() {
    let (builder, calls, permits) = holding();
    let endpoint = builder.max_in_flight(NonZeroUsize::MIN).build().unwrap();
    let held = tokio::spawn(endpoint.clone().call(post(encrypt(&init()).body())));
    until(|| calls.get() == 1).await;
    let request = encrypt(&init());
    assert_eq!(call(&endpoint, post(request.body())).await.status, 503);
    permits.add_permits(2);
    assert_eq!(held.await.unwrap().unwrap().status().as_u16(), 200);
    assert_eq!(call(&endpoint, post(request.body())).await.status, 200);

    let phone = PhoneKey::new(other_key(0).public_key()).unwrap();
    let request = phone.encrypt(init().to_string().as_bytes()).unwrap();
    permits.add_permits(1);
    assert_eq!(call(&endpoint, post(request.body())).await.status, 421);
    endpoint.ring().promote(other_key(0)).unwrap();
    assert_eq!(call(&endpoint, post(request.body())).await.status, 200);
    endpoint.ring().promote(known_key()).unwrap();
}

#[tokio::test]
async fn replays_are_answered_if_that_is_allowed() {
    let (builder, calls) = counting();
    let endpoint = builder.danger_allow_replays().build().unwrap();
    let request = encrypt(&init());
    for _ in 0..2 {
        assert_eq!(call(&endpoint, post(request.body())).await.status, 200);
    }
    assert_eq!(calls.get(), 2);
}

#[tokio::test]
async fn endpoints_can_share_a_memory() {
    let memory = ReplayMemory::default();
    let ((one, of_one), (other, of_other)) = (counting(), counting());
    let one = one.replay_memory(memory.clone()).build().unwrap();
    let other = other.replay_memory(memory).build().unwrap();
    let request = encrypt(&init());
    let first = call(&one, post(request.body())).await;
    assert_eq!(call(&other, post(request.body())).await.body, first.body);
    assert_eq!((of_one.get(), of_other.get()), (1, 0));
}

/// A store that several endpoints share, in memory.
#[derive(Clone, Default)]
struct Shared {
    known: Arc<Mutex<HashSet<ReplayMark>>>,
    fault: Option<&'static str>,
}

impl ReplayStore for Shared {
    async fn claim(&self, mark: ReplayMark) -> Result<Claim, Box<dyn Error + Send + Sync>> {
        match self.fault {
            Some("hangs") => std::future::pending().await,
            Some(fault) => Err(fault.into()),
            None if self.known.lock().unwrap().insert(mark) => Ok(Claim::New),
            None => Ok(Claim::Known),
        }
    }
}

#[tokio::test]
async fn processes_that_share_a_store_answer_a_request_once() {
    let store = Shared::default();
    let ((one, of_one), (other, of_other)) = (counting(), counting());
    let one = one
        .replay_memory(ReplayMemory::default().with_store(store.clone()))
        .build()
        .unwrap();
    let other = other
        .replay_memory(ReplayMemory::default().with_store(store))
        .build()
        .unwrap();
    let request = encrypt(&init());
    let first = call(&one, post(request.body())).await;
    assert_eq!(first.status, 200);
    for _ in 0..2 {
        assert_eq!(call(&other, post(request.body())).await.status, 432);
    }
    assert_eq!(call(&one, post(request.body())).await.body, first.body);
    assert_eq!((of_one.get(), of_other.get()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_the_process_decides_if_the_store_fails_or_hangs() {
    for fault in ["hangs", "is not reachable"] {
        let store = Shared {
            fault: Some(fault),
            ..Shared::default()
        };
        let (builder, calls) = counting();
        let (builder, reports) = observed(builder);
        let memory = ReplayMemory::default().with_store(store);
        let endpoint = builder.replay_memory(memory).build().unwrap();
        let request = encrypt(&init());
        let before = tokio::time::Instant::now();
        for _ in 0..2 {
            assert_eq!(call(&endpoint, post(request.body())).await.status, 200, "{fault}");
        }
        // The clock is paused, so this is the time waited, not the time that the machine took.
        assert!(before.elapsed() <= Duration::from_millis(51), "{fault}");
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(call(&endpoint, post(request.body())).await.status, 432);
        assert_eq!(calls.get(), 1);
        let reports = reports.lock().unwrap();
        let failed: Vec<_> = reports.iter().map(|report| report.replay_store_failed).collect();
        assert_eq!(failed, [true, false, false], "{fault}");
        assert_eq!(reports.last().unwrap().refusal, Some(Refusal::Replayed));
    }
}
