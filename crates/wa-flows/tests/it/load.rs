//! The endpoint under load, with slow clients, and with clients that leave early.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_service::Service;
use wa_flows::client::sign;
use wa_flows::{
    FlowEndpoint, FlowHandler, FlowRequest, FlowResponse, HandlerError, OnAuthenticated, Refusal, RsaPool,
};

use crate::support::{Pieces, builder, call, encrypt, exchange, init, post, ring, secret};

#[tokio::test]
async fn exchanges_beyond_the_limit_get_a_503_at_once() {
    let never = |_: FlowRequest| std::future::pending::<Result<FlowResponse, HandlerError>>();
    let one = NonZeroUsize::MIN;
    let endpoint = FlowEndpoint::builder(ring(), never)
        .app_secret(secret())
        .max_in_flight(one)
        .build()
        .unwrap();
    let held = tokio::spawn(endpoint.clone().call(post(encrypt(&init()).body())));
    while endpoint.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    let response = call(&endpoint, post(encrypt(&init()).body())).await;
    assert_eq!((response.status, response.body.len()), (503, 0));
    held.abort();
    assert!(held.await.unwrap_err().is_cancelled());
}

/// Sends one byte each of more bodies than may be pending.
fn pending_bodies<H: FlowHandler>(endpoint: &FlowEndpoint<H>) -> tokio::task::JoinSet<()> {
    let mut pending = tokio::task::JoinSet::new();
    for _ in 0..1100 {
        let (pieces, broken) = (vec![Bytes::from_static(b"{")], false);
        let request = Request::post("/").body(Pieces { pieces, broken }).unwrap();
        let call = endpoint.clone().call(request);
        pending.spawn(async move { drop(call.await) });
    }
    pending
}

#[tokio::test]
async fn a_complete_body_does_not_wait_for_pending_ones() {
    let endpoint = builder().build().unwrap();
    let pending = pending_bodies(&endpoint);
    tokio::task::yield_now().await;
    assert_eq!(exchange(&endpoint, init()).await.0, 200);
    drop(pending);
}

#[tokio::test]
async fn a_body_that_arrives_with_its_head_is_not_evicted() {
    let endpoint = builder().build().unwrap();
    let pending = pending_bodies(&endpoint);
    tokio::task::yield_now().await;
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let service = hyper_util::service::TowerToHyperService::new(endpoint.clone());
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(hyper_util::rt::TokioIo::new(near), service);
    let request = encrypt(&init());
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nx-hub-signature-256: {}\r\n\
         connection: close\r\n\r\n",
        request.body().len(),
        sign(&secret(), request.body())
    );
    far.write_all(&[head.as_bytes(), request.body()].concat())
        .await
        .unwrap();
    let mut response = String::new();
    let (served, read) = tokio::join!(connection, far.read_to_string(&mut response));
    served.unwrap();
    read.unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    drop(pending);
}

#[tokio::test]
async fn the_callback_runs_when_a_request_is_authenticated() {
    let never = |_: FlowRequest| std::future::pending::<Result<FlowResponse, HandlerError>>();
    let endpoint = FlowEndpoint::builder(ring(), never)
        .app_secret(secret())
        .build()
        .unwrap();
    let (calls, called) = std::sync::mpsc::channel();
    let hook = OnAuthenticated::new(move || calls.send(()).unwrap());
    let mut forged = Request::post("/").body(Full::<Bytes>::from("{}")).unwrap();
    forged.extensions_mut().insert(hook.clone());
    let response = endpoint.clone().call(forged).await.unwrap();
    assert_eq!(response.status().as_u16(), 432);
    assert!(called.try_recv().is_err());
    let mut signed = post(encrypt(&init()).body());
    signed.extensions_mut().insert(hook);
    let held = tokio::spawn(endpoint.clone().call(signed));
    while endpoint.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(called.try_iter().count(), 1);
    held.abort();
}

#[tokio::test]
async fn an_exchange_whose_client_leaves_is_reported() {
    let (reports, reported) = std::sync::mpsc::channel();
    let never = |_: FlowRequest| std::future::pending::<Result<FlowResponse, HandlerError>>();
    let endpoint = FlowEndpoint::builder(ring(), never)
        .app_secret(secret())
        .observer(move |report| reports.send((report.action, report.refusal)).unwrap())
        .build()
        .unwrap();
    let call = endpoint.clone().call(post(encrypt(&init()).body()));
    assert!(
        tokio::time::timeout(Duration::from_millis(200), call)
            .await
            .is_err()
    );
    assert_eq!(
        reported.recv().unwrap(),
        (Some("INIT"), Some(Refusal::ClientLeft))
    );
}

#[tokio::test]
async fn exchanges_are_counted_also_without_a_limit() {
    let endpoint = builder().max_in_flight(NonZeroUsize::MAX).build().unwrap();
    assert_eq!(endpoint.in_flight(), 0);
    assert_eq!(exchange(&endpoint, init()).await.0, 200);
}

#[tokio::test]
async fn a_burst_within_the_limits_is_answered_in_full() {
    let endpoint = builder().build().unwrap();
    let calls: Vec<_> = (0..300)
        .map(|_| tokio::spawn(endpoint.clone().call(post(encrypt(&init()).body()))))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status().as_u16(), 200);
    }
}

/// Sends a message when it is dropped.
struct Dropped(std::sync::mpsc::Sender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_handler_is_dropped_at_its_deadline_and_what_it_spawned_completes() {
    let (drops, dropped_once) = std::sync::mpsc::channel();
    let (complete, mut completed) = tokio::sync::mpsc::channel(1);
    let late = Arc::new(tokio::sync::Notify::new());
    let begin = Arc::clone(&late);
    let handler = move |_: FlowRequest| {
        let (dropped, complete, begin) = (Dropped(drops.clone()), complete.clone(), Arc::clone(&begin));
        async move {
            let _dropped = dropped;
            let spawned = tokio::spawn(async move {
                begin.notified().await;
                complete.send(()).await
            });
            spawned.await??;
            Ok(FlowResponse::active())
        }
    };
    let endpoint = FlowEndpoint::builder(ring(), handler)
        .app_secret(secret())
        .deadline(Duration::from_secs(1))
        .build()
        .unwrap();
    assert_eq!(exchange(&endpoint, init()).await.0, 504);
    dropped_once.try_recv().unwrap();
    late.notify_one();
    completed.recv().await.unwrap();
}

#[tokio::test]
async fn a_full_queue_of_private_key_operations_is_a_503() {
    let pool = RsaPool::new(NonZeroUsize::MIN, 0);
    let endpoint = builder().rsa_pool(pool).build().unwrap();
    let calls = (0..8)
        .map(|_| encrypt(&init()))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|request| tokio::spawn(endpoint.clone().call(post(request.body()))))
        .collect::<Vec<_>>();
    let mut statuses = Vec::new();
    for response in calls {
        statuses.push(response.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!((statuses.first(), statuses.last()), (Some(&200), Some(&503)));
}
