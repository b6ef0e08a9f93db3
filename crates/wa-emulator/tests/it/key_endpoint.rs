//! Uploads and reads of the key of a number.

use serde_json::{Value, json};
use wa_emulator::{DEFAULT_PHONE_NUMBER_ID, NoKeyShape, SignatureStatus, WireShape};

use crate::client::{PUBLIC_KEY, get, key_path, set_key, started};

#[tokio::test]
async fn an_uploaded_key_is_returned_as_valid() {
    let emulator = started().await;
    let response = set_key(&emulator, PUBLIC_KEY).await;
    assert_eq!(
        (response.status, response.json()),
        (200, json!({"success": true}))
    );
    let response = get(&emulator, &key_path()).await;
    assert_eq!(
        response.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
    let expected = json!({"data": [{
        "business_public_key": PUBLIC_KEY,
        "business_public_key_signature_status": "VALID",
    }]});
    assert_eq!((response.status, response.json()), (200, expected));
}

#[tokio::test]
async fn a_number_without_a_key_returns_a_blank_one_with_mismatch() {
    let emulator = started().await;
    let expected = json!({"data": [{
        "business_public_key": " ",
        "business_public_key_signature_status": "MISMATCH",
    }]});
    assert_eq!(get(&emulator, &key_path()).await.json(), expected);
}

#[tokio::test]
async fn reregistration_makes_the_key_a_mismatch_until_the_next_upload() {
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

#[tokio::test]
async fn fields_select_the_members_of_a_key() {
    let emulator = started().await;
    set_key(&emulator, PUBLIC_KEY).await;
    let path = key_path();
    let status = json!({"business_public_key_signature_status": "VALID"});
    let response = get(
        &emulator,
        &format!("{path}?fields=business_public_key_signature_status"),
    )
    .await;
    assert_eq!(response.json(), json!({"data": [status]}));
    let both = "business_public_key,business_public_key_signature_status";
    assert_eq!(
        get(&emulator, &format!("{path}?fields={both}")).await.json(),
        get(&emulator, &path).await.json()
    );
    assert_eq!(
        get(&emulator, &format!("{path}?fields=private_key")).await.json()["error"]["code"],
        100
    );
}

#[tokio::test]
async fn shapes_follow_the_configured_source() {
    let emulator = started().await;
    let none = WireShape::new();
    let mismatch = json!({"business_public_key_signature_status": "MISMATCH"});
    let with_null = json!({"business_public_key": null, "business_public_key_signature_status": "MISMATCH"});
    let cases = [
        (none.clone().no_key(NoKeyShape::EmptyData), json!({"data": []})),
        (
            none.clone().no_key(NoKeyShape::Absent),
            json!({"data": [mismatch]}),
        ),
        (
            none.clone().no_key(NoKeyShape::Null),
            json!({"data": [with_null]}),
        ),
        (none.clone().no_key(NoKeyShape::Null).flat(true), with_null),
    ];
    for (shape, expected) in cases {
        emulator.set_wire_shape(shape.clone());
        assert_eq!(get(&emulator, &key_path()).await.json(), expected, "{shape:?}");
    }
    emulator.set_wire_shape(none.success_as_text(true));
    assert_eq!(
        set_key(&emulator, PUBLIC_KEY).await.json()["success"],
        Value::from("true")
    );
}

#[tokio::test]
async fn an_upload_replaces_the_key_and_a_refused_one_does_not() {
    let emulator = started().await;
    set_key(&emulator, PUBLIC_KEY).await;
    set_key(&emulator, "no key").await;
    let number = emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap();
    assert_eq!(
        (number.business_public_key.as_deref(), number.uploads),
        (Some(PUBLIC_KEY), 1)
    );
    set_key(&emulator, PUBLIC_KEY).await;
    assert_eq!(emulator.number(DEFAULT_PHONE_NUMBER_ID).unwrap().uploads, 2);
}
