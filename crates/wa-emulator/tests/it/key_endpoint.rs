//! Setting and getting the key of a number.

use serde_json::json;
use wa_emulator::{DEFAULT_PHONE_NUMBER_ID, SignatureStatus};

use crate::client::{PUBLIC_KEY, get, key_path, set_key, started};

#[tokio::test]
async fn a_key_that_was_set_is_given_back_valid() {
    let emulator = started().await;
    let answer = set_key(&emulator, PUBLIC_KEY).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"success": true})));
    let answer = get(&emulator, &key_path()).await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
    let expected = json!({"data": [{
        "business_public_key": PUBLIC_KEY,
        "business_public_key_signature_status": "VALID",
    }]});
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[tokio::test]
async fn a_number_without_a_key_answers_a_blank_one_as_mismatch() {
    let emulator = started().await;
    let expected = json!({"data": [{
        "business_public_key": " ",
        "business_public_key_signature_status": "MISMATCH",
    }]});
    assert_eq!(get(&emulator, &key_path()).await.json(), expected);
}

#[tokio::test]
async fn registering_again_makes_the_key_a_mismatch_until_the_next_upload() {
    let emulator = started().await;
    let status = || emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().signature_status;
    set_key(&emulator, PUBLIC_KEY).await;
    emulator.reregister_number(DEFAULT_PHONE_NUMBER_ID).unwrap();
    assert_eq!(status(), SignatureStatus::Mismatch);
    let shown = &get(&emulator, &key_path()).await.json()["data"][0];
    assert_eq!(shown["business_public_key"], PUBLIC_KEY);
    assert_eq!(shown["business_public_key_signature_status"], "MISMATCH");
    set_key(&emulator, PUBLIC_KEY).await;
    assert_eq!(status(), SignatureStatus::Valid);
}
