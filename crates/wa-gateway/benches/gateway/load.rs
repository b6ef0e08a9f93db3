//! The phones and the backend, on one thread that never sleeps: waking it would cost the gateway's core what
//! no network card costs.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, yield_now};
use wa_flows::AppSecret;
use wa_flows::client::{PhoneKey, sign};

use crate::roles::{APP_SECRET, key};

/// Phones at a time.
const CONNECTIONS: usize = 16;

/// Requests ready to send.
pub(crate) type Requests = Rc<Vec<Vec<u8>>>;

/// A thread's phones and backend.
pub(crate) struct Load {
    runtime: Runtime,
    tasks: LocalSet,
    upstream: SocketAddr,
}

/// Encrypts a ping.
pub(crate) fn pings() -> Requests {
    requests(&json!({"version": "3.0", "action": "ping"}))
}

/// Encrypts a data exchange whose payload is 1 KB long.
pub(crate) fn exchanges() -> Requests {
    let mut payload = json!({"version": "3.0", "action": "data_exchange", "screen": "DETAILS", "flow_token": "0c8f0a3e",
        "data": {"text": ""}});
    let missing = 1024 - payload.to_string().len();
    payload["data"]["text"] = json!("x".repeat(missing));
    requests(&payload)
}

fn requests(payload: &Value) -> Requests {
    let phone = PhoneKey::new(key().public_key()).unwrap();
    let secret = AppSecret::new(APP_SECRET).unwrap();
    let request = || {
        let request = phone.encrypt(payload.to_string().as_bytes()).unwrap();
        let (body, signature) = (request.body(), sign(&secret, request.body()));
        let head = format!(
            "POST /flow HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n\
             Content-Type: application/json\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    Rc::new((0..4096).map(|_| request()).collect())
}

impl Load {
    /// Starts the backend.
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .event_interval(1)
            .build()
            .unwrap();
        let tasks = LocalSet::new();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let upstream = listener.local_addr().unwrap();
        tasks.spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::task::spawn_local(answer(stream));
            }
        });
        Self {
            runtime,
            tasks,
            upstream,
        }
    }

    /// The backend's URL.
    pub(crate) fn upstream(&self) -> String {
        format!("http://{}/", self.upstream)
    }

    /// Each phone sends its next request when the reply to the last is there; gives the number of replies.
    pub(crate) fn run(&self, port: u16, requests: &Requests, lasts: Duration) -> u32 {
        let answered = Rc::new(Cell::new(0));
        let ends = Instant::now() + lasts;
        let phones: Vec<_> = (0..CONNECTIONS)
            .map(|first| {
                let (requests, answered) = (Rc::clone(requests), Rc::clone(&answered));
                self.tasks.spawn_local(async move {
                    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let mut buffer = vec![0; 16 * 1024];
                    for at in first * 7.. {
                        if Instant::now() >= ends {
                            break;
                        }
                        stream.write_all(&requests[at % requests.len()]).await.unwrap();
                        let message = read_message(&mut stream, &mut buffer).await.expect("a reply");
                        assert!(message.starts_with(b"HTTP/1.1 200 "));
                        answered.set(answered.get() + 1);
                    }
                })
            })
            .collect();
        self.tasks.block_on(&self.runtime, async {
            while !phones.iter().all(tokio::task::JoinHandle::is_finished) {
                yield_now().await;
            }
            for phone in phones {
                phone.await.unwrap();
            }
        });
        answered.get()
    }
}

/// Answers every request of a connection with the same screen.
async fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let body = json!({"screen": "NEXT", "data": {"text": "x".repeat(512)}}).to_string();
    let length = body.len();
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let mut buffer = vec![0; 16 * 1024];
    while read_message(&mut stream, &mut buffer).await.is_some() {
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads a head and its body; none if the connection ends before.
async fn read_message<'a>(stream: &mut TcpStream, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut length = 0;
    while !is_whole(&buffer[..length]) {
        let read = stream
            .read(&mut buffer[length..])
            .await
            .ok()
            .filter(|read| *read > 0)?;
        length += read;
    }
    Some(&buffer[..length])
}

fn is_whole(message: &[u8]) -> bool {
    let Some(end) = message.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = std::str::from_utf8(&message[..end]).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    message.len() == end + 4 + length.parse::<usize>().unwrap()
}
