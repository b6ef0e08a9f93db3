//! Fuzzes the encrypted data channel.

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use tower_service::Service as _;
use wa_flows::client::{PhoneKey, sign};
use wa_flows::{
    AppSecret, EncryptedMedia, Envelope, FlowEndpoint, FlowRequest, FlowResponse, HandlerError, KeyRing,
    MediaFixture, OpenError, TokenSignatureMode, verify_flow_token, verify_signature,
};
use wa_keys::PrivateKey;

use crate::local::block_on;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
    let pem = include_bytes!("../../../crates/wa-gateway/tests/data/private.pem");
    PrivateKey::parse(pem, None).expect("a test key")
});
static PHONE: LazyLock<PhoneKey> = LazyLock::new(|| PhoneKey::new(KEY.public_key()).expect("a phone"));
static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new(&KEY).expect("a ring"));
static MEDIA: LazyLock<(EncryptedMedia, Vec<u8>)> = LazyLock::new(|| {
    let made = MediaFixture::new("https://mmg.whatsapp.net/a", "a.txt", b"hello").expect("a file");
    let media = serde_json::from_value(made.description).expect("a description");
    (media, made.cdn_file)
});

fn secret() -> AppSecret {
    AppSecret::new(SECRET).expect("a secret")
}

/// Opens the input as the body of a request.
pub(crate) fn envelope(data: &[u8]) {
    let is_envelope = Envelope::parse(data).is_ok();
    match RING.open(data) {
        Ok(opened) => drop(FlowRequest::parse(opened.expose_payload().to_vec())),
        Err(error) => assert_eq!(error == OpenError::NoEnvelope, !is_envelope),
    }
}

/// Sends two signed requests to an endpoint: one with the input as its body, one with the input as the
/// encrypted payload.
pub(crate) fn request(data: &[u8]) {
    let sealed = PHONE.encrypt(data).expect("a request");
    block_on(async {
        let mut endpoint = FlowEndpoint::builder(RING.clone(), echo)
            .app_secret(secret())
            .token_signature(TokenSignatureMode::WhenPresent)
            .build()
            .expect("an endpoint");
        for body in [data, sealed.body()] {
            let request = Request::post("/")
                .header("content-type", "application/json")
                .header("x-hub-signature-256", sign(&secret(), body))
                .body(Full::new(Bytes::copy_from_slice(body)))
                .expect("a request");
            let Ok(response) = endpoint.call(request).await;
            let status = response.status();
            assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
            let reply = response.into_body().collect().await.expect("a body").to_bytes();
            if status == StatusCode::OK && body == sealed.body() {
                sealed.open_response(&reply).expect("the phone reads it");
            }
        }
    });
}

async fn echo(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    drop(format!("{request:?}"));
    Ok(FlowResponse::screen("A", json!({"token": request.flow_token()})))
}

/// Verifies a signature; the input is the header, a line end, and the body.
pub(crate) fn signature(data: &[u8]) {
    let (header, body) = split(data);
    let right = sign(&secret(), body);
    let verdict = verify_signature(&[secret()], Some(header), body);
    assert_eq!(
        verdict.is_ok(),
        header.eq_ignore_ascii_case(right.as_bytes()) && header.starts_with(b"sha256=")
    );
}

/// Verifies the input as a JWT, then a correctly signed JWT whose header and claims are the first line and
/// the rest of it.
pub(crate) fn flow_token(data: &[u8]) {
    let (header, claims) = split(data);
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    for jwt in [
        String::from_utf8_lossy(data).into_owned(),
        format!("{signed}.{mac}"),
    ] {
        let payload = json!({
            "version": "4.0", "action": "INIT", "flow_token": "token", "flow_token_signature": jwt,
        });
        let request = FlowRequest::parse(payload.to_string().into_bytes()).expect("a request");
        let verdict = verify_flow_token(TokenSignatureMode::Required, &[secret()], &request);
        drop(verdict.map_err(|error| error.to_string()));
    }
}

/// Reads the input as a media description, and decrypts it as the file of a valid description.
pub(crate) fn media(data: &[u8]) {
    let (media, file) = &*MEDIA;
    assert_eq!(media.decrypt(data).is_ok(), data == file);
    if let Ok(described) = serde_json::from_slice::<EncryptedMedia>(data) {
        drop((
            described.media_id().len(),
            described.file_name().len(),
            format!("{described:?}"),
        ));
        drop(described.decrypt(file));
    }
}

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n');
    at.map_or((data, &[][..]), |at| {
        let (first, rest) = data.split_at(at);
        (first, rest.get(1..).unwrap_or_default())
    })
}
