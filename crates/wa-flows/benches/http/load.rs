//! The load generator: raw HTTP/1.1 over persistent connections, with bodies encrypted in advance.

use std::cell::RefCell;
use std::iter;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, spawn_local, yield_now};
use wa_flows::AppSecret;
use wa_flows::client::{PhoneKey, sign};

use crate::server::{APP_SECRET, key};

/// Requests ready to send.
pub(crate) type Requests = Rc<Vec<Vec<u8>>>;

/// Status and latency of each exchange of a phase, and the duration of the phase.
pub(crate) struct Outcome {
    pub(crate) exchanges: Vec<(u16, Duration)>,
    pub(crate) lasted: Duration,
}

impl Outcome {
    pub(crate) fn count(&self, status: u16) -> usize {
        self.exchanges
            .iter()
            .filter(|exchange| exchange.0 == status)
            .count()
    }

    pub(crate) fn rate(&self) -> f64 {
        self.count(200) as f64 / self.lasted.as_secs_f64()
    }

    /// Returns the latency that a share of the exchanges with this status does not exceed, in milliseconds.
    pub(crate) fn percentile(&self, status: u16, share: f64) -> f64 {
        let mut latencies: Vec<_> = self
            .exchanges
            .iter()
            .filter(|exchange| exchange.0 == status)
            .map(|exchange| exchange.1)
            .collect();
        percentile(&mut latencies, share)
    }
}

/// Returns the latency that a share of all does not exceed, in milliseconds.
pub(crate) fn percentile(latencies: &mut [Duration], share: f64) -> f64 {
    latencies.sort();
    let at = ((latencies.len() as f64 * share) as usize).min(latencies.len().saturating_sub(1));
    latencies
        .get(at)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

/// Encrypts a ping.
pub(crate) fn pings() -> Requests {
    requests(br#"{"version":"3.0","action":"ping"}"#)
}

/// Encrypts a data exchange whose payload is 1 KB long.
pub(crate) fn exchanges() -> Requests {
    let fields: serde_json::Map<_, _> = (0..20)
        .map(|number| (format!("field_{number}"), json!("a value of some length")))
        .collect();
    let mut payload = json!({"version": "3.0", "action": "data_exchange", "screen": "DETAILS",
        "flow_token": "0c8f0a3e-5f1d-4a58-8f5c-6b1f5b1f3a11", "data": fields});
    let missing = 1024 - payload.to_string().len() - r#","pad":"""#.len();
    payload["data"]["pad"] = json!("x".repeat(missing));
    requests(payload.to_string().as_bytes())
}

fn requests(payload: &[u8]) -> Requests {
    let phone = PhoneKey::new(key().public_key()).unwrap();
    let secret = AppSecret::new(APP_SECRET).unwrap();
    let request = || {
        let request = phone.encrypt(payload).unwrap();
        let body = request.body();
        let head = format!(
            "POST /flow HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n\
             Content-Type: application/json\r\nX-Hub-Signature-256: {}\r\nContent-Length: {}\r\n\r\n",
            sign(&secret, body),
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    Rc::new((0..4096).map(|_| request()).collect())
}

/// A persistent connection.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: vec![0; 64 * 1024],
        }
    }

    /// Sends a request and reads the whole response; returns its status.
    async fn exchange(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.unwrap();
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[length..]).await.unwrap();
            assert!(read > 0, "the server closed a persistent connection");
            length += read;
            if let Some(status) = complete(&self.buffer[..length]) {
                return status;
            }
        }
    }
}

/// Returns the status of a response if it has arrived in full.
fn complete(response: &[u8]) -> Option<u16> {
    let end = response.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&response[..end]).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    (response.len() - end == length.parse::<usize>().unwrap()).then(|| head[9..12].parse().unwrap())
}

fn runtime() -> Runtime {
    // The dispatcher spins, so sockets are polled after each of its turns.
    Builder::new_current_thread()
        .enable_all()
        .event_interval(1)
        .build()
        .unwrap()
}

/// What the load does while it waits for responses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// It spins on its own core. The server's core would have to wake a client that sleeps, at a cost that a
    /// network card does not cause.
    Spinning,
    /// It sleeps, so that the server can use the core.
    Sleeping,
}

/// Each connection sends its next request when the response to the last has arrived.
pub(crate) fn closed_loop(
    port: u16,
    requests: &Requests,
    connections: usize,
    lasts: Duration,
    waiting: Waiting,
) -> Outcome {
    let results = Rc::new(RefCell::new(Vec::new()));
    let started = Instant::now();
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    // Each connection has requests of its own: an endpoint answers a request once, however often it is sent
    // at the same time.
    let share = requests.len() / connections;
    for first in 0..connections {
        let (requests, results) = (Rc::clone(requests), Rc::clone(&results));
        tasks.push(local.spawn_local(async move {
            let mut connection = Connection::open(port).await;
            for at in (first * share..(first + 1) * share).cycle() {
                let sent = Instant::now();
                if sent - started >= lasts {
                    break;
                }
                let status = connection.exchange(&requests[at]).await;
                results.borrow_mut().push((status, sent.elapsed()));
            }
        }));
    }
    local.block_on(&runtime(), async {
        while waiting == Waiting::Spinning && !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
            yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    Outcome {
        lasted: started.elapsed(),
        exchanges: results.take(),
    }
}

/// Returns the due times of requests that arrive independently at a rate (Poisson); the same times in every
/// run.
pub(crate) fn arrivals(started: Instant, rate: f64) -> impl Iterator<Item = Instant> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut due = started;
    iter::repeat_with(move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
        due += Duration::from_secs_f64(-(1.0 - uniform).ln() / rate);
        due
    })
}

/// Sends requests at a rate, whether or not earlier ones were answered; latency counts from the due time.
pub(crate) fn open_loop(port: u16, requests: &Requests, rate: f64, lasts: Duration) -> Outcome {
    let results = Rc::new(RefCell::new(Vec::new()));
    let idle: Rc<RefCell<Vec<Connection>>> = Rc::default();
    let started = Instant::now();
    let local = LocalSet::new();
    let (outcomes, requests) = (Rc::clone(&results), Rc::clone(requests));
    let dispatch = async move {
        let mut tasks = Vec::new();
        for (at, due) in arrivals(started, rate).enumerate() {
            if due - started >= lasts {
                break;
            }
            while Instant::now() < due {
                yield_now().await;
            }
            let (idle, outcomes, requests) = (Rc::clone(&idle), Rc::clone(&outcomes), Rc::clone(&requests));
            tasks.push(spawn_local(async move {
                let kept = idle.borrow_mut().pop();
                let mut connection = match kept {
                    Some(connection) => connection,
                    None => Connection::open(port).await,
                };
                let status = connection.exchange(&requests[at % requests.len()]).await;
                outcomes.borrow_mut().push((status, due.elapsed()));
                idle.borrow_mut().push(connection);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    };
    local.block_on(&runtime(), dispatch);
    Outcome {
        lasted: started.elapsed(),
        exchanges: results.take(),
    }
}

/// Opens connections, sends one request on each, and calls `then` while they are open.
pub(crate) fn hold_open<T>(port: u16, requests: &Requests, count: usize, then: impl FnOnce() -> T) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connections = Vec::new();
        for at in 0..count {
            let mut connection = Connection::open(port).await;
            assert_eq!(connection.exchange(&requests[at % requests.len()]).await, 200);
            connection.buffer = Vec::new();
            connections.push(connection);
        }
        then()
    })
}
