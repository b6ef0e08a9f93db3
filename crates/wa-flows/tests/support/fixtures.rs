//! Helpers that several test files share.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    clippy::unused_async,
    reason = "tests"
)]

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower_service::Service;
use wa_flows::client::{EncryptedRequest, PhoneKey, sign};
use wa_flows::{
    AppSecret, FlowEndpoint, FlowEndpointBuilder, FlowHandler, FlowRequest, FlowResponse, HandlerError,
    KeyRing,
};
use wa_keys::PrivateKey;

pub fn test_file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub fn test_data(name: &str) -> Value {
    serde_json::from_slice(&test_file(name)).unwrap()
}

/// The published throwaway key of the third-party vectors.
pub fn known_key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::parse(test_file("pywa_private_key.der"), None).unwrap())
}

/// One of two keys that are not the known one.
pub fn other_key(which: usize) -> &'static PrivateKey {
    static KEYS: [OnceLock<PrivateKey>; 2] = [const { OnceLock::new() }; 2];
    KEYS.get(which)
        .unwrap()
        .get_or_init(|| PrivateKey::generate().unwrap())
}

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub fn app_secret(text: &str) -> AppSecret {
    AppSecret::new(text).unwrap()
}

pub fn phone() -> PhoneKey {
    PhoneKey::new(known_key().public_key()).unwrap()
}

pub fn encrypt(payload: &Value) -> EncryptedRequest {
    phone().encrypt(payload.to_string().as_bytes()).unwrap()
}

/// A POST of JSON, signed with the secret of the tests.
pub fn post(body: &[u8]) -> Request<Full<Bytes>> {
    post_signed(body, &sign(&app_secret(SECRET), body))
}

/// A POST of JSON with this signature.
pub fn post_signed(body: &[u8], signature: &str) -> Request<Full<Bytes>> {
    Request::post("/flow")
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .body(Full::from(body.to_vec()))
        .unwrap()
}

/// The response of an endpoint.
#[derive(Debug)]
pub struct Received {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub async fn call<H: FlowHandler>(endpoint: &FlowEndpoint<H>, request: Request<Full<Bytes>>) -> Received {
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
pub async fn exchange<H: FlowHandler>(endpoint: &FlowEndpoint<H>, payload: Value) -> (u16, Value) {
    let request = encrypt(&payload);
    let response = call(endpoint, post(request.body())).await;
    let opened = request
        .open_response(&response.body)
        .map(|json| serde_json::from_slice(&json).unwrap());
    (response.status, opened.unwrap_or(Value::Null))
}

/// Responds with the action, the screen and the data of the request.
pub async fn echo(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    let data =
        json!({"action": request.action().as_str(), "from": request.screen(), "data": request.data()?});
    Ok(FlowResponse::screen("ECHO", data))
}

type Handled = Pin<Box<dyn Future<Output = Result<FlowResponse, HandlerError>> + Send>>;

/// A builder with the known key, the secret of the tests and the echo.
pub fn builder() -> FlowEndpointBuilder<impl FlowHandler> {
    let handler = |request| -> Handled { Box::pin(echo(request)) };
    FlowEndpoint::builder(KeyRing::new(known_key()).unwrap(), handler).app_secret(app_secret(SECRET))
}

/// A body in pieces that then fails, or never ends.
pub struct Pieces {
    pub pieces: Vec<Bytes>,
    pub broken: bool,
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
pub fn ring() -> KeyRing {
    KeyRing::new(known_key()).unwrap()
}

/// The app secret that requests are signed with.
pub fn secret() -> AppSecret {
    app_secret(SECRET)
}

/// A request that opens a Flow.
pub fn init() -> Value {
    json!({"version": "3.0", "action": "INIT", "flow_token": "t", "screen": "", "data": {}})
}
