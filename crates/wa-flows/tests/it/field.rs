//! Faults found in other implementations of Flow endpoints: one test for each, named after the fault.

use serde_json::{Value, json};
use wa_flows::client::{PhoneKey, sign};
use wa_flows::{
    AppSecret, EncryptedMedia, EndpointConfigError, FlowEndpoint, KeyRing, MediaError, SecretError,
};
use wa_keys::PrivateKey;

use crate::support::{
    self, SECRET, app_secret, builder, call, echo, encrypt, exchange, known_key, other_key, post, post_signed,
};

fn ping() -> Value {
    json!({"version": "3.0", "action": "ping"})
}

fn notification() -> Value {
    json!({"version": "3.0", "action": "INIT", "flow_token": "t",
        "data": {"error": "response-decryption-error", "error_message": "m"}})
}

#[tokio::test]
async fn field_1_a_signature_with_an_empty_key_or_a_verify_token_is_refused() {
    let unset = FlowEndpoint::builder(KeyRing::new(known_key()).unwrap(), echo).build();
    assert_eq!(unset.map(|_| ()), Err(EndpointConfigError::NoAppSecret));
    assert!(matches!(AppSecret::new(""), Err(SecretError::Empty { .. })));

    let endpoint = builder().build().unwrap();
    let body = encrypt(&ping()).body().to_vec();
    let empty_key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"");
    let mac = aws_lc_rs::hmac::sign(&empty_key, &body);
    let hex = mac
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat();
    for signature in [format!("sha256={hex}"), sign(&app_secret("verify-token"), &body)] {
        assert_eq!(call(&endpoint, post_signed(&body, &signature)).await.status, 432);
    }
}

#[tokio::test]
async fn field_2_a_short_or_missing_signature_header_is_a_432() {
    let endpoint = builder().build().unwrap();
    let body = encrypt(&ping()).body().to_vec();
    let whole = sign(&app_secret(SECRET), &body);
    for length in 0..whole.len() {
        assert_eq!(
            call(&endpoint, post_signed(&body, &whole[..length])).await.status,
            432,
            "{length} bytes"
        );
    }
    let mut missing = post(&body);
    missing.headers_mut().remove("x-hub-signature-256");
    assert_eq!(call(&endpoint, missing).await.status, 432);
}

#[tokio::test]
async fn field_3_a_body_that_cannot_be_decrypted_is_a_421_and_never_a_500() {
    let endpoint = builder().build().unwrap();
    let sound: Value = serde_json::from_slice(encrypt(&ping()).body()).unwrap();
    let mut bodies = vec![
        PhoneKey::new(other_key(0).public_key())
            .unwrap()
            .encrypt(b"{}")
            .unwrap()
            .body()
            .to_vec(),
        json!({"encrypted_flow_data": sound["encrypted_flow_data"]})
            .to_string()
            .into_bytes(),
    ];
    for member in ["encrypted_flow_data", "encrypted_aes_key", "initial_vector"] {
        for text in [
            "",
            "A",
            "AAAA",
            "!!!!",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            &"A".repeat(344),
            "-_-_",
        ] {
            let mut altered = sound.clone();
            altered[member] = json!(text);
            bodies.push(altered.to_string().into_bytes());
        }
    }
    for body in bodies {
        let response = call(&endpoint, post(&body)).await;
        assert_eq!(
            (response.status, response.body.len()),
            (421, 0),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
}

#[tokio::test]
async fn field_4_an_error_notification_is_recognised_by_either_name_and_acknowledged_encrypted() {
    let endpoint = builder().build().unwrap();
    let by_key = json!({"version": "3.0", "action": "data_exchange",
        "data": {"error_key": "timeout_error", "error_message": "m"}});
    for request in [notification(), by_key] {
        assert_eq!(
            exchange(&endpoint, request).await,
            (200, json!({"data": {"acknowledged": true}}))
        );
    }
}

#[tokio::test]
async fn field_5_the_signature_is_checked_by_default() {
    let endpoint = builder().build().unwrap();
    let body = encrypt(&ping()).body().to_vec();
    assert_eq!(
        call(&endpoint, post_signed(&body, &sign(&app_secret("other"), &body)))
            .await
            .status,
        432
    );
    assert_eq!(call(&endpoint, post(&body)).await.status, 200);
}

#[tokio::test]
async fn field_6_the_signature_covers_the_raw_bytes_not_the_parsed_json() {
    let endpoint = builder().build().unwrap();
    let spellings: [fn(&str) -> String; 3] = [
        |compact| compact.replace('/', "\\/"),
        |compact| compact.replace(':', " : "),
        |compact| format!("\n{compact}\n"),
    ];
    for spell in spellings {
        let compact = String::from_utf8(encrypt(&ping()).body().to_vec()).unwrap();
        let raw = spell(&compact);
        assert_eq!(
            call(&endpoint, post(raw.as_bytes())).await.status,
            200,
            "signed as sent"
        );
        let signature = sign(&app_secret(SECRET), compact.as_bytes());
        assert_eq!(
            call(&endpoint, post_signed(raw.as_bytes(), &signature))
                .await
                .status,
            432
        );
    }
}

#[tokio::test]
async fn field_7_the_response_is_plain_base64_as_text_plain() {
    let endpoint = builder().build().unwrap();
    for request in [ping(), notification(), json!({"action": "INIT"})] {
        let response = call(&endpoint, post(encrypt(&request).body())).await;
        assert_eq!(
            (response.status, &response.headers["content-type"]),
            (200, &"text/plain".parse().unwrap())
        );
        assert_eq!(response.body.len() % 4, 0);
        let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        assert!(response.body.iter().all(base64));
    }
}

#[test]
fn field_8_the_private_key_is_parsed_once_when_it_is_added_to_the_ring() {
    let ring = {
        let key = PrivateKey::parse(support::test_file("pywa_private_key.der"), None).unwrap();
        KeyRing::new(&key).unwrap()
    };
    for _ in 0..3 {
        assert!(ring.open(encrypt(&ping()).body()).is_ok());
    }
    assert_eq!(ring.keys()[0].opened, 3);
}

#[test]
fn field_11_the_nonce_is_16_bytes_as_in_a_known_exchange() {
    let vector = support::test_data("pywa_flow_exchange.json");
    let opened = KeyRing::new(known_key())
        .unwrap()
        .open(vector["request"].to_string().as_bytes())
        .unwrap();
    let expected: Value = serde_json::from_slice(opened.expose_payload()).unwrap();
    assert_eq!(expected, vector["decrypted_request"]);
    let response = vector["derived"]["response_plaintext_utf8"].as_str().unwrap();
    assert_eq!(
        opened.into_parts().1.seal(response.into()),
        vector["encrypted_response_b64"]
    );

    let mut short: Value = vector["request"].clone();
    short["initial_vector"] = json!("5eCmDjs+VAJwdo5c");
    assert!(
        KeyRing::new(known_key())
            .unwrap()
            .open(short.to_string().as_bytes())
            .is_err()
    );
}

#[test]
fn field_12_the_media_mac_covers_the_iv() {
    let vector = support::test_data("pywa_media.json");
    let mut description = json!({"media_id": "m", "cdn_url": "https://mmg.whatsapp.net/",
        "encryption_metadata": vector["encryption_metadata"]});
    let file = support::test_file("pywa_media_cdn_file.bin");
    let media = |description: &Value| serde_json::from_value::<EncryptedMedia>(description.clone()).unwrap();
    assert_eq!(
        media(&description).decrypt(&file).unwrap(),
        support::test_file("pywa_media_plaintext.jpg")
    );
    description["encryption_metadata"]["iv"] = json!("AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(media(&description).decrypt(&file), Err(MediaError::Mac));
}

#[cfg(feature = "media")]
#[tokio::test]
async fn field_12_media_is_fetched_from_whatsapps_cdn_only() {
    use wa_flows::{DownloadError, MediaDownloader};

    let vector = support::test_data("pywa_media.json");
    let downloader = MediaDownloader::builder().build().unwrap();
    for url in [
        "https://127.0.0.1/",
        "http://mmg.whatsapp.net/",
        "https://whatsapp.net.evil.example/",
        "x",
    ] {
        let description =
            json!({"media_id": "m", "cdn_url": url, "encryption_metadata": vector["encryption_metadata"]});
        let media = serde_json::from_value::<EncryptedMedia>(description).unwrap();
        let refused = downloader.download(&media).await;
        assert!(matches!(refused, Err(DownloadError::UrlRefused)), "{url}");
    }
}

#[tokio::test]
async fn field_15_a_body_shorter_than_the_tag_is_a_421() {
    let endpoint = builder().build().unwrap();
    let sound: Value = serde_json::from_slice(encrypt(&ping()).body()).unwrap();
    for length in 0..16 {
        let mut short = sound.clone();
        short["encrypted_flow_data"] = json!(base64_simd::STANDARD.encode_to_string(vec![0; length]));
        let response = call(&endpoint, post(short.to_string().as_bytes())).await;
        assert_eq!((response.status, response.body.len()), (421, 0), "{length} bytes");
    }
}

#[tokio::test]
async fn field_16_version_4_is_served_for_every_action() {
    let endpoint = builder().build().unwrap();
    for action in ["ping", "INIT", "BACK", "data_exchange"] {
        let request =
            json!({"version": "4.0", "action": action, "screen": "S", "flow_token": "t", "data": {}});
        assert_eq!(exchange(&endpoint, request).await.0, 200, "{action}");
    }
}

#[tokio::test]
async fn field_17_back_reaches_the_handler() {
    let endpoint = builder().build().unwrap();
    for screen in ["", "SECOND"] {
        let back =
            json!({"version": "3.0", "action": "BACK", "screen": screen, "flow_token": "t", "data": {}});
        let (status, response) = exchange(&endpoint, back).await;
        assert_eq!(
            (status, &response["data"]["action"]),
            (200, &json!("BACK")),
            "{screen:?}"
        );
    }
}
