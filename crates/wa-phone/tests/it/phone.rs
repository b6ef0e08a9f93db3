//! The requests of the phone.

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_APP_SECRET, DEFAULT_PHONE_NUMBER_ID, Emulator};
use wa_phone::{
    Exchange, FlowMessage, Outcome, PhoneBuildError, SendError, WhatsAppClient, WhatsAppClientBuilder,
};

use crate::endpoint::{Endpoint, OLD, correct};
use crate::started;

pub(crate) fn fixed(url: &str) -> WhatsAppClientBuilder {
    WhatsAppClient::builder(url)
        .public_key_pem(&*OLD.pem)
        .app_secret(DEFAULT_APP_SECRET)
        .retry_delay(Duration::ZERO)
}

pub(crate) fn fetching(emulator: &Emulator, url: &str) -> WhatsAppClientBuilder {
    WhatsAppClient::builder(url)
        .key_from(emulator.base_url(), DEFAULT_PHONE_NUMBER_ID, DEFAULT_ACCESS_TOKEN)
        .app_secret(DEFAULT_APP_SECRET)
        .retry_delay(Duration::ZERO)
}

pub(crate) fn payload(exchange: &Exchange) -> &Value {
    exchange
        .outcome
        .payload()
        .unwrap_or_else(|| panic!("{exchange:?}"))
        .expose()
}

fn signature(body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, DEFAULT_APP_SECRET.as_bytes());
    format!("sha256={}", HEXLOWER.encode(hmac::sign(&key, body).as_ref()))
}

#[tokio::test]
async fn a_flow_is_completed() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let emulator = started().await;
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let phone = fetching(&emulator, &endpoint.url).build().unwrap();

    let ping = phone.send(&FlowMessage::ping()).await.unwrap();
    assert!(ping.outcome.payload().unwrap().is_active());
    let first = phone.send(&FlowMessage::init("t-1")).await.unwrap();
    assert_eq!(payload(&first), &json!({"screen": "NEXT", "data": {"seen": {}}}));
    let entered = json!({"name": "Zoë / 名前"});
    let next = phone
        .send(&FlowMessage::data_exchange("t-1", "FIRST", entered.clone()))
        .await
        .unwrap();
    assert_eq!(payload(&next)["data"]["seen"], entered);
    phone.send(&FlowMessage::back("t-1", "SECOND")).await.unwrap();
    let notification =
        FlowMessage::error_notification("t-1", "SECOND", "payload-schema-error", "a member is missing");
    assert!(
        phone
            .send(&notification)
            .await
            .unwrap()
            .outcome
            .payload()
            .unwrap()
            .is_acknowledgement()
    );
    let last = phone
        .send(&FlowMessage::data_exchange("t-1", "LAST", json!({"done": true})))
        .await
        .unwrap();
    assert!(last.outcome.payload().unwrap().is_success());

    let seen: Vec<Value> = endpoint
        .received()
        .iter()
        .map(|received| received.opened.as_ref().unwrap().json())
        .collect();
    let expected = [
        json!({"version": "3.0", "action": "ping"}),
        json!({"version": "3.0", "action": "INIT", "screen": "", "data": {}, "flow_token": "t-1"}),
        json!({
            "version": "3.0", "action": "data_exchange", "screen": "FIRST", "data": entered, "flow_token": "t-1",
        }),
        json!({"version": "3.0", "action": "BACK", "screen": "SECOND", "data": {}, "flow_token": "t-1"}),
        json!({
            "version": "3.0", "action": "data_exchange", "screen": "SECOND", "flow_token": "t-1",
            "data": {"error": "payload-schema-error", "error_message": "a member is missing"},
        }),
        json!({
            "version": "3.0", "action": "data_exchange", "screen": "LAST", "flow_token": "t-1",
            "data": {"done": true},
        }),
    ];
    assert_eq!(seen, expected);
    assert_eq!(endpoint.connections(), 1, "one connection serves all");
    assert_eq!(emulator.requests().len(), 1, "the key is fetched once");
}

#[tokio::test]
async fn every_request_is_signed_over_its_raw_bytes() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    for escape in [false, true] {
        fixed(&endpoint.url)
            .escape_slashes(escape)
            .build()
            .unwrap()
            .send(&FlowMessage::ping())
            .await
            .unwrap();
    }
    let unsigned = WhatsAppClient::builder(&*endpoint.url)
        .public_key_pem(&*OLD.pem)
        .build()
        .unwrap();
    unsigned.send(&FlowMessage::ping()).await.unwrap();
    let received = endpoint.received();
    for received in &received[..2] {
        assert_eq!(received.headers["x-hub-signature-256"], signature(&received.body));
        assert_eq!(received.headers["content-type"], "application/json");
    }
    assert!(!received[2].headers.contains_key("x-hub-signature-256"));
}

#[tokio::test]
async fn slashes_are_escaped_if_enabled() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let phone = fixed(&endpoint.url).escape_slashes(true).build().unwrap();
    // The base64 of a payload this large has a slash with near certainty.
    let exchange = phone
        .send(&FlowMessage::init("t").data(json!({"text": "x".repeat(4000)})))
        .await
        .unwrap();
    assert_eq!(payload(&exchange)["screen"], "NEXT");
    let body = String::from_utf8(endpoint.received()[0].body.clone()).unwrap();
    assert!(body.contains("\\/"));
    assert!(!body.replace("\\/", "").contains('/'));
}

#[tokio::test]
async fn the_flow_token_is_signed_in_version_4_if_enabled() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let message = FlowMessage::init("t-1");
    let signing = fixed(&endpoint.url).sign_flow_token(true).build().unwrap();
    signing.send(&message.clone().version("4.0")).await.unwrap();
    signing.send(&message).await.unwrap();
    fixed(&endpoint.url)
        .build()
        .unwrap()
        .send(&message.version("4.0"))
        .await
        .unwrap();
    let seen: Vec<Value> = endpoint
        .received()
        .iter()
        .map(|received| received.opened.as_ref().unwrap().json())
        .collect();
    let jwt = seen[0]["flow_token_signature"].as_str().unwrap();
    let (signed, tag) = jwt.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, DEFAULT_APP_SECRET.as_bytes());
    hmac::verify(
        &key,
        signed.as_bytes(),
        &BASE64URL_NOPAD.decode(tag.as_bytes()).unwrap(),
    )
    .unwrap();
    let claims = BASE64URL_NOPAD
        .decode(signed.split_once('.').unwrap().1.as_bytes())
        .unwrap();
    assert_eq!(claims, br#"{"flow_token":"t-1"}"#);
    assert!(
        seen[1..]
            .iter()
            .all(|request| request.get("flow_token_signature").is_none())
    );
}

#[tokio::test]
async fn large_payloads_are_sent_and_received() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    let image = "A".repeat(900 * 1024);
    let message = FlowMessage::data_exchange("t", "PHOTOS", json!({"image": image}));
    assert_eq!(
        payload(&phone.send(&message).await.unwrap())["data"]["seen"]["image"],
        image
    );
}

#[tokio::test]
async fn an_encrypted_request_can_be_modified() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    let encrypted = phone.encrypt(&FlowMessage::ping()).await.unwrap();
    assert_eq!(encrypted.signature(), Some(signature(encrypted.body()).as_str()));
    let response = phone
        .send_raw(encrypted.body().clone(), encrypted.signature())
        .await
        .unwrap();
    assert!(encrypted.read(&response).payload().is_some());
    let mut envelope: Value = serde_json::from_slice(encrypted.body()).unwrap();
    envelope["initial_vector"] = BASE64.encode(&[7; 16]).into();
    let response = phone.send_raw(envelope.to_string().into(), None).await.unwrap();
    assert!(matches!(encrypted.read(&response), Outcome::KeyRefused));
}

#[tokio::test]
async fn https_requires_a_trusted_certificate() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let acceptor = acceptor(&made.cert, &made.signing_key);
    let endpoint = Endpoint::listen(&OLD, correct, Some(acceptor)).await;
    let trusting = fixed(&endpoint.url)
        .root_certificate_pem(made.cert.pem())
        .build()
        .unwrap();
    assert!(
        trusting
            .send(&FlowMessage::ping())
            .await
            .unwrap()
            .outcome
            .payload()
            .is_some()
    );
    let untrusted = fixed(&endpoint.url)
        .build()
        .unwrap()
        .send(&FlowMessage::ping())
        .await
        .unwrap()
        .outcome;
    assert!(
        matches!(
            &untrusted,
            Outcome::NoResponse(SendError::Certificate { remedy: Some(remedy), .. }) if remedy.contains("whole chain")
        ),
        "{untrusted:?}"
    );
}

async fn failure(phone: WhatsAppClientBuilder) -> String {
    let exchange = phone.build().unwrap().send(&FlowMessage::ping()).await.unwrap();
    match exchange.outcome {
        Outcome::NoResponse(failure) => {
            let remedy = failure.remedy().unwrap_or_default();
            format!("{failure}; {remedy}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn errors_of_certificates_and_ports_are_specific() {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let acceptor = acceptor(&certificate, &key);
    let authority = Endpoint::listen(&OLD, correct, Some(acceptor)).await;
    let as_authority = failure(fixed(&authority.url).root_certificate_pem(certificate.pem())).await;
    assert!(
        as_authority.contains("basicConstraints=critical,CA:FALSE"),
        "{as_authority}"
    );

    let plain = failure(fixed(&authority.url.replace("https", "http"))).await;
    assert_eq!(plain, "the server does not speak plain HTTP; try https");

    let endpoint = Endpoint::start(&OLD, correct).await;
    let tls = failure(fixed(&endpoint.url.replace("http", "https"))).await;
    assert!(tls.contains("does not speak TLS; try http"), "{tls}");

    let made = rcgen::generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
    let elsewhere =
        Endpoint::listen(&OLD, correct, Some(self::acceptor(&made.cert, &made.signing_key))).await;
    let other_name = failure(fixed(&elsewhere.url).root_certificate_pem(made.cert.pem())).await;
    assert!(other_name.contains("another host name"), "{other_name}");
}

fn acceptor(certificate: &rcgen::Certificate, key: &rcgen::KeyPair) -> tokio_rustls::TlsAcceptor {
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config))
}

#[tokio::test]
async fn requests_have_a_user_agent() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    phone.send(&FlowMessage::ping()).await.unwrap();
    let agent = endpoint.received()[0].headers["user-agent"].clone();
    assert_eq!(agent, concat!("wa-phone/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn the_exchange_id_of_the_endpoint_is_returned() {
    let endpoint = Endpoint::start(&OLD, correct).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    let exchange = phone.send(&FlowMessage::ping()).await.unwrap();
    assert_eq!(exchange.exchange_id.as_deref(), Some("4b06998b7cfff797"));
}

#[tokio::test]
async fn invalid_settings_are_errors() {
    let build = |builder: WhatsAppClientBuilder| builder.build().unwrap_err();
    for url in ["", "localhost:8080", "/flow", "ftp://x/", "http://"] {
        assert!(
            matches!(build(fixed(url)), PhoneBuildError::Url { what: "endpoint" }),
            "{url:?}"
        );
    }
    assert!(matches!(
        build(WhatsAppClient::builder("http://x/")),
        PhoneBuildError::NoKeySource
    ));
    assert!(matches!(
        build(WhatsAppClient::builder("http://x/").public_key_pem("x")),
        PhoneBuildError::Key { .. }
    ));
    assert!(matches!(
        build(fixed("http://x/").root_certificate_pem("x")),
        PhoneBuildError::RootCertificate
    ));
    let remote = || WhatsAppClient::builder("http://x/").key_from("http://graph.example", "1", "t");
    assert!(matches!(build(remote()), PhoneBuildError::PlainHttp));
    assert!(remote().danger_allow_plain_http(true).build().is_ok());
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let loopback = WhatsAppClient::builder("http://x/").key_from(format!("http://{host}:1"), "1", "t");
        assert!(loopback.build().is_ok(), "{host}");
    }
}
