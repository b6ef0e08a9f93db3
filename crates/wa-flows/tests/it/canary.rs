//! No secret appears in logs, `Debug` or `Display`.

use std::fmt::Debug;

use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower_service::Service;
use tracing::Level;
use wa_flows::client::PhoneKey;
use wa_flows::{
    AppSecret, EncryptedMedia, Envelope, FlowEndpoint, FlowRequest, FlowResponse, HandlerError, KeyRing,
    ResponseBody, TokenSignatureMode,
};

use crate::support::{self, call, captured, encrypt, known_key, post, post_signed};

/// The text that must not appear anywhere.
const MARKER: &str = "CANARYm4rker";

fn clean(what: &str, text: &str) {
    assert!(!text.contains(MARKER), "{what} shows a secret: {text}");
    // The first bytes of the private key's DER, as Debug prints bytes and as base64.
    assert!(
        !text.contains("48, 130, 4") && !text.contains("MIIE"),
        "{what} shows the private key: {text}"
    );
}

fn clean_debug(what: impl Debug) {
    clean(std::any::type_name_of_val(&what), &format!("{what:?} {what:#?}"));
}

/// A response is encrypted, but still not printed.
async fn clean_response(body: ResponseBody) {
    let printed = format!("{body:?} {body:#?}");
    let text = body.collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.len() > 16 && !printed.contains(&text[..16]), "{printed}");
}

fn marked(action: &str) -> Value {
    json!({"version": MARKER, "action": action, "screen": format!("{MARKER}!"), "flow_token": MARKER,
        "flow_token_signature": format!("{MARKER}.{MARKER}.{MARKER}"),
        "data": {"field": MARKER, "error_message": MARKER, "other": {"error": MARKER}}})
}

async fn handler(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    clean_debug(&request);
    clean_debug(request.clone().data_as::<Vec<u8>>().unwrap_err());
    match request.action().as_str() {
        "INIT" => Ok(FlowResponse::screen(MARKER, json!({"a": MARKER}))),
        "BACK" => Ok(FlowResponse::token_invalid(Some(MARKER.to_owned()))),
        "data_exchange" => Err(request.data_as::<Vec<u8>>().unwrap_err().into()),
        _ => Ok(FlowResponse::screen(MARKER, json!([MARKER]))),
    }
}

async fn play(endpoint: &FlowEndpoint<impl wa_flows::FlowHandler>) {
    let ping = json!({"version": "3.0", "action": "ping"});
    let response = endpoint.clone().call(post(encrypt(&ping).body())).await.unwrap();
    clean_response(response.into_body()).await;
    for action in ["ping", "INIT", "BACK", "data_exchange", MARKER] {
        call(endpoint, post(encrypt(&marked(action)).body())).await;
    }
    let notification = json!({"action": "INIT", "data": {"error": MARKER, "error_message": MARKER}});
    call(endpoint, post(encrypt(&notification).body())).await;
    call(endpoint, post_signed(MARKER.as_bytes(), MARKER)).await;
    call(endpoint, post(MARKER.as_bytes())).await;
    call(
        endpoint,
        post(format!(r#"{{"initial_vector":"{MARKER}"}}"#).as_bytes()),
    )
    .await;
}

#[test]
fn logs_and_printed_values_contain_no_secret() {
    let log = captured(Level::TRACE, async {
        for mode in [TokenSignatureMode::Off, TokenSignatureMode::Required] {
            let builder = FlowEndpoint::builder(KeyRing::new(known_key()).unwrap(), handler)
                .app_secret(AppSecret::new(support::SECRET).unwrap())
                .app_secret(AppSecret::new(MARKER).unwrap())
                .token_signature(mode)
                .observer(|report| clean_debug(report));
            clean_debug(&builder);
            let endpoint = builder.build().unwrap();
            clean_debug(&endpoint);
            play(&endpoint).await;
        }
    });
    clean("the log", &log);
    for seen in [
        "answered a Flow request",
        "refused a Flow request",
        "the handler failed",
        "error_notification",
    ] {
        assert!(log.contains(seen), "the capture misses {seen:?}: {log}");
    }
    assert!(log.contains(&known_key().public_key().fingerprint().short()));
}

#[test]
fn payloads_are_logged_if_that_is_enabled() {
    let endpoint = support::builder().danger_log_payloads().build().unwrap();
    let log = captured(Level::DEBUG, async {
        call(&endpoint, post(encrypt(&marked("INIT")).body())).await;
    });
    assert!(
        log.contains(MARKER),
        "the marker appears in a log that hides nothing"
    );
}

#[test]
fn values_and_errors_contain_no_secret() {
    let ring = KeyRing::new(known_key()).unwrap();
    let phone = PhoneKey::new(known_key().public_key()).unwrap();
    let request = phone.encrypt(marked("INIT").to_string().as_bytes()).unwrap();
    clean_debug(AppSecret::new(MARKER).unwrap());
    let error = AppSecret::new(format!("{MARKER} {MARKER}")).unwrap_err();
    clean("SecretError", &format!("{error} {error:?}"));
    clean_debug(Envelope::parse(request.body()).unwrap());
    clean_debug(ring.open(request.body()).unwrap());
    clean_debug(ring.open(request.body()).unwrap().into_parts().1);
    clean_debug((&ring, &phone, &request));
    clean_debug(FlowRequest::parse(marked(MARKER).to_string().into()).unwrap());
    let response = FlowResponse::close(MARKER, serde_json::Map::new());
    clean_debug((response, FlowResponse::token_invalid(Some(MARKER.to_owned()))));
    clean_debug(FlowResponse::from_json(format!("{{\"a\":\"{MARKER}\"}}").into()).unwrap());

    let key = base64_simd::STANDARD.encode_to_string(&b"CANARYm4rkerCANARYm4rkerCANARYm4"[..]);
    let mut description = json!({"media_id": MARKER, "cdn_url": MARKER, "file_name": MARKER,
        "encryption_metadata": {
        "encryption_key": key, "hmac_key": key, "iv": "AAAAAAAAAAAAAAAAAAAAAA==", "plaintext_hash": key,
        "encrypted_hash": key}});
    let media: EncryptedMedia = serde_json::from_value(description.clone()).unwrap();
    clean_debug(&media);
    clean_debug(media.decrypt(MARKER.as_bytes()).unwrap_err());
    description["encryption_metadata"]["hmac_key"] = json!(MARKER);
    let error = serde_json::from_value::<EncryptedMedia>(description).unwrap_err();
    clean("a media description's error", &format!("{error} {error:?}"));
}
