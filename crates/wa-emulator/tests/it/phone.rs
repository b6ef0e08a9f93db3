//! The phone side against endpoints that are right, and wrong in one way each.

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};
use wa_emulator::{
    ClientKind, DEFAULT_ACCESS_TOKEN, DEFAULT_APP_SECRET, DEFAULT_PHONE_NUMBER_ID, DeliveryFailure, Emulator,
    Exchange, FlowMessage, Outcome, PhoneBuildError, PhoneError, ReplyFault, WhatsAppClient,
    WhatsAppClientBuilder,
};

use crate::client::started;
use crate::endpoint::{Endpoint, NEW, OLD, Received, Reply, honest};

fn fixed(url: &str) -> WhatsAppClientBuilder {
    WhatsAppClient::builder(url)
        .public_key_pem(&*OLD.pem)
        .app_secret(DEFAULT_APP_SECRET)
        .retry_delay(Duration::ZERO)
}

fn fetching(emulator: &Emulator, url: &str) -> WhatsAppClientBuilder {
    WhatsAppClient::builder(url)
        .key_from(emulator.base_url(), DEFAULT_PHONE_NUMBER_ID, DEFAULT_ACCESS_TOKEN)
        .app_secret(DEFAULT_APP_SECRET)
        .retry_delay(Duration::ZERO)
}

fn answered(exchange: &Exchange) -> &Value {
    exchange
        .outcome
        .payload()
        .unwrap_or_else(|| panic!("{exchange:?}"))
        .expose()
}

async fn outcome_of(behaviour: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Outcome {
    let endpoint = Endpoint::start(&OLD, behaviour).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    phone.send(&FlowMessage::init("t")).await.unwrap().outcome
}

fn signature(body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, DEFAULT_APP_SECRET.as_bytes());
    format!("sha256={}", HEXLOWER.encode(hmac::sign(&key, body).as_ref()))
}

#[tokio::test]
async fn a_whole_flow_is_played() {
    let endpoint = Endpoint::start(&OLD, honest).await;
    let emulator = started().await;
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let phone = fetching(&emulator, &endpoint.url).build().unwrap();

    let ping = phone.send(&FlowMessage::ping()).await.unwrap();
    assert!(ping.outcome.payload().unwrap().is_active());
    let first = phone.send(&FlowMessage::init("t-1")).await.unwrap();
    assert_eq!(answered(&first), &json!({"screen": "NEXT", "data": {"seen": {}}}));
    let entered = json!({"name": "Zoë / 名前"});
    let next = phone
        .send(&FlowMessage::data_exchange("t-1", "FIRST", entered.clone()))
        .await
        .unwrap();
    assert_eq!(answered(&next)["data"]["seen"], entered);
    phone.send(&FlowMessage::back("t-1", "SECOND")).await.unwrap();
    let notice =
        FlowMessage::error_notification("t-1", "SECOND", "payload-schema-error", "a member is missing");
    assert!(
        phone
            .send(&notice)
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
        json!({"version": "3.0", "action": "data_exchange", "screen": "FIRST", "data": entered, "flow_token": "t-1"}),
        json!({"version": "3.0", "action": "BACK", "screen": "SECOND", "data": {}, "flow_token": "t-1"}),
        json!({
            "version": "3.0", "action": "data_exchange", "screen": "SECOND", "flow_token": "t-1",
            "data": {"error": "payload-schema-error", "error_message": "a member is missing"},
        }),
        json!({"version": "3.0", "action": "data_exchange", "screen": "LAST", "data": {"done": true}, "flow_token": "t-1"}),
    ];
    assert_eq!(seen, expected);
    assert_eq!(endpoint.connections(), 1, "one connection serves all");
    assert_eq!(emulator.requests().len(), 1, "the key is fetched once");
}

#[tokio::test]
async fn every_request_is_signed_over_its_raw_bytes() {
    let endpoint = Endpoint::start(&OLD, honest).await;
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
async fn slashes_are_escaped_when_asked_for() {
    let endpoint = Endpoint::start(&OLD, honest).await;
    let phone = fixed(&endpoint.url).escape_slashes(true).build().unwrap();
    // A payload this large has a slash in its base64, as sure as anything.
    let exchange = phone
        .send(&FlowMessage::init("t").data(json!({"text": "x".repeat(4000)})))
        .await
        .unwrap();
    assert_eq!(answered(&exchange)["screen"], "NEXT");
    let body = String::from_utf8(endpoint.received()[0].body.clone()).unwrap();
    assert!(body.contains("\\/"));
    assert!(!body.replace("\\/", "").contains('/'));
}

#[tokio::test]
async fn the_flow_token_is_signed_in_version_4_when_asked_for() {
    let endpoint = Endpoint::start(&OLD, honest).await;
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
async fn after_a_421_a_phone_fetches_the_key_again_and_succeeds() {
    let endpoint = Endpoint::start(&NEW, honest).await;
    let emulator = started().await;
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let phone = fetching(&emulator, &endpoint.url).build().unwrap();
    phone.open().await.unwrap();
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&NEW.pem))
        .unwrap();
    let exchange = phone.send(&FlowMessage::init("t")).await.unwrap();
    assert_eq!(answered(&exchange)["screen"], "NEXT");
    assert_eq!((exchange.attempts, emulator.requests().len()), (2, 2));
    let exchange = phone.send(&FlowMessage::init("t")).await.unwrap();
    assert_eq!(exchange.attempts, 1, "the new key is kept");
    let bodies: Vec<Value> = endpoint
        .received()
        .iter()
        .map(|received| serde_json::from_slice(&received.body).unwrap())
        .collect();
    assert_ne!(
        bodies[0]["initial_vector"], bodies[1]["initial_vector"],
        "a retry has a vector of its own"
    );
}

#[tokio::test]
async fn whatsapp_web_keeps_the_key_that_it_opened_the_flow_with() {
    let endpoint = Endpoint::start(&NEW, honest).await;
    let emulator = started().await;
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let web = fetching(&emulator, &endpoint.url)
        .kind(ClientKind::Web)
        .build()
        .unwrap();
    web.open().await.unwrap();
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&NEW.pem))
        .unwrap();
    let exchange = web.send(&FlowMessage::init("t")).await.unwrap();
    assert!(matches!(exchange.outcome, Outcome::KeyRefused));
    assert_eq!((exchange.attempts, emulator.requests().len()), (2, 1));
    web.open().await.unwrap();
    assert_eq!(
        web.send(&FlowMessage::init("t")).await.unwrap().attempts,
        1,
        "opened again, it has the new key"
    );
}

#[tokio::test]
async fn a_421_is_tried_again_once_and_a_notice_never() {
    let endpoint = Endpoint::start(&NEW, honest).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    let exchange = phone.send(&FlowMessage::init("t")).await.unwrap();
    assert!(matches!(exchange.outcome, Outcome::KeyRefused));
    assert_eq!(endpoint.received().len(), 2);
    let notice = FlowMessage::error_notification("t", "S", "timeout_error", "late");
    assert_eq!(phone.send(&notice).await.unwrap().attempts, 1);
    assert_eq!(endpoint.received().len(), 3);
}

#[tokio::test]
async fn a_427_is_told_with_its_message_in_either_form() {
    let text = json!({"error_msg": "This offer has ended"});
    let plain = text.to_string();
    let sealed =
        move |received: &Received| (427, "text/plain", received.opened.as_ref().unwrap().seal(&text));
    let outcome = outcome_of(sealed).await;
    assert!(
        matches!(&outcome, Outcome::FlowTokenInvalid { message: Some(message), encrypted: true } if message == "This offer has ended"),
        "{outcome:?}"
    );
    let outcome = outcome_of(move |_| (427, "application/json", plain.clone())).await;
    assert!(
        matches!(
            &outcome,
            Outcome::FlowTokenInvalid {
                message: Some(_),
                encrypted: false
            }
        ),
        "{outcome:?}"
    );
    let outcome = outcome_of(|_| (427, "", String::new())).await;
    assert!(
        matches!(
            &outcome,
            Outcome::FlowTokenInvalid {
                message: None,
                encrypted: false
            }
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn other_statuses_have_outcomes_of_their_own() {
    assert!(matches!(
        outcome_of(|_| (432, "", String::new())).await,
        Outcome::SignatureRefused
    ));
    assert!(matches!(
        outcome_of(|_| (500, "", "oops".to_owned())).await,
        Outcome::UnexpectedStatus(500)
    ));
    assert!(matches!(
        outcome_of(|_| (302, "", String::new())).await,
        Outcome::UnexpectedStatus(302)
    ));
}

/// A wrong answer to the opening of a Flow, and the fault that it has to be called.
type Case = (fn(&Received) -> Reply, fn(&ReplyFault) -> bool);

async fn each_is_named<const N: usize>(cases: [Case; N]) {
    for (index, (wrong, expected)) in cases.into_iter().enumerate() {
        let outcome = outcome_of(wrong).await;
        assert!(
            matches!(&outcome, Outcome::Unreadable(fault) if expected(fault)),
            "case {index}: {outcome:?}"
        );
    }
}

fn ok(body: String) -> Reply {
    (200, "text/plain", body)
}

#[tokio::test]
async fn each_fault_in_the_form_of_an_answer_is_named() {
    each_is_named([
        (
            |received| (200, "application/json", honest(received).2),
            |fault| matches!(fault, ReplyFault::ContentType { found } if found == "application/json"),
        ),
        (
            |received| ok(format!("\"{}\"", honest(received).2)),
            |fault| *fault == ReplyFault::Quoted,
        ),
        (
            |received| (200, "application/json", format!("\"{}\"", honest(received).2)),
            |fault| *fault == ReplyFault::Quoted,
        ),
        (
            |_| {
                (
                    200,
                    "application/json",
                    r#"{"screen":"NEXT","data":{}}"#.to_owned(),
                )
            },
            |fault| *fault == ReplyFault::NotEncrypted,
        ),
        (
            |_| ok("no base64!".to_owned()),
            |fault| *fault == ReplyFault::NotBase64,
        ),
        (
            |received| ok(honest(received).2 + "\n"),
            |fault| *fault == ReplyFault::NotBase64,
        ),
    ])
    .await;
    let untyped = outcome_of(|received| (200, "", honest(received).2)).await;
    assert!(
        untyped.payload().is_some(),
        "an answer without a Content-Type is read"
    );
    let charset = outcome_of(|received| (200, "text/plain; charset=utf-8", honest(received).2)).await;
    assert!(charset.payload().is_some());
}

#[tokio::test]
async fn each_fault_in_what_an_answer_holds_is_named() {
    each_is_named([
        (|_| ok(String::new()), |fault| *fault == ReplyFault::TooShort),
        (|_| ok(BASE64.encode(&[0; 15])), |fault| *fault == ReplyFault::TooShort),
        (
            |received| {
                let opened = received.opened.as_ref().unwrap();
                ok(opened.encrypt(b"{}", opened.iv))
            },
            |fault| *fault == ReplyFault::UnflippedVector,
        ),
        (
            |received| {
                let mut body = BASE64.decode(honest(received).2.as_bytes()).unwrap();
                body[0] ^= 1;
                ok(BASE64.encode(&body))
            },
            |fault| *fault == ReplyFault::NotDecrypted,
        ),
        (
            |received| ok(received.opened.as_ref().unwrap().seal(&json!("text"))),
            |fault| *fault == ReplyFault::NotJson,
        ),
        (
            |received| ok(received.opened.as_ref().unwrap().seal(&json!({"data": {}}))),
            |fault| matches!(fault, ReplyFault::Schema { payload, .. } if payload.expose() == &json!({"data": {}})),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_ping_and_a_notice_are_held_to_their_own_answers() {
    let endpoint = Endpoint::start(&OLD, |received| {
        (
            200,
            "text/plain",
            received
                .opened
                .as_ref()
                .unwrap()
                .seal(&json!({"screen": "S", "data": {}})),
        )
    })
    .await;
    let phone = fixed(&endpoint.url).build().unwrap();
    for message in [
        FlowMessage::ping(),
        FlowMessage::error_notification("t", "S", "e", "m"),
    ] {
        let exchange = phone.send(&message).await.unwrap();
        assert!(
            matches!(exchange.outcome, Outcome::Unreadable(ReplyFault::Schema { .. })),
            "{message:?}"
        );
    }
    let raw = FlowMessage::raw(json!({"version": "3.0", "action": "ping", "unknown": [1, 2]}));
    assert!(phone.send(&raw).await.unwrap().outcome.payload().is_some());
    assert_eq!(
        endpoint.received()[2].opened.as_ref().unwrap().json()["unknown"],
        json!([1, 2])
    );
}

#[tokio::test]
async fn large_payloads_go_both_ways() {
    let endpoint = Endpoint::start(&OLD, honest).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    let image = "A".repeat(900 * 1024);
    let message = FlowMessage::data_exchange("t", "PHOTOS", json!({"image": image}));
    assert_eq!(
        answered(&phone.send(&message).await.unwrap())["data"]["seen"]["image"],
        image
    );
}

#[tokio::test]
async fn no_answer_is_told_apart() {
    let endpoint = Endpoint::start(&OLD, |received| {
        std::thread::sleep(Duration::from_millis(300));
        honest(received)
    })
    .await;
    let phone = fixed(&endpoint.url)
        .timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    let outcome = phone.send(&FlowMessage::ping()).await.unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::NoAnswer(DeliveryFailure::TimedOut { .. })),
        "{outcome:?}"
    );
    let phone = fixed("http://127.0.0.1:1/").build().unwrap();
    let outcome = phone.send(&FlowMessage::ping()).await.unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::NoAnswer(DeliveryFailure::Connection { .. })),
        "{outcome:?}"
    );
    let outcome = outcome_of(|_| (200, "text/plain", "A".repeat(3 * 1024 * 1024))).await;
    assert!(
        matches!(outcome, Outcome::NoAnswer(DeliveryFailure::TooLarge { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn without_a_good_key_no_request_is_made() {
    let endpoint = Endpoint::start(&OLD, honest).await;
    let emulator = started().await;
    let send = async || {
        let phone = fetching(&emulator, &endpoint.url).build().unwrap();
        phone.send(&FlowMessage::ping()).await.unwrap_err()
    };
    assert!(matches!(send().await, PhoneError::NoKey));
    emulator.set_wire_shape(wa_emulator::WireShape::new().no_key(wa_emulator::NoKeyShape::EmptyData));
    assert!(matches!(send().await, PhoneError::NoKey));
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    emulator.reregister_number(DEFAULT_PHONE_NUMBER_ID).unwrap();
    assert!(matches!(send().await, PhoneError::SignatureMismatch));
    emulator.expire_token("default").unwrap();
    assert!(matches!(
        send().await,
        PhoneError::KeyRefused {
            status: 401,
            code: Some(190)
        }
    ));
    let fault = wa_emulator::Fault::Status {
        status: 200,
        body: "{".to_owned(),
        content_type: String::new(),
    };
    emulator.queue_fault(wa_emulator::FaultRule::new(fault));
    assert!(matches!(send().await, PhoneError::KeyUnreadable));
    emulator.queue_fault(wa_emulator::FaultRule::new(wa_emulator::Fault::Reset).always());
    assert!(matches!(send().await, PhoneError::KeyUnreachable { .. }));
    assert!(endpoint.received().is_empty());
}

#[tokio::test]
async fn the_flat_shape_of_a_key_is_read_too() {
    let endpoint = Endpoint::start(&OLD, honest).await;
    let emulator = started().await;
    emulator.set_wire_shape(wa_emulator::WireShape::new().flat(true));
    emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&OLD.pem))
        .unwrap();
    let phone = fetching(&emulator, &endpoint.url).build().unwrap();
    assert!(
        phone
            .send(&FlowMessage::ping())
            .await
            .unwrap()
            .outcome
            .payload()
            .is_some()
    );
}

#[tokio::test]
async fn a_sealed_request_can_be_changed_on_the_way() {
    let endpoint = Endpoint::start(&OLD, honest).await;
    let phone = fixed(&endpoint.url).build().unwrap();
    let sealed = phone.seal(&FlowMessage::ping()).await.unwrap();
    assert_eq!(sealed.signature(), Some(signature(sealed.body()).as_str()));
    let delivery = phone
        .deliver(sealed.body().clone(), sealed.signature())
        .await
        .unwrap();
    assert!(sealed.read(&delivery).payload().is_some());
    let mut envelope: Value = serde_json::from_slice(sealed.body()).unwrap();
    envelope["initial_vector"] = BASE64.encode(&[7; 16]).into();
    let delivery = phone.deliver(envelope.to_string().into(), None).await.unwrap();
    assert!(matches!(sealed.read(&delivery), Outcome::KeyRefused));
}

#[tokio::test]
async fn https_needs_a_certificate_that_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let endpoint = Endpoint::listen(&OLD, honest, Some(acceptor)).await;
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
    let strange = fixed(&endpoint.url)
        .build()
        .unwrap()
        .send(&FlowMessage::ping())
        .await
        .unwrap()
        .outcome;
    assert!(
        matches!(strange, Outcome::NoAnswer(DeliveryFailure::Connection { .. })),
        "{strange:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_set_up_is_told() {
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
