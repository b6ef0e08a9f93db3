//! A minimal Flow endpoint, correct or with a fault. It decrypts with aws-lc-rs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aes_gcm::aead::Aead;
use aes_gcm::aead::consts::U16;
use aes_gcm::aes::Aes128;
use aes_gcm::{AesGcm, KeyInit};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A key pair of the endpoint.
pub(crate) struct Pair {
    pub(crate) pem: String,
    private: OaepPrivateDecryptingKey,
}

pub(crate) static OLD: LazyLock<Pair> = LazyLock::new(Pair::generate);
pub(crate) static NEW: LazyLock<Pair> = LazyLock::new(Pair::generate);

impl Pair {
    fn generate() -> Self {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let der: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
        let base64 = BASE64.encode(der.as_ref());
        let lines: Vec<_> = base64
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        );
        Self {
            pem,
            private: OaepPrivateDecryptingKey::new(private).unwrap(),
        }
    }
}

/// A received request, and its content if it could be decrypted.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) opened: Option<Opened>,
}

#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) plaintext: Vec<u8>,
    pub(crate) aes_key: [u8; 16],
    pub(crate) iv: [u8; 16],
}

impl Opened {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.plaintext).unwrap()
    }

    pub(crate) fn encrypt(&self, plaintext: &[u8], iv: [u8; 16]) -> String {
        let cipher = AesGcm::<Aes128, U16>::new(&self.aes_key.into());
        BASE64.encode(&cipher.encrypt(&iv.into(), plaintext).unwrap())
    }

    /// Returns the body of a correct response.
    pub(crate) fn encrypt_response(&self, value: &Value) -> String {
        self.encrypt(value.to_string().as_bytes(), self.iv.map(|byte| byte ^ 0xff))
    }
}

pub(crate) type RawResponse = (u16, &'static str, String);
type Behaviour = dyn Fn(&Received) -> RawResponse + Send + Sync;

pub(crate) struct Endpoint {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

/// Responds as Meta's guide describes.
pub(crate) fn correct(received: &Received) -> RawResponse {
    let Some(opened) = &received.opened else {
        return (421, "text/plain", String::new());
    };
    let request = opened.json();
    let payload = if request["action"] == "ping" {
        json!({"data": {"status": "active"}})
    } else if request["data"]["error"].is_string() {
        json!({"data": {"acknowledged": true}})
    } else if request["data"]["done"] == true {
        let params = json!({"flow_token": request["flow_token"]});
        json!({"screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}})
    } else {
        json!({"screen": "NEXT", "data": {"seen": request["data"]}})
    };
    (200, "text/plain", opened.encrypt_response(&payload))
}

impl Endpoint {
    pub(crate) async fn start(
        key: &'static Pair,
        behaviour: impl Fn(&Received) -> RawResponse + Send + Sync + 'static,
    ) -> Self {
        Self::listen(key, behaviour, None).await
    }

    pub(crate) async fn listen(
        key: &'static Pair,
        behaviour: impl Fn(&Received) -> RawResponse + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let (log, counter) = (Arc::clone(&received), Arc::clone(&connections));
        let scheme = if tls.is_some() { "https" } else { "http" };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let (log, behaviour, tls) = (Arc::clone(&log), Arc::clone(&behaviour), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => connection(stream, key, log, behaviour).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                connection(stream, key, log, behaviour).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            url: format!("{scheme}://localhost:{}/flow", address.port()),
            received,
            connections,
        }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    key: &'static Pair,
    log: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Behaviour>,
) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (log, behaviour) = (Arc::clone(&log), Arc::clone(&behaviour));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            let received = Received {
                opened: open(key, &body),
                headers: head.headers,
                body,
            };
            log.lock().unwrap().push(received.clone());
            let (status, content_type, body) = behaviour(&received);
            let mut response = Response::builder()
                .status(status)
                .header("x-exchange-id", "4b06998b7cfff797");
            if !content_type.is_empty() {
                response = response.header("Content-Type", content_type);
            }
            Ok::<_, Infallible>(response.body(Full::new(Bytes::from(body))).unwrap())
        }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn open(key: &Pair, body: &[u8]) -> Option<Opened> {
    let envelope: Value = serde_json::from_slice(body).ok()?;
    let member = |name: &str| BASE64.decode(envelope[name].as_str()?.as_bytes()).ok();
    let mut aes_key = vec![0; key.private.min_output_size()];
    let aes_key = key
        .private
        .decrypt(
            &OAEP_SHA256_MGF1SHA256,
            &member("encrypted_aes_key")?,
            &mut aes_key,
            None,
        )
        .ok()?;
    let aes_key: [u8; 16] = (&*aes_key).try_into().ok()?;
    let iv: [u8; 16] = member("initial_vector")?.try_into().ok()?;
    let cipher = AesGcm::<Aes128, U16>::new(&aes_key.into());
    let plaintext = cipher
        .decrypt(&iv.into(), member("encrypted_flow_data")?.as_slice())
        .ok()?;
    Some(Opened {
        plaintext,
        aes_key,
        iv,
    })
}
