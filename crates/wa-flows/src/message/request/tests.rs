//! Tests of parsing requests.

use serde_json::json;

use super::*;
use crate::testing::{test_data, text};

fn parse(value: &Value) -> FlowRequest {
    FlowRequest::parse(value.to_string().into_bytes()).unwrap()
}

#[test]
fn an_init_of_a_real_client_is_parsed_with_its_empty_screen() {
    let vector = test_data("pywa_flow_exchange.json");
    let payload = text(&vector["derived"]["request_plaintext_utf8"])
        .as_bytes()
        .to_vec();
    let request = FlowRequest::parse(payload.clone()).unwrap();
    assert_eq!(request.action(), &Action::Init);
    assert_eq!(request.screen(), None);
    assert_eq!(request.version(), "3.0");
    assert_eq!(request.flow_token(), Some("my_flow_token"));
    assert_eq!(request.data().unwrap(), &json!({}));
    assert_eq!(request.expose_payload(), payload);
}

#[test]
fn a_ping_with_two_members_is_parsed() {
    let request = parse(&json!({"version": "3.0", "action": "ping"}));
    assert_eq!(request.action(), &Action::Ping);
    assert_eq!(
        (request.flow_token(), request.data().unwrap()),
        (None, &json!({}))
    );
}

#[test]
fn unknown_actions_versions_and_members_are_kept_or_ignored() {
    let request = parse(&json!({"version": 7, "action": "navigate", "data": null, "more": [1]}));
    assert_eq!(request.action(), &Action::Other("navigate".to_owned()));
    assert_eq!(request.action().as_str(), "navigate");
    assert_eq!((request.label(), request.version()), ("other", "7"));
}

#[test]
fn only_init_and_data_exchange_can_be_error_notifications() {
    let request = |action: &str| {
        parse(&json!({"action": action, "data": {"error": "timeout_error", "error_message": "late"}}))
    };
    for action in ["INIT", "data_exchange"] {
        assert_eq!(
            request(action).error_notification().unwrap().key(),
            "timeout_error"
        );
        assert_eq!(request(action).label(), "error_notification");
    }
    for action in ["BACK", "ping", "other"] {
        assert_eq!(request(action).error_notification(), None);
    }
}

#[test]
fn only_an_object_with_an_action_is_a_request() {
    for payload in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"action":1}"#,
        r#"{"action":null}"#,
        r#"["INIT","3.0","",{},"t",null]"#,
        "ping",
    ] {
        assert_eq!(
            FlowRequest::parse(payload.into()).unwrap_err(),
            NotAFlowRequest,
            "{payload}"
        );
    }
    assert_eq!(FlowRequest::parse(b"\xff".to_vec()).unwrap_err(), NotAFlowRequest);
    let deep = format!(
        "{{\"action\":\"INIT\",\"data\":{}{}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    assert!(FlowRequest::parse(deep.into_bytes()).unwrap().data().is_err());
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat().into_bytes();
    assert_eq!(FlowRequest::parse(deep).unwrap_err(), NotAFlowRequest);
}

#[test]
fn a_payload_with_invalid_utf8_anywhere_is_no_request() {
    for payload in [
        &b"{\"action\":\"INIT\",\"ignored\":\"\xff\"}"[..],
        b"{\"action\":\"INIT\",\"data\":{\"a\":\"\xed\xa0\x80\"}}",
        b"{\"action\":\"INIT\",\"ignored\":{\"\xc0\xaf\":1}}",
    ] {
        assert_eq!(FlowRequest::parse(payload.to_vec()).unwrap_err(), NotAFlowRequest);
    }
}

#[test]
fn data_that_no_value_represents_is_an_error_but_fits_a_type() {
    #[derive(Deserialize)]
    struct Form {
        name: String,
        odd: Box<RawValue>,
    }
    for odd in [
        r#""\ud83d""#,
        "1e400",
        "-1e999",
        "1234567890123456789012345678901234567890",
        "-9223372036854775809",
        r#"{"\udc00":1}"#,
        &["[".repeat(100), "]".repeat(100)].concat(),
        &["[".repeat(200), "]".repeat(200)].concat(),
    ] {
        let payload = format!(r#"{{"action":"data_exchange","data":{{"name":"Ada","odd":{odd}}}}}"#);
        let request = FlowRequest::parse(payload.into_bytes()).unwrap();
        let fits = odd.starts_with(&"[".repeat(100)) && odd.len() == 200;
        assert_eq!(request.data().is_ok(), fits, "{odd}");
        let form = request.data_as::<Form>().unwrap();
        assert_eq!((form.name.as_str(), form.odd.get()), ("Ada", odd));
    }
}

#[test]
fn an_error_notification_is_recognised_next_to_data_that_no_value_represents() {
    for odd in [
        r#""\ud83d""#,
        "1e400",
        &["[".repeat(200), "]".repeat(200)].concat(),
    ] {
        let data = format!(r#"{{"odd":{odd},"error":"timeout_error","error_message":"late \ud83d"}}"#);
        let payload = format!(r#"{{"action":"INIT","data":{data}}}"#);
        let request = FlowRequest::parse(payload.into_bytes()).unwrap();
        let notification = request.error_notification().unwrap();
        assert_eq!(notification.key(), "timeout_error");
        assert!(notification.message().starts_with("late \u{fffd}"));
    }
}

#[test]
fn the_error_of_typed_data_does_not_quote_it() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape is tried")]
    struct Order {
        count: u32,
    }
    let request = parse(&json!({"action": "data_exchange", "data": {"count": "s3cr3t"}}));
    let error = request.data_as::<Order>().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    assert!(error.to_string().contains("Order"));
    assert!(error.expose_detail().contains("s3cr3t"));
}
