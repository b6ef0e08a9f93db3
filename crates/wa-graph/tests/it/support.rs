//! A server that plays a script, one connection a step, and a clock that does not wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wa_graph::{AccessToken, Clock, GraphClient, GraphClientBuilder, RetryPolicy};

pub(crate) const TOKEN: &str = "EAAsecrettoken";
pub(crate) const PATH: &str = "106540352242922/whatsapp_business_encryption";

/// What the server does with a connection after it has read the request.
pub(crate) enum Step {
    Send(String),
    SendBytes(Vec<u8>),
    SendThenClose { text: String, keep: usize },
    Reset,
    Drip { text: String, every: Duration },
    Silence,
}

/// An answer with status, further headers (each ending in CRLF) and body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

pub(crate) fn json(status: u16, body: &str) -> Step {
    Step::Send(answer(status, "content-type: application/json\r\n", body))
}

pub(crate) fn error(status: u16, code: i64) -> Step {
    json(
        status,
        &format!(r#"{{"error":{{"message":"m","type":"OAuthException","code":{code},"fbtrace_id":"A1"}}}}"#),
    )
}

pub(crate) fn ok() -> Step {
    json(200, r#"{"success":true}"#)
}

pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Plays the steps in order and then listens no more.
    pub(crate) async fn play(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            for step in steps {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request);
                tokio::spawn(perform(step, stream));
            }
        });
        Self { url, requests }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text.into_owned();
            }
        }
        match stream.read(&mut buffer).await.unwrap() {
            0 => return String::from_utf8_lossy(&request).into_owned(),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
}

async fn perform(step: Step, mut stream: TcpStream) {
    match step {
        // A client that has read enough closes the connection.
        Step::SendBytes(bytes) => drop(stream.write_all(&bytes).await),
        Step::Send(text) => stream.write_all(text.as_bytes()).await.unwrap(),
        Step::SendThenClose { text, keep } => stream.write_all(&text.as_bytes()[..keep]).await.unwrap(),
        Step::Reset => stream.set_zero_linger().unwrap(),
        Step::Drip { text, every } => {
            for byte in text.as_bytes() {
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(every).await;
            }
        }
        Step::Silence => {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    }
}

/// Time that passes only during a sleep, which returns at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestClock(Arc<Mutex<Vec<Duration>>>);

impl TestClock {
    pub(crate) const START: Duration = Duration::from_secs(1_700_000_000);

    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Self::START + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().iter().sum()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}

pub(crate) fn builder(url: &str) -> GraphClientBuilder {
    GraphClient::builder(AccessToken::new(TOKEN).unwrap()).base_url(url)
}

/// A client that makes one attempt.
pub(crate) fn once(url: &str) -> GraphClient {
    builder(url).retry(RetryPolicy::none()).build().unwrap()
}
