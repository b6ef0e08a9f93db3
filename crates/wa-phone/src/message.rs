//! The messages that a client sends to an endpoint.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

/// The default data API version.
const DEFAULT_VERSION: &str = "3.0";

/// A request before it is encrypted. `Debug` shows the action and the screen, never data or tokens.
///
/// ```
/// use serde_json::json;
/// use wa_phone::FlowMessage;
///
/// let message = FlowMessage::data_exchange("token-1", "APPOINTMENT", json!({"date": "2026-12-24"}));
/// assert_eq!(message.action(), "data_exchange");
/// ```
#[derive(Clone, PartialEq)]
pub struct FlowMessage {
    action: String,
    version: String,
    content: Content,
    /// An error notification is sent only once.
    notification: bool,
    /// Omits `flow_token_signature` although the version supports it.
    unsigned_token: bool,
}

#[derive(Clone, PartialEq)]
enum Content {
    Ping,
    Screen(ScreenMessage),
    /// A payload that is sent unchanged.
    Raw(Value),
}

#[derive(Clone, PartialEq)]
struct ScreenMessage {
    screen: String,
    flow_token: String,
    data: Value,
}

/// The members in the order in which WhatsApp sends them.
#[derive(Serialize)]
struct Wire<'a> {
    data: &'a Value,
    flow_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_token_signature: Option<&'a str>,
    screen: &'a str,
    action: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Ping<'a> {
    version: &'a str,
    action: &'a str,
}

impl FlowMessage {
    /// Creates a health check: `{"version":"3.0","action":"ping"}`.
    pub fn ping() -> Self {
        Self::new("ping", Content::Ping)
    }

    /// Creates an `INIT`, which opens a Flow, with an empty screen and no data.
    pub fn init(flow_token: impl Into<String>) -> Self {
        Self::for_screen("INIT", flow_token.into(), String::new(), json!({}))
    }

    /// Creates a `data_exchange` with the data that the user entered on a screen.
    pub fn data_exchange(flow_token: impl Into<String>, screen: impl Into<String>, data: Value) -> Self {
        Self::for_screen("data_exchange", flow_token.into(), screen.into(), data)
    }

    /// Creates a `BACK` from a screen with `refresh_on_back`.
    pub fn back(flow_token: impl Into<String>, screen: impl Into<String>) -> Self {
        Self::for_screen("BACK", flow_token.into(), screen.into(), json!({}))
    }

    /// Creates an error notification, which reports a fault in a response. It is sent once, without a retry.
    pub fn error_notification(
        flow_token: impl Into<String>,
        screen: impl Into<String>,
        error: impl Into<String>,
        error_message: impl Into<String>,
    ) -> Self {
        let data = json!({"error": error.into(), "error_message": error_message.into()});
        let message = Self::for_screen("data_exchange", flow_token.into(), screen.into(), data);
        Self {
            notification: true,
            ..message
        }
    }

    /// Creates an error notification with the action `INIT`: Meta's page names both actions.
    pub fn opening_error_notification(
        flow_token: impl Into<String>,
        error: impl Into<String>,
        error_message: impl Into<String>,
    ) -> Self {
        Self {
            action: "INIT".to_owned(),
            ..Self::error_notification(flow_token, "", error, error_message)
        }
    }

    /// Creates a message of any JSON, sent unchanged. Any response that can be decrypted is accepted.
    pub fn raw(payload: Value) -> Self {
        let action = payload
            .get("action")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        Self::new(&action, Content::Raw(payload))
    }

    fn new(action: &str, content: Content) -> Self {
        Self {
            action: action.to_owned(),
            version: DEFAULT_VERSION.to_owned(),
            content,
            notification: false,
            unsigned_token: false,
        }
    }

    fn for_screen(action: &str, flow_token: String, screen: String, data: Value) -> Self {
        Self::new(
            action,
            Content::Screen(ScreenMessage {
                screen,
                flow_token,
                data,
            }),
        )
    }

    /// Sets the data API version: `"3.0"` by default; `"4.0"` for `flow_token_signature`.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the data; a ping and a raw payload stay unchanged.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        if let Content::Screen(message) = &mut self.content {
            message.data = data;
        }
        self
    }

    /// Omits `flow_token_signature`.
    pub(crate) fn without_token_signature(mut self) -> Self {
        self.unsigned_token = true;
        self
    }

    /// Returns the action, as sent.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// Returns the screen: empty for an `INIT`, `None` for a ping or a raw payload.
    pub fn screen(&self) -> Option<&str> {
        match &self.content {
            Content::Screen(message) => Some(&message.screen),
            Content::Ping | Content::Raw(_) => None,
        }
    }

    pub(crate) fn is_notification(&self) -> bool {
        self.notification
    }

    pub(crate) fn expectation(&self) -> Expectation {
        match &self.content {
            Content::Ping => Expectation::Active,
            Content::Screen(_) if self.notification => Expectation::Acknowledgement,
            Content::Screen(_) => Expectation::Screen,
            Content::Raw(_) => Expectation::Anything,
        }
    }

    /// Returns the token to sign if the version supports the signature (data API 4.0).
    pub(crate) fn token_to_sign(&self) -> Option<&str> {
        match &self.content {
            Content::Screen(message) if self.version == "4.0" && !self.unsigned_token => {
                Some(&message.flow_token)
            }
            _ => None,
        }
    }

    /// Returns the plaintext: compact JSON.
    pub(crate) fn plaintext(&self, flow_token_signature: Option<&str>) -> Result<Vec<u8>, serde_json::Error> {
        let (version, action) = (self.version.as_str(), self.action.as_str());
        match &self.content {
            Content::Ping => serde_json::to_vec(&Ping { version, action }),
            Content::Raw(payload) => serde_json::to_vec(payload),
            Content::Screen(ScreenMessage {
                screen,
                flow_token,
                data,
            }) => serde_json::to_vec(&Wire {
                data,
                flow_token,
                flow_token_signature,
                screen,
                action,
                version,
            }),
        }
    }
}

/// The content that a response must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    Active,
    Acknowledgement,
    /// A screen by name and data for it, as WhatsApp's own client requires.
    Screen,
    Anything,
}

impl fmt::Debug for FlowMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowMessage")
            .field("action", &self.action)
            .field("screen", &self.screen())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_the_33_bytes_that_whatsapp_sends() {
        let plaintext = FlowMessage::ping().plaintext(None).unwrap();
        assert_eq!(plaintext, br#"{"version":"3.0","action":"ping"}"#);
        assert_eq!(plaintext.len(), 33);
    }

    #[test]
    fn an_init_is_written_as_in_a_captured_request() {
        let vector: Value =
            serde_json::from_str(include_str!("../tests/data/pywa_flow_exchange.json")).unwrap();
        let plaintext = FlowMessage::init("my_flow_token").plaintext(None).unwrap();
        assert_eq!(
            plaintext,
            vector["derived"]["request_plaintext_utf8"]
                .as_str()
                .unwrap()
                .as_bytes()
        );
    }

    #[test]
    fn only_version_4_carries_a_token_signature() {
        assert_eq!(FlowMessage::init("t").token_to_sign(), None);
        assert_eq!(FlowMessage::init("t").version("4.0").token_to_sign(), Some("t"));
        assert_eq!(FlowMessage::ping().version("4.0").token_to_sign(), None);
    }
}
