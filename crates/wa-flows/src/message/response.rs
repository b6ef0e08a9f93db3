//! The response, before it is encrypted.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::object::Object;

/// The response to a request (Meta, *Implementing endpoints for Flows*, "Data exchange response").
///
/// Its `Debug` omits the data.
///
/// ```
/// use serde_json::json;
/// use wa_flows::FlowResponse;
///
/// let next = FlowResponse::screen("DETAILS", json!({"name": "Ada"})).error_message("Pick a date");
/// assert_eq!(
///     next.into_json()?,
///     br#"{"screen":"DETAILS","data":{"error_message":"Pick a date","name":"Ada"}}"#
/// );
/// # Ok::<(), wa_flows::ResponseError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct FlowResponse {
    content: Content,
}

#[derive(Clone, PartialEq)]
enum Content {
    Screen {
        screen: String,
        data: Map<String, Value>,
    },
    Object(Value),
    Json(Vec<u8>),
    TokenInvalid(Option<String>),
    Unsendable(ResponseError),
}

/// The reason why a response cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The data passed to [`FlowResponse::screen`] or [`FlowResponse::close`] is not a JSON object.
    #[error("the data of the response is not a JSON object")]
    DataNotObject,
    /// The data cannot be serialized as JSON, for example a map whose keys are not strings.
    #[error("the data of the response cannot be serialized as JSON")]
    DataNotJson,
    /// The text passed to [`FlowResponse::from_json`] is not a JSON object.
    #[error("the response is not the text of one JSON object")]
    NotAnObject,
}

impl ResponseError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::DataNotObject => "pass a struct, or a map with string keys: phones refuse anything else",
            Self::DataNotJson => "use strings as the keys of every map",
            Self::NotAnObject => "send a JSON object in UTF-8, with nothing before or after it",
        }))
    }
}

/// What is missing in the response to an `INIT`, `BACK` or `data_exchange`, so that phones cannot show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// There is no screen to show.
    #[error("`screen` is missing or not a string")]
    Screen,
    /// There is no data for the screen.
    #[error("`data` is missing or not an object")]
    Data,
    /// There is neither a screen nor data for it.
    #[error("`screen` is missing or not a string, and `data` is missing or not an object")]
    ScreenAndData,
}

impl SchemaError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Screen => "send the id of a screen of the Flow as `screen`",
            Self::Data => "send an object as `data`, even if it is empty",
            Self::ScreenAndData => {
                r#"send {"screen": "SCREEN_ID", "data": {}} with the id of a screen of the Flow"#
            }
        }))
    }
}

impl FlowResponse {
    /// Shows a screen with its data, which must serialize to a JSON object.
    ///
    /// Other data is refused when the response is sent: the phone gets a 500, as if the handler had failed. A
    /// number that is not finite is sent as `null`, since JSON cannot represent it.
    pub fn screen(screen: impl Into<String>, data: impl Serialize) -> Self {
        let content = object(data).map_or_else(Content::Unsendable, |data| Content::Screen {
            screen: screen.into(),
            data,
        });
        Self { content }
    }

    /// Adds `error_message` to the data of a [`screen`](FlowResponse::screen): the phone shows the message in
    /// a snackbar on that screen, for example if the user's input is not valid (see
    /// [`data_as`](crate::FlowRequest::data_as)). Responses that show no screen are unchanged.
    #[must_use]
    pub fn error_message(mut self, message: impl Into<String>) -> Self {
        if let Content::Screen { data, .. } = &mut self.content {
            data.insert("error_message".to_owned(), Value::String(message.into()));
        }
        self
    }

    /// Closes the Flow. The business receives a message with the parameters and the Flow's token.
    ///
    /// The parameters must serialize to a JSON object, as the data of a [`screen`](FlowResponse::screen)
    /// must.
    pub fn close(flow_token: impl Into<String>, params: impl Serialize) -> Self {
        let content = object(params).map_or_else(Content::Unsendable, |mut params| {
            params.insert("flow_token".to_owned(), Value::String(flow_token.into()));
            let data = Map::from_iter([("extension_message_response".to_owned(), json!({"params": params}))]);
            Content::Screen {
                screen: "SUCCESS".to_owned(),
                data,
            }
        });
        Self { content }
    }

    /// Responds to a ping.
    pub fn active() -> Self {
        Self {
            content: Content::Object(json!({"data": {"status": "active"}})),
        }
    }

    /// Acknowledges an error notification.
    pub fn acknowledged() -> Self {
        Self {
            content: Content::Object(json!({"data": {"acknowledged": true}})),
        }
    }

    /// Reports that the Flow's token is no longer valid (status 427): the phone shows the message and
    /// disables the button that opens the Flow. Without a message it shows a generic text.
    pub fn token_invalid(message: Option<String>) -> Self {
        Self {
            content: Content::TokenInvalid(message),
        }
    }

    /// Sends the text of a JSON object unchanged, for responses of another program.
    ///
    /// # Errors
    ///
    /// Returns [`ResponseError::NotAnObject`] if it is not the text of one JSON object.
    pub fn from_json(text: Vec<u8>) -> Result<Self, ResponseError> {
        let is_json =
            str::from_utf8(&text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        let is_object = is_json && text.trim_ascii_start().starts_with(b"{");
        is_object
            .then_some(Self {
                content: Content::Json(text),
            })
            .ok_or(ResponseError::NotAnObject)
    }

    /// Checks that a phone that [expects a screen](crate::FlowRequest::expects_screen) can show the response.
    ///
    /// The endpoint sends a response that fails the check too, and logs a warning.
    ///
    /// # Errors
    ///
    /// Returns [`SchemaError`], which names what is missing. The response
    /// [`token_invalid`](FlowResponse::token_invalid) needs neither a screen nor data.
    pub fn check_schema(&self) -> Result<(), SchemaError> {
        let (screen, data) = match &self.content {
            Content::Screen { .. } | Content::TokenInvalid(_) | Content::Unsendable(_) => (true, true),
            Content::Object(value) => (value["screen"].is_string(), value["data"].is_object()),
            Content::Json(text) => members_of(text),
        };
        match (screen, data) {
            (true, true) => Ok(()),
            (false, true) => Err(SchemaError::Screen),
            (true, false) => Err(SchemaError::Data),
            (false, false) => Err(SchemaError::ScreenAndData),
        }
    }

    /// Returns the HTTP status: 200, or 427 for an invalid token.
    pub fn status(&self) -> StatusCode {
        match self.content {
            Content::TokenInvalid(_) => crate::status::TOKEN_INVALID,
            _ => StatusCode::OK,
        }
    }

    /// Returns the JSON text to encrypt.
    ///
    /// # Errors
    ///
    /// Returns [`ResponseError`] if the data is not a JSON object.
    pub fn into_json(self) -> Result<Vec<u8>, ResponseError> {
        let json = match self.content {
            Content::Json(text) => return Ok(text),
            Content::Unsendable(error) => return Err(error),
            Content::Screen { screen, data } => serde_json::to_vec(&WireScreen {
                screen: &screen,
                data: &data,
            }),
            Content::Object(value) => serde_json::to_vec(&value),
            Content::TokenInvalid(Some(message)) => serde_json::to_vec(&json!({"error_msg": message})),
            Content::TokenInvalid(None) => return Ok(b"{}".to_vec()),
        };
        json.map_err(|_| ResponseError::DataNotJson)
    }
}

fn object(data: impl Serialize) -> Result<Map<String, Value>, ResponseError> {
    match serde_json::to_value(data) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ResponseError::DataNotObject),
        Err(_) => Err(ResponseError::DataNotJson),
    }
}

/// Returns whether `screen` of a JSON object is a string, and whether `data` is an object.
fn members_of(text: &[u8]) -> (bool, bool) {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        screen: Option<&'a RawValue>,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    // How the phone reads a duplicate member, or a name that is not valid Unicode, is not known: such a
    // response passes.
    let Ok(Object(members)) = serde_json::from_slice::<Object<Members<'_>>>(text) else {
        return (true, true);
    };
    let begins = |member: Option<&RawValue>, with| member.is_some_and(|json| json.get().starts_with(with));
    (begins(members.screen, '"'), begins(members.data, '{'))
}

/// A screen on the wire; it borrows the data.
#[derive(Serialize)]
struct WireScreen<'a> {
    screen: &'a str,
    data: &'a Map<String, Value>,
}

impl fmt::Debug for FlowResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.content {
            Content::Screen { .. } => "screen",
            Content::Object(_) => "object",
            Content::Json(_) => "json",
            Content::TokenInvalid(_) => "token_invalid",
            Content::Unsendable(_) => "unsendable",
        };
        f.debug_struct("FlowResponse")
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn value(response: FlowResponse) -> Value {
        serde_json::from_slice(&response.into_json().unwrap()).unwrap()
    }

    #[test]
    fn every_kind_of_response_has_the_documented_shape() {
        assert_eq!(
            value(FlowResponse::screen("NEXT", json!({"a": 1})).error_message("no")),
            json!({"screen": "NEXT", "data": {"a": 1, "error_message": "no"}})
        );
        assert_eq!(
            value(FlowResponse::close("T", json!({"any": "x"}))),
            json!({"screen": "SUCCESS", "data":
                {"extension_message_response": {"params": {"flow_token": "T", "any": "x"}}}})
        );
        assert_eq!(
            value(FlowResponse::active()),
            json!({"data": {"status": "active"}})
        );
        assert_eq!(
            value(FlowResponse::acknowledged()),
            json!({"data": {"acknowledged": true}})
        );
        let invalid = FlowResponse::token_invalid(Some("Ordered already".to_owned()));
        assert_eq!(invalid.status().as_u16(), 427);
        assert_eq!(value(invalid), json!({"error_msg": "Ordered already"}));
        assert_eq!(value(FlowResponse::token_invalid(None)), json!({}));
    }

    #[test]
    fn data_that_is_not_a_json_object_is_refused() {
        let error = |data: Value| FlowResponse::screen("X", data).into_json().unwrap_err();
        assert_eq!(error(json!([1])), ResponseError::DataNotObject);
        assert_eq!(error(json!(null)), ResponseError::DataNotObject);
        let close = |params: Value| FlowResponse::close("T", params).into_json();
        assert_eq!(close(json!([1])), Err(ResponseError::DataNotObject));
        let odd = BTreeMap::from([((1, 2), 3)]);
        assert_eq!(
            FlowResponse::close("T", odd).into_json(),
            Err(ResponseError::DataNotJson)
        );
        let odd = BTreeMap::from([((1, 2), 3)]);
        assert_eq!(
            FlowResponse::screen("X", odd).into_json().unwrap_err(),
            ResponseError::DataNotJson
        );
    }

    #[test]
    fn the_schema_check_finds_what_phones_cannot_show() {
        let raw = |text: &str| FlowResponse::from_json(text.into()).unwrap().check_schema();
        for text in [
            r#"{"screen":"A","data":{}}"#,
            r#"{ "data" : { "a": 1 }, "version": "3.0", "scr\u0065en" : "A" }"#,
            r#"{"screen":"A","screen":1,"data":{}}"#,
        ] {
            assert_eq!(raw(text), Ok(()), "{text}");
        }
        for (text, missing) in [
            (r#"{"data":{}}"#, SchemaError::Screen),
            (r#"{"screen":7,"data":{}}"#, SchemaError::Screen),
            (r#"{"screen":"A"}"#, SchemaError::Data),
            (r#"{"screen":"A","data":[]}"#, SchemaError::Data),
            (r#"{"screen":"A","data":null}"#, SchemaError::Data),
            (r#"{"error":"x"}"#, SchemaError::ScreenAndData),
            ("{}", SchemaError::ScreenAndData),
        ] {
            assert_eq!(raw(text), Err(missing), "{text}");
        }
        assert_eq!(FlowResponse::screen("A", json!({})).check_schema(), Ok(()));
        assert_eq!(FlowResponse::close("T", json!({})).check_schema(), Ok(()));
        assert_eq!(FlowResponse::token_invalid(None).check_schema(), Ok(()));
        assert_eq!(FlowResponse::active().check_schema(), Err(SchemaError::Screen));
    }

    #[test]
    fn json_of_another_program_is_sent_byte_for_byte() {
        let text = br#"{ "screen": "A\u002f", "data": {} }"#.to_vec();
        assert_eq!(
            FlowResponse::from_json(text.clone())
                .unwrap()
                .into_json()
                .unwrap(),
            text
        );
        let escaped_key = br#"{"scr\u0065en": "A"}"#.to_vec();
        assert!(FlowResponse::from_json(escaped_key).is_ok());
        for text in ["", "[]", "{}{}", "\"x\"", "<html>", "{\"a\":}"] {
            assert_eq!(
                FlowResponse::from_json(text.into()).unwrap_err(),
                ResponseError::NotAnObject,
                "{text}"
            );
        }
    }
}
