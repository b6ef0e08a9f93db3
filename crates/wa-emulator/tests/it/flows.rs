//! Flows: the fields that a diagnosis of their endpoint needs.

use serde_json::json;
use wa_emulator::{DEFAULT_ACCOUNT_ID, DEFAULT_APP_ID, FlowSpec};

use crate::client::{get, started};

const FIELDS: &str = "id,name,status,validation_errors,json_version,data_api_version,endpoint_uri,\
                      data_channel_uri,health_status,whatsapp_business_account,application";

#[tokio::test]
async fn a_flow_is_read_with_its_endpoint_and_its_health() {
    let emulator = started().await;
    let flow = FlowSpec::new()
        .id("77")
        .name("Booking")
        .status("PUBLISHED")
        .endpoint_uri("https://example.com/flow")
        .data_api_version("3.0")
        .application(DEFAULT_APP_ID)
        .health_error(131_000, "the endpoint did not answer a ping");
    assert_eq!(emulator.add_flow(&flow).unwrap(), "77");
    let body = get(&emulator, &format!("/v25.0/77?fields={FIELDS}")).await.json();
    assert_eq!(body["endpoint_uri"], "https://example.com/flow");
    assert_eq!(body["data_channel_uri"], "https://example.com/flow");
    assert_eq!(body["data_api_version"], "3.0");
    assert_eq!(body["application"]["id"], DEFAULT_APP_ID);
    assert_eq!(body["whatsapp_business_account"]["id"], DEFAULT_ACCOUNT_ID);
    assert_eq!(body["validation_errors"], json!([]));
    assert_eq!(body["health_status"]["can_send_message"], "BLOCKED");
    let entity = &body["health_status"]["entities"][0];
    assert_eq!(
        (&entity["entity_type"], &entity["id"]),
        (&json!("FLOW"), &json!("77"))
    );
    assert_eq!(entity["errors"][0]["error_code"], 131_000);
}

#[tokio::test]
async fn a_draft_without_an_endpoint_has_neither_endpoint_nor_app() {
    let emulator = started().await;
    let id = emulator.add_flow(&FlowSpec::new()).unwrap();
    let body = get(&emulator, &format!("/v25.0/{id}?fields={FIELDS}"))
        .await
        .json();
    assert_eq!(body["status"], "DRAFT");
    assert_eq!(body["health_status"]["can_send_message"], "AVAILABLE");
    for absent in ["endpoint_uri", "application", "data_api_version"] {
        assert!(body.get(absent).is_none(), "{absent}");
    }
    emulator.restrict_token("default", Some(Vec::new())).unwrap();
    assert_eq!(
        get(&emulator, &format!("/v25.0/{id}")).await.json()["error"]["code"],
        200
    );
}
