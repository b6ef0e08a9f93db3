//! An endpoint that behaves as the test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use axum::serve::Listener;
use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;
use wa_emulator::DEFAULT_APP_SECRET;
use wa_flows::KeyRing;
use wa_flows::client::sign;
use wa_keys::PrivateKey;
use wa_secrets::AppSecret;

/// How the endpoint responds to a ping.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    Correct,
    Unsigned,
    Secret(&'static str),
    Status(u16),
    Json,
    Html,
    Slow(Duration),
}

pub(crate) struct Endpoint {
    pub(crate) url: String,
    /// The certificate that clients must trust.
    pub(crate) root: Option<Vec<u8>>,
}

struct Served {
    ring: KeyRing,
    behaviour: Behaviour,
}

impl Endpoint {
    pub(crate) async fn start(key: &PrivateKey, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/flow", listener.local_addr().unwrap());
        let router = router(key, behaviour);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, root: None }
    }

    /// Serves over TLS with a certificate for `name` that is valid for some days around now.
    pub(crate) async fn start_tls(key: &PrivateKey, name: &str, days: i64, trusted: bool) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let now = std::time::SystemTime::now();
        let day = Duration::from_hours(24);
        let until = if days < 0 {
            now - day * u32::try_from(-days).unwrap()
        } else {
            now + day * u32::try_from(days).unwrap()
        };
        parameters.not_before = (now - day * 400).into();
        parameters.not_after = until.into();
        let certificate = parameters.self_signed(&pair).unwrap();
        let key_der = PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key_der)
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = tcp.local_addr().unwrap().port();
        let listener = Tls {
            tcp,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        let router = router(key, Behaviour::Correct);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url: format!("https://localhost:{port}/flow"),
            root: trusted.then(|| certificate.pem().into_bytes()),
        }
    }
}

fn router(key: &PrivateKey, behaviour: Behaviour) -> axum::Router {
    let ring = KeyRing::new(key).unwrap();
    axum::Router::new()
        .fallback(respond)
        .with_state(Arc::new(Served { ring, behaviour }))
}

async fn respond(State(served): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let status = |status: u16, kind: &str, body: Body| {
        Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(body)
            .unwrap()
    };
    let secret = match served.behaviour {
        Behaviour::Secret(secret) => secret,
        _ => DEFAULT_APP_SECRET,
    };
    let expected = sign(&AppSecret::new(secret).unwrap(), &body);
    let given = headers
        .get("x-hub-signature-256")
        .and_then(|value| value.to_str().ok());
    match served.behaviour {
        Behaviour::Status(code) => return status(code, "text/plain", Body::empty()),
        Behaviour::Html => return status(200, "text/html", Body::from("<html>please log in</html>")),
        Behaviour::Unsigned => {}
        _ if given != Some(&expected) => return status(432, "text/plain", Body::empty()),
        Behaviour::Json => {
            return status(
                200,
                "application/json",
                Body::from(r#"{"data":{"status":"active"}}"#),
            );
        }
        Behaviour::Slow(pause) => tokio::time::sleep(pause).await,
        Behaviour::Correct | Behaviour::Secret(_) => {}
    }
    let Ok(opened) = served.ring.open(&body) else {
        return status(421, "text/plain", Body::empty());
    };
    let response = opened
        .into_parts()
        .1
        .seal(br#"{"data":{"status":"active"}}"#.to_vec());
    status(200, "text/plain", Body::from(response.as_bytes().to_vec()))
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.tcp.accept().await else {
                continue;
            };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
