//! The decrypted request.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::message::{ErrorNotice, exact};
use crate::object::Object;

/// A decrypted request of the phone (Meta, *Implementing endpoints for Flows*, "Data exchange request").
///
/// Its `Debug` leaves out what the user typed: data, tokens and messages.
///
/// ```
/// use wa_flows::{Action, FlowRequest};
///
/// let request = FlowRequest::parse(br#"{"version":"3.0","action":"INIT","screen":"","data":{"n":1}}"#.to_vec())?;
/// assert_eq!(request.action(), &Action::Init);
/// assert_eq!(request.screen(), None);
/// assert_eq!(request.data()?["n"], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FlowRequest {
    version: String,
    action: Action,
    screen: Option<String>,
    /// Where the data lies in the payload; it is read when it is asked for.
    data_at: Option<Range<usize>>,
    /// None if no [`Value`] can hold it.
    data: OnceLock<Result<Value, String>>,
    flow_token: Option<String>,
    flow_token_signature: Option<String>,
    notice: Option<ErrorNotice>,
    payload: Vec<u8>,
}

/// What the phone asks for.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Meta's health check.
    Ping,
    /// The Flow opens and asks for its first screen.
    Init,
    /// The user goes back to a screen that asked to be refreshed.
    Back,
    /// The user submits a screen.
    DataExchange,
    /// An action that this version does not know, as it was sent.
    Other(String),
}

/// The payload was decrypted and is no Flow request: not UTF-8, not a JSON object, or without a string `action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the decrypted payload is no Flow request: expected a JSON object in UTF-8 with a string member \"action\""
)]
#[non_exhaustive]
pub struct NotAFlowRequest;

/// The data of a request does not have the type that was asked for.
///
/// What exactly does not fit may quote what the user typed, so it is told by
/// [`expose_detail`](DataError::expose_detail) only.
#[derive(Clone, thiserror::Error)]
#[error("the data of the request is no {expected}: compare the Flow's screen with the fields of that type")]
pub struct DataError {
    expected: &'static str,
    detail: String,
}

impl FlowRequest {
    /// Reads a decrypted payload.
    ///
    /// Members of unknown name are ignored, and a version of any kind is kept as text.
    ///
    /// # Errors
    /// [`NotAFlowRequest`] if it is not UTF-8, not JSON, not an object, has no string `action`, or a member of a wrong type.
    pub fn parse(payload: Vec<u8>) -> Result<Self, NotAFlowRequest> {
        // The whole text is checked: the parser skips ignored members without decoding them.
        let text = str::from_utf8(&payload).map_err(|_| NotAFlowRequest)?;
        let Object::<Wire<'_>>(wire) = serde_json::from_str(text).map_err(|_| NotAFlowRequest)?;
        let data = wire.data.map(RawValue::get);
        let action = Action::from_wire(wire.action);
        let notice = data
            .filter(|_| matches!(action, Action::Init | Action::DataExchange))
            .and_then(ErrorNotice::find);
        Ok(Self {
            version: match wire.version {
                Some(Value::String(version)) => version,
                Some(other) => other.to_string(),
                None => String::new(),
            },
            action,
            screen: wire.screen.filter(|screen| !screen.is_empty()),
            data_at: data
                .filter(|data| *data != "null")
                .and_then(|data| range_within(&payload, data)),
            data: OnceLock::new(),
            flow_token: wire.flow_token,
            flow_token_signature: wire.flow_token_signature,
            notice,
            payload,
        })
    }

    /// The version of the data API that the phone speaks, for instance `3.0`; empty if it named none.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the phone asks for.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The screen that the request comes from; none for an `INIT` or `BACK` that names none.
    pub fn screen(&self) -> Option<&str> {
        self.screen.as_deref()
    }

    /// The data of the request; an empty object if it had none.
    ///
    /// # Errors
    /// [`DataError`] if a [`Value`] cannot hold the data unchanged: if it is nested more than 128 levels deep, or contains
    /// half of an emoji (a lone surrogate such as `\ud83d`), a number like `1e400`, or an integer that does not fit in 64
    /// bits. [`data_as`](FlowRequest::data_as) still reads the members that its type asks for.
    pub fn data(&self) -> Result<&Value, DataError> {
        let data = self.data.get_or_init(|| exact::value(self.data_text()));
        data.as_ref().map_err(|detail| DataError {
            expected: std::any::type_name::<Value>(),
            detail: detail.clone(),
        })
    }

    /// The data as a type of the caller's.
    ///
    /// A number that a floating-point field cannot hold exactly becomes the nearest one, as everywhere in serde; a field of
    /// type [`RawValue`] gets any JSON as it was sent.
    ///
    /// # Errors
    /// [`DataError`] if the data does not fit the type.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        serde_json::from_str(self.data_text()).map_err(|error| DataError {
            expected: std::any::type_name::<T>(),
            detail: error.to_string(),
        })
    }

    /// The token that the business gave to the Flow when it sent it; none for a ping.
    pub fn flow_token(&self) -> Option<&str> {
        self.flow_token.as_deref()
    }

    /// The token's signature, a JWT, which comes with data API 4.0.
    pub fn flow_token_signature(&self) -> Option<&str> {
        self.flow_token_signature.as_deref()
    }

    /// The error that this request notifies of, if it is a notification rather than a question.
    pub fn error_notice(&self) -> Option<&ErrorNotice> {
        self.notice.as_ref()
    }

    /// The payload as it was decrypted, byte for byte.
    pub fn expose_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The kind of request in one word, from a closed set: safe for logs and metric labels.
    ///
    /// One of `ping`, `INIT`, `BACK`, `data_exchange`, `error_notification`, `other`.
    pub fn label(&self) -> &'static str {
        if self.notice.is_some() {
            "error_notification"
        } else {
            self.action.label()
        }
    }

    /// Every [`label`](FlowRequest::label).
    pub const LABELS: [&'static str; 6] = [
        "ping",
        "INIT",
        "BACK",
        "data_exchange",
        "error_notification",
        "other",
    ];

    /// True if the phone expects a screen and its data in the response: for `INIT`, `BACK` and `data_exchange`, unless it
    /// notifies of an error.
    pub fn expects_screen(&self) -> bool {
        self.notice.is_none() && matches!(self.action, Action::Init | Action::Back | Action::DataExchange)
    }

    fn data_text(&self) -> &str {
        self.data_at
            .clone()
            .and_then(|range| self.payload.get(range))
            .and_then(|data| str::from_utf8(data).ok())
            .unwrap_or("{}")
    }

    /// The screen if it is written as screens are (letters, digits and underscores, at most 80), for logs.
    pub(crate) fn loggable_screen(&self) -> Option<&str> {
        self.screen().filter(|screen| {
            screen.len() <= 80
                && screen
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    }
}

impl fmt::Debug for FlowRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowRequest")
            .field("action", &self.action)
            .field("screen", &self.loggable_screen())
            .field("error_notice", &self.notice)
            .finish_non_exhaustive()
    }
}

impl Action {
    fn from_wire(action: String) -> Self {
        match action.as_str() {
            "ping" => Self::Ping,
            "INIT" => Self::Init,
            "BACK" => Self::Back,
            "data_exchange" => Self::DataExchange,
            _ => Self::Other(action),
        }
    }

    /// The action as it is written on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(action) => action,
            known => known.label(),
        }
    }

    /// The action if it is a known one, else `other`.
    fn label(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Init => "INIT",
            Self::Back => "BACK",
            Self::DataExchange => "data_exchange",
            Self::Other(_) => "other",
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl DataError {
    /// What does not fit, which may quote the data of the request.
    pub fn expose_detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Debug for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataError")
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// Where a text that was borrowed from `whole` lies in it.
fn range_within(whole: &[u8], part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    Some(start..start + part.len())
}

/// The members of a request on the wire.
#[derive(Deserialize)]
struct Wire<'a> {
    action: String,
    version: Option<Value>,
    screen: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    flow_token: Option<String>,
    flow_token_signature: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{test_data, text};

    fn parse(value: &Value) -> FlowRequest {
        FlowRequest::parse(value.to_string().into_bytes()).unwrap()
    }

    #[test]
    fn the_init_of_a_real_client_reads_with_its_empty_screen() {
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
    fn a_ping_of_two_members_reads() {
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
    fn only_init_and_data_exchange_can_notify_of_an_error() {
        let request = |action: &str| {
            parse(&json!({"action": action, "data": {"error": "timeout_error", "error_message": "late"}}))
        };
        for action in ["INIT", "data_exchange"] {
            assert_eq!(request(action).error_notice().unwrap().key(), "timeout_error");
            assert_eq!(request(action).label(), "error_notification");
        }
        for action in ["BACK", "ping", "other"] {
            assert_eq!(request(action).error_notice(), None);
        }
    }

    #[test]
    fn what_is_no_object_with_an_action_is_no_request() {
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
    fn a_payload_that_is_not_utf8_is_no_request_wherever_the_fault_is() {
        for payload in [
            &b"{\"action\":\"INIT\",\"ignored\":\"\xff\"}"[..],
            b"{\"action\":\"INIT\",\"data\":{\"a\":\"\xed\xa0\x80\"}}",
            b"{\"action\":\"INIT\",\"ignored\":{\"\xc0\xaf\":1}}",
        ] {
            assert_eq!(FlowRequest::parse(payload.to_vec()).unwrap_err(), NotAFlowRequest);
        }
    }

    #[test]
    fn data_that_no_value_holds_is_an_error_and_can_be_read_as_a_type_of_the_callers() {
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
    fn a_notice_is_recognised_beside_data_that_no_value_holds() {
        for odd in [
            r#""\ud83d""#,
            "1e400",
            &["[".repeat(200), "]".repeat(200)].concat(),
        ] {
            let data = format!(r#"{{"odd":{odd},"error":"timeout_error","error_message":"late \ud83d"}}"#);
            let payload = format!(r#"{{"action":"INIT","data":{data}}}"#);
            let request = FlowRequest::parse(payload.into_bytes()).unwrap();
            let notice = request.error_notice().unwrap();
            assert_eq!(notice.key(), "timeout_error");
            assert!(notice.message().starts_with("late \u{fffd}"));
        }
    }

    #[test]
    fn typed_data_that_does_not_fit_is_told_without_quoting_it() {
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
}
