//! A minimal Flow endpoint, with one fault or none.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aes_gcm::aead::Aead;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aes::Aes128;
use aes_gcm::{AesGcm, KeyInit};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::fault::Fault;
use super::signature;

pub(crate) const SECRET: &str = "feedfacefeedfacefeedfacefeedface";
const LIMIT: usize = 2 * 1024 * 1024;

pub(crate) struct Pair {
    pub(crate) pem: String,
    private: OaepPrivateDecryptingKey,
}

pub(crate) static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
    let base64 = BASE64.encode(der.as_ref());
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    Pair {
        pem: format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        ),
        private: OaepPrivateDecryptingKey::new(private).unwrap(),
    }
});

/// Serves until the end of the test; returns the URL.
pub(crate) async fn serve(fault: Fault) -> String {
    let address = listen(fault, None).await;
    format!("http://{address}/flow")
}

/// Serves a correct endpoint over TLS; returns its URL and the certificate to trust.
pub(crate) async fn serve_over_tls() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let address = listen(Fault::None, Some(TlsAcceptor::from(Arc::new(config)))).await;
    (
        format!("https://localhost:{}/flow", address.port()),
        made.cert.pem(),
    )
}

async fn listen(fault: Fault, tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let dead = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        let mut listener = Some(listener);
        while let Some(open) = &listener {
            let Ok((stream, _)) = open.accept().await else {
                return;
            };
            if dead.swap(false, Ordering::SeqCst) {
                drop((stream, listener.take()));
                if !matches!(
                    fault,
                    Fault::ShortDataKillsForASecond | Fault::OversizeKillsForASecond
                ) {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                listener = Some(TcpListener::bind(address).await.unwrap());
                continue;
            }
            let (dead, tls) = (Arc::clone(&dead), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => connection(fault, stream, &dead).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            connection(fault, stream, &dead).await;
                        }
                    }
                }
            });
        }
    });
    address
}

async fn connection(
    fault: Fault,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    dead: &Arc<AtomicBool>,
) {
    let service = service_fn(|request| {
        let dead = Arc::clone(dead);
        async move { handle(fault, request, &dead).await }
    });
    let mut http = http1::Builder::new();
    http.keep_alive(fault != Fault::ConnectionsAreClosed);
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

/// A status without a body; 0 closes the connection, 1 never responds, 2 stops the server.
pub(crate) type Refused = u16;

async fn handle(
    fault: Fault,
    request: Request<Incoming>,
    dead: &AtomicBool,
) -> Result<Response<Full<Bytes>>, &'static str> {
    let (head, body) = request.into_parts();
    let named = head
        .headers
        .get("user-agent")
        .is_some_and(|agent| agent.to_str().unwrap().starts_with("wa-"));
    if fault == Fault::RefusesMissingUserAgent && !named {
        return Ok(status(403));
    }
    let kills = matches!(fault, Fault::OversizeKills | Fault::OversizeKillsForASecond);
    if kills && body.size_hint().exact() > Some(LIMIT as u64) {
        dead.store(true, Ordering::SeqCst);
        return Err("dead");
    }
    let limit = match fault {
        Fault::BodyLimitOf100Kb => 100_000,
        Fault::NoBodyLimit | Fault::OversizeIs500 => usize::MAX,
        _ => LIMIT,
    };
    let result = if head.method == Method::POST {
        match Limited::new(body, limit).collect().await {
            Ok(body) => exchange(fault, &head.headers, &body.to_bytes()),
            Err(_) => Err(413),
        }
    } else if fault == Fault::GetIs200 {
        Ok(String::new())
    } else {
        Err(405)
    };
    let status = match result {
        Ok(body) => {
            let content_type = match fault {
                Fault::JsonResponse => "application/json",
                Fault::HtmlResponse => "text/html; charset=utf-8",
                _ => "text/plain",
            };
            return Ok(Response::builder()
                .header("content-type", content_type)
                .body(Full::from(body))
                .unwrap());
        }
        Err(0) => return Err("crash"),
        Err(1) => std::future::pending().await,
        Err(2) => {
            dead.store(true, Ordering::SeqCst);
            return Err("dead");
        }
        Err(refused) => refused,
    };
    Ok(self::status(status))
}

fn status(status: u16) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    if status == 504 {
        // Like the gateway, which names an exchange whose upstream was too slow.
        response = response.header("x-exchange-id", "4b06998b7cfff797");
    }
    response.body(Full::default()).unwrap()
}

fn exchange(fault: Fault, headers: &HeaderMap, body: &[u8]) -> Result<String, Refused> {
    if fault == Fault::OversizeIs500 && body.len() > LIMIT {
        return Err(500);
    }
    if fault == Fault::AllIsOk {
        return Ok("OK".to_owned());
    }
    signature::check(fault, headers, body)?;
    let envelope: Value =
        serde_json::from_slice(body).map_err(|_| if fault == Fault::NoJsonIs500 { 500_u16 } else { 400 })?;
    if fault == Fault::UnknownMembersAreRefused
        && envelope.as_object().is_some_and(|members| members.len() != 3)
    {
        return Err(400);
    }
    if fault == Fault::EscapedSlashesAreRefused && body.windows(2).any(|pair| pair == br"\/") {
        return Err(421);
    }
    if envelope["encrypted_flow_data"].is_null() {
        return Err(if fault == Fault::OtherJsonIs500 { 500 } else { 400 });
    }
    let opened = open(fault, &envelope)?;
    let payload = respond(fault, &opened.request)?;
    Ok(opened.write(fault, &payload))
}

struct Opened {
    request: Value,
    aes_key: [u8; 16],
    vector: [u8; 16],
}

fn open(fault: Fault, envelope: &Value) -> Result<Opened, Refused> {
    let undecryptable = match fault {
        Fault::UndecryptableIs500 => 500,
        Fault::UndecryptableIs400 => 400,
        _ => 421,
    };
    let or = |wrong: Fault, status: Refused| if fault == wrong { status } else { undecryptable };
    let member = |name: &str| BASE64.decode(envelope[name].as_str().unwrap_or_default().as_bytes());
    let data = member("encrypted_flow_data").map_err(|_| or(Fault::BadBase64Is500, 500))?;
    let (key, vector) = (
        member("encrypted_aes_key").unwrap(),
        member("initial_vector").unwrap(),
    );
    if key.is_empty() {
        return Err(or(Fault::EmptyStringsAre500, 500));
    }
    if key.len() != 256 {
        return Err(or(Fault::ShortKeyIs500, 500));
    }
    let oaep = if fault == Fault::OaepBySha1 {
        &OAEP_SHA1_MGF1SHA1
    } else {
        &OAEP_SHA256_MGF1SHA256
    };
    let mut buffer = vec![0; PAIR.private.min_output_size()];
    let aes_key = PAIR
        .private
        .decrypt(oaep, &key, &mut buffer, None)
        .map_err(|_| undecryptable)?;
    let aes_key: [u8; 16] = (&*aes_key).try_into().map_err(|_| undecryptable)?;
    let vector: [u8; 16] = vector.try_into().map_err(|_| or(Fault::ShortVectorIs500, 500))?;
    if data.len() < 16 {
        return Err(match fault {
            Fault::ShortDataCrashes => 0,
            Fault::ShortDataHangs => 1,
            Fault::ShortDataKills | Fault::ShortDataKillsForASecond => 2,
            _ => undecryptable,
        });
    }
    let cipher = AesGcm::<Aes128, U16>::new(&aes_key.into());
    let plaintext = match fault {
        Fault::TwelveByteVector => {
            let vector: [u8; 12] = vector[..12].try_into().unwrap();
            AesGcm::<Aes128, U12>::new(&aes_key.into()).decrypt(&vector.into(), &*data)
        }
        // Counter mode is its own inverse, so encrypting decrypts without checking the tag.
        Fault::TagIsNotChecked => cipher
            .encrypt(&vector.into(), &data[..data.len() - 16])
            .map(|mut text| {
                text.truncate(data.len() - 16);
                text
            }),
        _ => cipher.decrypt(&vector.into(), &*data),
    };
    let request = serde_json::from_slice(&plaintext.map_err(|_| undecryptable)?).map_err(|_| 400_u16)?;
    Ok(Opened {
        request,
        aes_key,
        vector,
    })
}

static PINGS: AtomicUsize = AtomicUsize::new(0);

fn respond(fault: Fault, request: &Value) -> Result<Value, Refused> {
    let active = json!({"data": {"status": "active"}});
    let acknowledged = json!({"data": {"acknowledged": true}});
    let screen = json!({"screen": "FIRST", "data": {"seen": request["data"]}});
    let data = &request["data"];
    let is_notification =
        data["error"].is_string() || (fault != Fault::ErrorKeyIsUnknown && data["error_key"].is_string());
    if request["version"] != "3.0" {
        let action = &request["action"];
        match fault {
            Fault::Version4IsRefused => return Err(400),
            Fault::Version4IsForPingsOnly if action != "ping" => return Err(500),
            Fault::Version4Crashes if action != "ping" => return Err(0),
            Fault::Version4IsRefusedForData if action == "data_exchange" => return Err(400),
            _ => {}
        }
    }
    let signed = request["flow_token_signature"].is_string();
    if fault == Fault::SignedTokenIsRefused && signed {
        return Err(400);
    }
    if fault == Fault::UnsignedTokenIs432 && !signed && request["flow_token"].is_string() {
        return Err(432);
    }
    match request["action"].as_str().unwrap() {
        "ping" if fault == Fault::PingIs404 => Err(404),
        "ping" if fault == Fault::PingIs427 => Err(427),
        "ping" if fault == Fault::EveryThirdIs503 && PINGS.fetch_add(1, Ordering::SeqCst) % 3 == 2 => {
            Err(503)
        }
        "INIT" if fault == Fault::InitIsRefused => Err(400),
        "ping" if fault == Fault::PingIs504 => Err(504),
        "BACK" if fault == Fault::BackCrashes => Err(0),
        "BACK" if fault == Fault::BackKills => Err(2),
        "BACK" if fault == Fault::BackIs500 => Err(500),
        "BACK" if fault == Fault::BackIsRefused => Err(400),
        "BACK" if fault == Fault::BackHasNoScreen => Ok(json!({"data": {}})),
        "INIT" if fault == Fault::NotificationByInitIsAScreen => Ok(screen),
        "ping" if fault == Fault::PingIs500 => Err(500),
        "ping" if fault == Fault::PingIsAcknowledged => Ok(acknowledged),
        "ping" => Ok(active),
        _ if is_notification && fault == Fault::NotificationIs500 => Err(500),
        _ if is_notification && fault != Fault::NotificationIsAScreen => Ok(acknowledged),
        _ if fault == Fault::TokenIsUnknown => Err(427),
        "INIT" if fault == Fault::InitHasNoScreen => Ok(json!({"data": {}})),
        _ => Ok(screen),
    }
}

impl Opened {
    fn write(&self, fault: Fault, payload: &Value) -> String {
        let is_acknowledgement = payload["data"]["acknowledged"] == true;
        let is_active = payload["data"]["status"] == "active";
        if fault == Fault::PlainResponse
            || (fault == Fault::PingIsPlain && is_active)
            || (fault == Fault::AcknowledgementIsPlain && is_acknowledgement)
        {
            return payload.to_string();
        }
        let flip = if fault == Fault::UnflippedVector { 0 } else { 0xff };
        let vector = self.vector.map(|byte| byte ^ flip);
        let cipher = AesGcm::<Aes128, U16>::new(&self.aes_key.into());
        let text = BASE64.encode(
            &cipher
                .encrypt(&vector.into(), payload.to_string().as_bytes())
                .unwrap(),
        );
        match fault {
            Fault::QuotedResponse => format!("\"{text}\""),
            Fault::QuotedAcknowledgement if is_acknowledgement => format!("\"{text}\""),
            Fault::ResponseWithLineEnd => text + "\n",
            // The response to a ping is too short to be wrapped.
            Fault::WrappedResponse if text.len() > 64 => format!("{}\n{}", &text[..64], &text[64..]),
            Fault::UrlSafeResponse => text.replace('+', "-").replace('/', "_").replace('=', ""),
            _ => text,
        }
    }
}
