//! The decrypted request.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::message::{ErrorNotification, exact};
use crate::object::Object;

/// A decrypted request (Meta, *Implementing endpoints for Flows*, "Data exchange request").
///
/// Its `Debug` omits data, tokens and messages.
///
/// ```
/// use wa_flows::{Action, FlowRequest};
///
/// let payload = br#"{"version":"3.0","action":"INIT","screen":"","data":{"n":1}}"#;
/// let request = FlowRequest::parse(payload.to_vec())?;
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
    /// The position of the data in the payload; it is parsed on first use.
    data_at: Option<Range<usize>>,
    /// An error if no [`Value`] can represent the data exactly.
    data: OnceLock<Result<Value, String>>,
    flow_token: Option<String>,
    flow_token_signature: Option<String>,
    notification: Option<ErrorNotification>,
    payload: Vec<u8>,
}

/// The action of a request.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Meta's health check.
    Ping,
    /// The user opens the Flow, which requests its first screen.
    Init,
    /// The user goes back to a screen that is refreshed from the endpoint.
    Back,
    /// The user submits a screen.
    DataExchange,
    /// An action that this version of the crate does not support, as it was sent.
    Other(String),
}

/// The decrypted payload is not a Flow request: it is not UTF-8, not a JSON object, or has no string
/// `action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the decrypted payload is not a Flow request")]
#[non_exhaustive]
pub struct NotAFlowRequest;

impl NotAFlowRequest {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "encrypt a JSON object in UTF-8 with a string member `action`",
        ))
    }
}

/// The data of a request does not have the expected type.
///
/// The exact mismatch may quote what the user typed, so only [`expose_detail`](DataError::expose_detail)
/// returns it.
#[derive(Clone, thiserror::Error)]
#[error("the data of the request does not fit the type {expected}")]
pub struct DataError {
    expected: &'static str,
    detail: String,
}

impl FlowRequest {
    /// Parses a decrypted payload.
    ///
    /// Unknown members are ignored, and a version of any JSON type is kept as text.
    ///
    /// # Errors
    ///
    /// Returns [`NotAFlowRequest`] if the payload is not UTF-8, not a JSON object, has no string `action`, or
    /// a member of the wrong type.
    pub fn parse(payload: Vec<u8>) -> Result<Self, NotAFlowRequest> {
        // Checks the whole text: the parser skips ignored members without decoding them.
        let text = str::from_utf8(&payload).map_err(|_| NotAFlowRequest)?;
        let Object::<Wire<'_>>(wire) = serde_json::from_str(text).map_err(|_| NotAFlowRequest)?;
        let data = wire.data.map(RawValue::get);
        let action = Action::from_wire(wire.action);
        let notification = data
            .filter(|_| matches!(action, Action::Init | Action::DataExchange))
            .and_then(ErrorNotification::find);
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
            notification,
            payload,
        })
    }

    /// Returns the version of the data API, for example `3.0`; empty if the request has none.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the action.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Returns the screen that the request comes from; `None` if it is missing or empty, as in an `INIT`.
    pub fn screen(&self) -> Option<&str> {
        self.screen.as_deref()
    }

    /// Returns the data of the request; an empty object if there is none.
    ///
    /// # Errors
    ///
    /// Returns [`DataError`] if a [`Value`] cannot represent the data exactly: if it is nested more than 128
    /// levels deep, or contains half of an emoji (a lone surrogate such as `\ud83d`), a number like `1e400`,
    /// or an integer that does not fit in 64 bits. [`data_as`](FlowRequest::data_as) still reads the fields
    /// of its type.
    pub fn data(&self) -> Result<&Value, DataError> {
        let data = self.data.get_or_init(|| exact::value(self.data_text()));
        data.as_ref().map_err(|detail| DataError {
            expected: std::any::type_name::<Value>(),
            detail: detail.clone(),
        })
    }

    /// Deserializes the data as your own type.
    ///
    /// A number that a floating-point field cannot represent exactly is rounded, as everywhere in serde. A
    /// field of type [`RawValue`] gets any JSON unchanged.
    ///
    /// In a handler, `data_as()?` turns data that does not fit into a [`HandlerError`](crate::HandlerError):
    /// the phone gets status 500 and shows a generic error. Use it for data that the Flow itself guarantees.
    /// For what a user can get wrong, show the screen again with an [error
    /// message](crate::FlowResponse::error_message):
    ///
    /// ```
    /// use serde::Deserialize;
    /// use serde_json::json;
    /// use wa_flows::{FlowRequest, FlowResponse, HandlerError};
    ///
    /// #[derive(Deserialize)]
    /// struct Booking {
    ///     guests: u8,
    /// }
    ///
    /// async fn book(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    ///     let again = |message| FlowResponse::screen("DETAILS", json!({})).error_message(message);
    ///     Ok(match request.data_as::<Booking>() {
    ///         Ok(booking) if booking.guests <= 8 => {
    ///             FlowResponse::screen("CONFIRM", json!({"guests": booking.guests}))
    ///         }
    ///         Ok(_) => again("We have tables for up to 8 guests."),
    ///         Err(_) => again("Enter the number of guests."),
    ///     })
    /// }
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let payload = br#"{"action":"data_exchange","screen":"DETAILS","data":{"guests":"many"}}"#;
    /// let response = book(FlowRequest::parse(payload.to_vec())?).await.unwrap();
    /// assert_eq!(
    ///     response.into_json()?,
    ///     br#"{"screen":"DETAILS","data":{"error_message":"Enter the number of guests."}}"#
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`DataError`] if the data does not fit the type.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        serde_json::from_str(self.data_text()).map_err(|error| DataError {
            expected: std::any::type_name::<T>(),
            detail: error.to_string(),
        })
    }

    /// Returns the token that the business set when it sent the Flow; `None` for a ping.
    pub fn flow_token(&self) -> Option<&str> {
        self.flow_token.as_deref()
    }

    /// Returns the signature of the token: a JWT, sent from data API 4.0 on.
    pub fn flow_token_signature(&self) -> Option<&str> {
        self.flow_token_signature.as_deref()
    }

    /// Returns the error notification if the request is one.
    pub fn error_notification(&self) -> Option<&ErrorNotification> {
        self.notification.as_ref()
    }

    /// Returns the decrypted payload, unchanged.
    pub fn expose_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the kind of request, one of [`LABELS`](FlowRequest::LABELS): safe for logs and metric labels.
    pub fn label(&self) -> &'static str {
        if self.notification.is_some() {
            "error_notification"
        } else {
            self.action.label()
        }
    }

    /// All values of [`label`](FlowRequest::label).
    pub const LABELS: [&'static str; 6] = [
        "ping",
        "INIT",
        "BACK",
        "data_exchange",
        "error_notification",
        "other",
    ];

    /// Returns true if the response must contain a screen and its data: for `INIT`, `BACK` and
    /// `data_exchange`, except error notifications.
    pub fn expects_screen(&self) -> bool {
        self.notification.is_none()
            && matches!(self.action, Action::Init | Action::Back | Action::DataExchange)
    }

    fn data_text(&self) -> &str {
        self.data_at
            .clone()
            .and_then(|range| self.payload.get(range))
            .and_then(|data| str::from_utf8(data).ok())
            .unwrap_or("{}")
    }

    /// Returns the screen for logs, if it has only characters of screen ids: up to 80 letters, digits and
    /// underscores.
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
            .field("error_notification", &self.notification)
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

    /// Returns the action as written on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(action) => action,
            known => known.label(),
        }
    }

    /// Returns the action if it is known, otherwise `other`.
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
    /// Returns what does not fit; the text may quote the data of the request.
    pub fn expose_detail(&self) -> &str {
        &self.detail
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "compare the payload of the Flow's screen with the fields of the type; if the user can cause the \
             mismatch, return a screen with an error_message",
        ))
    }
}

impl fmt::Debug for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataError")
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// Returns the position in `whole` of a text that was borrowed from it.
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
mod tests;
