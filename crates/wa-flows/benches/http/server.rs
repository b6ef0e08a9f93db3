//! The measured processes.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use wa_flows::{
    AppSecret, FlowEndpoint, FlowRequest, FlowResponse, HandlerError, KeyRing, ReplayMemory, ReplayWindow,
};
use wa_keys::PrivateKey;

use crate::load::{arrivals, percentile};
use crate::process::cpu_seconds;

pub(crate) const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The published test key.
pub(crate) fn key() -> PrivateKey {
    PrivateKey::parse(include_bytes!("../../tests/data/pywa_private_key.der"), None).unwrap()
}

async fn answer(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    Ok(FlowResponse::screen(
        "NEXT",
        json!({"came_from": request.screen(), "text": "x".repeat(512)}),
    ))
}

/// Serves an endpoint, one exchange after another on each connection, and prints its port.
pub(crate) fn serve(cores: usize) {
    let runtime = runtime(cores);
    runtime.block_on(async {
        let endpoint = FlowEndpoint::builder(KeyRing::new(&key()).unwrap(), answer)
            .app_secret(AppSecret::new(APP_SECRET).unwrap())
            .replay_memory(short_memory())
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service = TowerToHyperService::new(endpoint.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

/// Remembers only the last request: the load sends the same requests in turns, and each must be answered like
/// a new one.
fn short_memory() -> ReplayMemory {
    let window = ReplayWindow::new(Duration::from_hours(1), NonZeroUsize::MIN);
    ReplayMemory::new(window.response_bytes(2000))
}

fn runtime(cores: usize) -> Runtime {
    let mut builder = if cores == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.enable_all().worker_threads(cores).build().unwrap()
}

/// Returns the private key operation of the endpoint alone.
fn operation() -> impl FnMut() {
    let key = PrivateDecryptingKey::from_pkcs8(key().secret_pkcs8_der()).unwrap();
    let encrypted = {
        let public = OaepPublicEncryptingKey::new(key.public_key()).unwrap();
        let mut buffer = vec![0; 256];
        public
            .encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 16], &mut buffer, None)
            .unwrap();
        buffer
    };
    let key = OaepPrivateDecryptingKey::new(key).unwrap();
    move || {
        let mut buffer = [0; 256];
        key.decrypt(&OAEP_SHA256_MGF1SHA256, &encrypted, &mut buffer, None)
            .unwrap();
    }
}

/// Runs private key operations for a round, and prints their number per CPU-second.
pub(crate) fn raw() {
    let mut operation = operation();
    let (started, cpu) = (Instant::now(), cpu_seconds("self"));
    let mut operations = 0_u32;
    while started.elapsed() < round() {
        operation();
        operations += 1;
    }
    println!("{}", f64::from(operations) / (cpu_seconds("self") - cpu));
}

/// Runs a private key operation for each request when it is due, in order, and prints the latency that 99 %
/// of them do not exceed: no server on this machine can undercut it.
pub(crate) fn queue(rate: f64) {
    let mut operation = operation();
    let started = Instant::now();
    let mut latencies: Vec<_> = arrivals(started, rate)
        .take_while(|due| *due - started < round())
        .map(|due| {
            while Instant::now() < due {
                std::hint::spin_loop();
            }
            operation();
            due.elapsed()
        })
        .collect();
    println!("{}", percentile(&mut latencies, 0.99));
}

/// Returns the length of a round.
pub(crate) fn round() -> Duration {
    let seconds = std::env::var("WA_BENCH_SECONDS")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(2.0))
}

/// Returns the number of rounds.
pub(crate) fn rounds() -> usize {
    let rounds = std::env::var("WA_BENCH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    rounds.unwrap_or(5)
}
