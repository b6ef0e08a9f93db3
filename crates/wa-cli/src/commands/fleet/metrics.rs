//! Serves the metrics of `wa fleet watch`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use wa_cloud::fleet::Metrics;

use crate::failure::Failure;

/// Connections at the same time; further ones wait.
const MAX_CONNECTIONS: usize = 16;
/// A request must arrive within this time, and a connection lasts at most so long.
const LIMIT: Duration = Duration::from_secs(10);

/// Serves `/metrics` until the program ends, and returns the address.
pub(super) async fn serve(address: SocketAddr, metrics: Arc<Mutex<Metrics>>) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| crate::commands::graph::setting(&format!("--metrics-listen {address}"), error))?;
    let address = listener.local_addr()?;
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    tokio::spawn(async move {
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, for example.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let metrics = Arc::clone(&metrics);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let response = respond(&request, &metrics);
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(LIMIT)
                    .serve_connection(TokioIo::new(stream), service);
                // A client that is slow or breaks off concerns it alone.
                let _ = tokio::time::timeout(LIMIT, connection).await;
                drop(slot);
            });
        }
    });
    Ok(address)
}

fn respond(request: &Request<Incoming>, metrics: &Mutex<Metrics>) -> Response<String> {
    if request.uri().path() != "/metrics" {
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let text = metrics.lock().unwrap_or_else(PoisonError::into_inner).to_string();
    let mut response = Response::new(text);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
