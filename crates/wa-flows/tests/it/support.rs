//! Helpers that several test files share.

use std::pin::Pin;
use std::sync::{Once, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower_service::Service;
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;
use wa_flows::client::{EncryptedRequest, PhoneKey, sign};
use wa_flows::{
    AppSecret, FlowEndpoint, FlowEndpointBuilder, FlowHandler, FlowRequest, FlowResponse, HandlerError,
    KeyRing,
};
use wa_keys::PrivateKey;

pub(crate) fn test_file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub(crate) fn test_data(name: &str) -> Value {
    serde_json::from_slice(&test_file(name)).unwrap()
}

/// The published throwaway key of the third-party vectors.
pub(crate) fn known_key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::parse(test_file("pywa_private_key.der"), None).unwrap())
}

/// One of two keys that are not the known one.
pub(crate) fn other_key(which: usize) -> &'static PrivateKey {
    static KEYS: [OnceLock<PrivateKey>; 2] = [const { OnceLock::new() }; 2];
    KEYS.get(which)
        .unwrap()
        .get_or_init(|| PrivateKey::generate().unwrap())
}

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(crate) fn app_secret(text: &str) -> AppSecret {
    AppSecret::new(text).unwrap()
}

pub(crate) fn phone() -> PhoneKey {
    PhoneKey::new(known_key().public_key()).unwrap()
}

pub(crate) fn encrypt(payload: &Value) -> EncryptedRequest {
    phone().encrypt(payload.to_string().as_bytes()).unwrap()
}

/// A POST of JSON, signed with the secret of the tests.
pub(crate) fn post(body: &[u8]) -> Request<Full<Bytes>> {
    post_signed(body, &sign(&app_secret(SECRET), body))
}

/// A POST of JSON with this signature.
pub(crate) fn post_signed(body: &[u8], signature: &str) -> Request<Full<Bytes>> {
    Request::post("/flow")
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .body(Full::from(body.to_vec()))
        .unwrap()
}

/// The response of an endpoint.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

pub(crate) async fn call<H: FlowHandler>(
    endpoint: &FlowEndpoint<H>,
    request: Request<Full<Bytes>>,
) -> Received {
    let response = endpoint.clone().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Received {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    }
}

/// Sends a payload as a phone does; returns the status and the decrypted response.
pub(crate) async fn exchange<H: FlowHandler>(endpoint: &FlowEndpoint<H>, payload: Value) -> (u16, Value) {
    let request = encrypt(&payload);
    let response = call(endpoint, post(request.body())).await;
    let opened = request
        .open_response(&response.body)
        .map(|json| serde_json::from_slice(&json).unwrap());
    (response.status, opened.unwrap_or(Value::Null))
}

/// Responds with the action, the screen and the data of the request.
pub(crate) async fn echo(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    let data =
        json!({"action": request.action().as_str(), "from": request.screen(), "data": request.data()?});
    Ok(FlowResponse::screen("ECHO", data))
}

type Handled = Pin<Box<dyn Future<Output = Result<FlowResponse, HandlerError>> + Send>>;

/// A builder with the known key, the secret of the tests and the echo.
pub(crate) fn builder() -> FlowEndpointBuilder<impl FlowHandler> {
    let handler = |request| -> Handled { Box::pin(echo(request)) };
    FlowEndpoint::builder(KeyRing::new(known_key()).unwrap(), handler).app_secret(app_secret(SECRET))
}

/// A body in pieces that then fails, or never ends.
pub(crate) struct Pieces {
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) broken: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.pieces.pop() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.broken => Poll::Ready(Some(Err(std::io::Error::other("reset")))),
            None => Poll::Pending,
        }
    }
}

/// The ring of the known key.
pub(crate) fn ring() -> KeyRing {
    KeyRing::new(known_key()).unwrap()
}

/// The app secret that requests are signed with.
pub(crate) fn secret() -> AppSecret {
    app_secret(SECRET)
}

/// A request that opens a Flow.
pub(crate) fn init() -> Value {
    json!({"version": "3.0", "action": "INIT", "flow_token": "t", "screen": "", "data": {}})
}

/// Runs a future in a runtime of its own, and returns what is logged in this thread meanwhile.
pub(crate) fn captured(level: Level, future: impl Future<Output = ()>) -> String {
    static ENABLE: Once = Once::new();
    // As long as there is only one subscriber, `tracing` disables an event for good if a thread without it
    // is the first that reaches it. A second subscriber, which wants every event, prevents that.
    ENABLE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(file.reopen().unwrap())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(future);
    });
    std::fs::read_to_string(&file).unwrap()
}
