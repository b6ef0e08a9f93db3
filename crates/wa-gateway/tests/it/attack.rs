//! Signed requests, and the gateway's memory, beside clients that hold whatever they can. All limits are the
//! defaults.

#![expect(clippy::print_stdout, reason = "the tests report what they measured")]

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wa_gateway::{Gateway, GatewayConfig, Overrides};

use crate::support::{Backend, Files, Phone, SECRET, config_text, ping};
use crate::tls;

/// What `limits.connections` is by default.
const CONNECTIONS: usize = 2048;
/// The name of the variable that configures the process which configuration to serve.
const CONFIG: &str = "WA_GATEWAY_TEST_CONFIG";

/// A gateway in a process of its own: its memory and its open files are counted separately.
struct GatewayProcess {
    child: Child,
    address: SocketAddr,
    _files: Files,
    _backend: Backend,
    _alone: MutexGuard<'static, ()>,
}

/// Keeps the attacks apart: each takes thousands of this process's files.
static ALONE: Mutex<()> = Mutex::const_new(());

impl GatewayProcess {
    async fn start() -> Self {
        let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
        let text = config_text(&backend.url(), "");
        Self::with(files, backend, &text).await
    }

    async fn with(files: Files, backend: Backend, text: &str) -> Self {
        let alone = ALONE.lock().await;
        rlimit::increase_nofile_limit(4 * CONNECTIONS as u64).unwrap();
        files.write("gateway.toml", text);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "attack::gateway_process", "--ignored", "--nocapture"])
            .env(CONFIG, files.path().join("gateway.toml"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| {
                line.unwrap()
                    .strip_prefix("ready ")
                    .map(|address| address.parse().unwrap())
            })
            .unwrap();
        Self {
            child,
            address,
            _files: files,
            _backend: backend,
            _alone: alone,
        }
    }

    /// A client whose connections no other client uses.
    fn phone(&self) -> Phone {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Phone::over(client, format!("http://{}/flow", self.address), 0)
    }

    /// Resident memory in MB.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        let kilobytes: usize = resident.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        kilobytes * 1024 / 1_000_000
    }
}

impl Drop for GatewayProcess {
    fn drop(&mut self) {
        // It also exits at the end of its input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the process of the other tests"]
fn gateway_process() {
    let path = std::env::var_os(CONFIG).expect("only other tests run this");
    let environment = |name: &str| (name == "WA_APP_SECRET").then(|| SECRET.to_owned());
    let config = GatewayConfig::load(Some(path.as_ref()), &Overrides::new(), environment).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let gateway = runtime.block_on(Gateway::start(config)).unwrap();
    println!("\nready {}", gateway.local_addr());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// Connections that an attacker holds, more than the gateway accepts.
struct Attack {
    address: SocketAddr,
    kind: Kind,
    held: VecDeque<TcpStream>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// A head, and a body that never comes.
    MissingBody,
    /// The same, after a request that is answered.
    KeepAlive,
    /// A chunked body that never ends.
    Chunked,
    /// A head that never ends.
    SlowHead,
}

impl Kind {
    fn bytes(self) -> &'static str {
        match self {
            Self::MissingBody | Self::KeepAlive => {
                "POST /flow HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n"
            }
            Self::Chunked => "POST /flow HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
            Self::SlowHead => "POST /flow HTTP/1.1\r\nhost: x\r\n",
        }
    }
}

impl Attack {
    async fn begin(address: SocketAddr, kind: Kind) -> Self {
        let mut attack = Self {
            address,
            kind,
            held: VecDeque::new(),
        };
        for _ in 0..CONNECTIONS {
            attack.renew().await;
        }
        attack
    }

    async fn renew(&mut self) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        if self.kind == Kind::KeepAlive {
            stream
                .write_all(b"GET /flow HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .unwrap();
            // It can be evicted already.
            let _ = stream.read(&mut [0; 512]).await;
        }
        let _ = stream.write_all(self.kind.bytes().as_bytes()).await;
        self.held.push_back(stream);
        // Old connections are closed only beyond twice the limit, so that all slots of the gateway stay
        // taken.
        if self.held.len() > 2 * CONNECTIONS {
            self.held.pop_front();
        }
    }
}

/// Sends `requests` signed requests, in turn on a new connection and on a kept one, and renews six
/// connections of the attack before each. Returns how many were answered 200.
async fn answered_beside(kind: Kind, requests: usize, pause: Duration) -> usize {
    let gateway = GatewayProcess::start().await;
    let mut attack = Attack::begin(gateway.address, kind).await;
    let kept = gateway.phone();
    let mut answered = 0;
    for request in 0..requests {
        for _ in 0..6 {
            attack.renew().await;
            tokio::time::sleep(pause).await;
        }
        let new = gateway.phone();
        let phone = if request % 2 == 0 { &kept } else { &new };
        let reply = timeout(Duration::from_secs(10), phone.try_send(&ping())).await;
        answered += usize::from(matches!(reply, Ok(Ok(reply)) if reply.status == 200));
    }
    println!("{kind:?}: {answered} of {requests}");
    answered
}

#[tokio::test]
async fn signed_requests_are_answered_beside_bodies_that_never_come() {
    assert!(answered_beside(Kind::MissingBody, 200, Duration::ZERO).await >= 196);
}

#[tokio::test]
async fn signed_requests_are_answered_beside_kept_connections_that_stall() {
    assert!(answered_beside(Kind::KeepAlive, 200, Duration::ZERO).await >= 196);
}

#[tokio::test]
async fn signed_requests_are_answered_beside_chunks_that_never_end() {
    assert!(answered_beside(Kind::Chunked, 200, Duration::ZERO).await >= 196);
}

#[tokio::test]
async fn signed_requests_are_answered_beside_heads_that_never_end() {
    assert!(answered_beside(Kind::SlowHead, 200, Duration::ZERO).await >= 196);
}

/// Longer than the time that a body has, at up to some 400 new connections a second.
#[tokio::test]
#[ignore = "takes two minutes: cargo test -p wa-gateway --test it attack:: -- --ignored --nocapture"]
async fn signed_requests_are_answered_beside_long_attacks() {
    for kind in [Kind::MissingBody, Kind::KeepAlive, Kind::Chunked, Kind::SlowHead] {
        assert!(answered_beside(kind, 1000, Duration::from_millis(1)).await >= 980);
    }
}

/// Opens connections, sends each the same bytes, and returns the memory of the gateway in MB before and with
/// them.
#[cfg(target_os = "linux")]
async fn memory_with(connections: usize, bytes: &[u8]) -> (usize, usize) {
    let gateway = GatewayProcess::start().await;
    assert_eq!(gateway.phone().send(&ping()).await.status, 200);
    let before = gateway.memory();
    let mut held = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        // A connection that is closed takes no more.
        let _ = timeout(Duration::from_secs(5), stream.write_all(bytes)).await;
        held.push(stream);
    }
    // An exchange that ends shows that what came before it was read.
    assert_eq!(gateway.phone().send(&ping()).await.status, 200);
    let with = gateway.memory();
    println!("{connections} connections: {before} -> {with} MB");
    (before, with)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unfinished_heads_take_little_memory() {
    let long = format!("POST /flow HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat(16_000));
    let (before, with) = memory_with(1000, long.as_bytes()).await;
    assert!(with - before <= 60, "{before} -> {with} MB");
    // What is beyond the limit is not kept.
    let longer = format!("POST /flow HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat(300_000));
    let (before, with) = memory_with(1000, longer.as_bytes()).await;
    assert!(with - before <= 60, "{before} -> {with} MB");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn all_connections_take_bounded_memory() {
    let head = "POST /flow HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000\r\n";
    let headers = format!("x: {}\r\n", "x".repeat(150)).repeat(90);
    for body in [0, 10_000, 60_000, 1_900_000] {
        let request = format!("{head}{headers}\r\n{}", "x".repeat(body));
        let (_, with) = memory_with(CONNECTIONS, request.as_bytes()).await;
        assert!(with < 150, "{body} bytes of a body each: {with} MB");
    }
}

/// Over TLS each connection also has a session, and part of a record that is not complete.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "2,048 handshakes: cargo test -p wa-gateway --test it attack:: -- --ignored --nocapture"]
async fn all_connections_take_bounded_memory_over_tls() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let certificate = tls::certificate();
    tls::put(&files, &certificate);
    let text = tls::with_tls(&backend.url());
    let gateway = GatewayProcess::with(files, backend, &text).await;
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate.pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let before = gateway.memory();
    let head = format!("POST /flow HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat(16_000));
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(gateway.address).await.unwrap();
        let mut stream = connector
            .connect("localhost".try_into().unwrap(), stream)
            .await
            .unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut stream = stream.into_inner().0;
        stream.write_all(&[23, 3, 3, 0x40, 0]).await.unwrap();
        stream.write_all(&[0; 16_000]).await.unwrap();
        held.push(stream);
    }
    let with = gateway.memory();
    println!("{CONNECTIONS} connections over TLS: {before} -> {with} MB");
    assert!(with < 150, "{with} MB");
}
