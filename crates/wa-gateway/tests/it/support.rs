//! A phone, a backend, and a gateway between them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use wa_flows::AppSecret;
use wa_flows::client::{EncryptedRequest, PhoneKey, sign};
use wa_gateway::{Gateway, GatewayConfig, Overrides};
use wa_keys::PrivateKey;
use wa_keys::file::{Existing, write_private_key};

/// The app secret of most tests.
pub(crate) const SECRET: &str = "5ec4e75ec4e75ec4e75ec4e75ec4e75e";

/// Keys that are made once.
pub(crate) fn key(which: usize) -> &'static PrivateKey {
    static KEYS: [LazyLock<PrivateKey>; 3] = [const { LazyLock::new(|| PrivateKey::generate().unwrap()) }; 3];
    &KEYS[which]
}

/// A directory of a gateway: its keys.
pub(crate) struct Files(TempDir);

impl Files {
    /// With the first key as `1.pem`.
    pub(crate) fn new() -> Self {
        let files = Self::empty();
        files.write_key("1.pem", 0);
        files
    }

    pub(crate) fn empty() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(files.path().join("keys")).unwrap();
        files
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write_key(&self, name: &str, which: usize) {
        write_private_key(self.path().join("keys").join(name), key(which), Existing::Replace).unwrap();
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        // As an editor or a deployment does it: a new file in place of the old.
        let temporary = self.path().join(".temporary");
        std::fs::write(&temporary, text).unwrap();
        std::fs::rename(temporary, self.path().join(name)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path().join(name)).unwrap();
    }
}

/// The text of a configuration with one endpoint at `/flow`.
pub(crate) fn config_text(upstream: &str, more: &str) -> String {
    format!(
        "listen = \"127.0.0.1:0\"\nwatch_interval = \"50ms\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [[endpoint]]\nname = \"shop\"\npath = \"/flow\"\nkeys = \"keys\"\nupstream = \"{upstream}\"\n{more}\n"
    )
}

/// Reads a configuration that lies in `files`.
pub(crate) fn configure(files: &Files, text: &str) -> GatewayConfig {
    files.write("gateway.toml", text);
    let environment = |name: &str| (name == "WA_APP_SECRET").then(|| SECRET.to_owned());
    GatewayConfig::load(
        Some(&files.path().join("gateway.toml")),
        &Overrides::new(),
        environment,
    )
    .unwrap()
    .dropped_log_lines(|| 7)
}

pub(crate) async fn start(files: &Files, text: &str) -> Gateway {
    Gateway::start(configure(files, text)).await.unwrap()
}

/// A gateway in front of a backend.
pub(crate) async fn start_before(files: &Files, backend: &Backend) -> Gateway {
    start(files, &config_text(&backend.url(), "")).await
}

/// Waits until something holds, for as long as a slow machine may need.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A phone with Meta's servers behind it.
pub(crate) struct Phone<C = HttpConnector> {
    client: Client<C, Full<Bytes>>,
    url: String,
    pub(crate) key: PhoneKey,
    pub(crate) secret: AppSecret,
}

/// What came back, with the means to read it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    request: EncryptedRequest,
}

impl Phone {
    pub(crate) fn new(gateway: &Gateway) -> Self {
        Self::with_key(gateway, 0)
    }

    pub(crate) fn with_key(gateway: &Gateway, which: usize) -> Self {
        let url = format!("http://{}/flow", gateway.local_addr());
        Self::over(Client::builder(TokioExecutor::new()).build_http(), url, which)
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Phone<C> {
    pub(crate) fn over(client: Client<C, Full<Bytes>>, url: String, which: usize) -> Self {
        let key = PhoneKey::new(key(which).public_key()).unwrap();
        Self {
            client,
            url,
            key,
            secret: AppSecret::new(SECRET).unwrap(),
        }
    }

    pub(crate) fn at(mut self, url: String) -> Self {
        self.url = url;
        self
    }

    /// A signed request as it goes over the wire.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let request = self.key.encrypt(init().to_string().as_bytes()).unwrap();
        let head = format!(
            "POST /flow HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-hub-signature-256: {}\r\n\
             content-length: {}\r\n\r\n",
            sign(&self.secret, request.body()),
            request.body().len()
        );
        [head.as_bytes(), request.body()].concat()
    }

    pub(crate) async fn send(&self, payload: &Value) -> Reply {
        self.try_send(payload).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        payload: &Value,
    ) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let request = self.key.encrypt(payload.to_string().as_bytes()).unwrap();
        let (head, body) = self.try_post(request.body(), &[]).await?.into_parts();
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body,
            request,
        })
    }

    /// Signs a body and sends it, as often as it is asked to.
    pub(crate) async fn post(&self, body: &[u8]) -> Response<Bytes> {
        self.post_with(body, &[]).await
    }

    /// Signs a body and sends it with more headers, as a proxy adds them.
    pub(crate) async fn post_with(&self, body: &[u8], headers: &[(&str, &str)]) -> Response<Bytes> {
        self.try_post(body, headers).await.unwrap()
    }

    async fn try_post(
        &self,
        body: &[u8],
        headers: &[(&str, &str)],
    ) -> Result<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
        let http = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("x-hub-signature-256", sign(&self.secret, body));
        let http = headers
            .iter()
            .fold(http, |http, (name, value)| http.header(*name, *value))
            .body(Full::new(Bytes::copy_from_slice(body)))
            .unwrap();
        let (head, body) = self.client.request(http).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

impl Reply {
    /// What was said inside the encryption.
    pub(crate) fn open(&self) -> Value {
        serde_json::from_slice(&self.request.open_response(&self.body).unwrap()).unwrap()
    }
}

pub(crate) fn ping() -> Value {
    json!({"version": "3.0", "action": "ping"})
}

pub(crate) fn init() -> Value {
    json!({"version": "3.0", "action": "INIT", "flow_token": "token-1"})
}

/// What a backend was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A backend that responds as configured.
pub(crate) struct Backend {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Backend {
    /// Answers everything with one status and body.
    pub(crate) async fn saying(status: u16, body: &'static str) -> Self {
        Self::answering(move |_| async move { (status, body.to_owned()) }).await
    }

    pub(crate) async fn answering<F, Fut>(answer: F) -> Self
    where
        F: Fn(Asked) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = (u16, String)> + Send,
    {
        Self::answering_at(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer)
    }

    pub(crate) fn answering_at<F, Fut>(listener: TcpListener, answer: F) -> Self
    where
        F: Fn(Asked) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = (u16, String)> + Send,
    {
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let connections = Arc::<Mutex<usize>>::default();
        let (log, count) = (Arc::clone(&asked), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *count.lock().unwrap() += 1;
                let (log, answer) = (Arc::clone(&log), answer.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (log, answer) = (Arc::clone(&log), answer.clone());
                    async move {
                        let asked = receive(request).await;
                        log.lock().unwrap().push(asked.clone());
                        let (status, body) = answer(asked).await;
                        let reply = Response::builder()
                            .status(status)
                            .body(Full::new(Bytes::from(body)));
                        Ok::<_, Infallible>(reply.unwrap())
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { connection.await.ok() });
            }
        });
        Self {
            address,
            asked,
            connections,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/plain", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(request: Request<Incoming>) -> Asked {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Asked {
        method: head.method,
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body,
    }
}

/// A backend that answers one request for each permit.
pub(crate) async fn holding_backend() -> (Backend, Arc<Semaphore>) {
    let release = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&release);
    let backend = Backend::answering(move |_| {
        let held = Arc::clone(&held);
        async move {
            held.acquire().await.unwrap().forget();
            (200, "{}".to_owned())
        }
    })
    .await;
    (backend, release)
}

/// Asks the admin address.
pub(crate) async fn admin(gateway: &Gateway, method: Method, path: &str, body: &str) -> (StatusCode, String) {
    let (status, body) = ask(gateway, method, path, body).await;
    (status, String::from_utf8(body).unwrap())
}

/// Has media decrypted.
pub(crate) async fn decrypt_media(gateway: &Gateway, description: &str) -> (StatusCode, Vec<u8>) {
    ask(gateway, Method::POST, "/media/decrypt", description).await
}

async fn ask(gateway: &Gateway, method: Method, path: &str, body: &str) -> (StatusCode, Vec<u8>) {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", gateway.admin_addr().unwrap()))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    (head.status, body.collect().await.unwrap().to_bytes().to_vec())
}

/// The value of one metric, 0 if it is not there.
pub(crate) fn metric(gateway: &Gateway, name: &str, labels: &[(&str, &str)]) -> u64 {
    let labels: HashMap<_, _> = labels.iter().copied().collect();
    let text = gateway.metrics();
    let matching = text.lines().filter(|line| {
        let (Some(rest), true) = (line.strip_prefix(name), !line.starts_with('#')) else {
            return false;
        };
        let begins = rest.starts_with('{') || rest.starts_with(' ');
        begins
            && labels
                .iter()
                .all(|(label, value)| rest.contains(&format!("{label}=\"{value}\"")))
    });
    matching
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}
