//! What a client asks an endpoint.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

/// The data API version that requests name unless another is set.
const DEFAULT_VERSION: &str = "3.0";

/// A request before it is encrypted: `Debug` shows the action and the screen, never data or tokens.
///
/// ```
/// use serde_json::json;
/// use wa_emulator::FlowMessage;
///
/// let message = FlowMessage::data_exchange("token-1", "APPOINTMENT", json!({"date": "2026-12-24"}));
/// assert_eq!(message.action(), "data_exchange");
/// ```
#[derive(Clone, PartialEq)]
pub struct FlowMessage {
    action: String,
    version: String,
    content: Content,
    /// An error notification is sent once only.
    notification: bool,
    /// Leaves `flow_token_signature` out although the version has a place for it.
    unsigned_token: bool,
}

#[derive(Clone, PartialEq)]
enum Content {
    Ping,
    Exchange(Exchange),
    /// A payload that is sent as it is.
    Raw(Value),
}

#[derive(Clone, PartialEq)]
struct Exchange {
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
    /// The health check: `{"version":"3.0","action":"ping"}`.
    pub fn ping() -> Self {
        Self::new("ping", Content::Ping)
    }

    /// The opening of a Flow, with an empty screen and no data.
    pub fn init(flow_token: impl Into<String>) -> Self {
        Self::exchange("INIT", flow_token.into(), String::new(), json!({}))
    }

    /// What the user entered on a screen.
    pub fn data_exchange(flow_token: impl Into<String>, screen: impl Into<String>, data: Value) -> Self {
        Self::exchange("data_exchange", flow_token.into(), screen.into(), data)
    }

    /// The way back from a screen that refreshes on going back.
    pub fn back(flow_token: impl Into<String>, screen: impl Into<String>) -> Self {
        Self::exchange("BACK", flow_token.into(), screen.into(), json!({}))
    }

    /// The notice that something was wrong with an answer; it is sent once, without a retry.
    pub fn error_notification(
        flow_token: impl Into<String>,
        screen: impl Into<String>,
        error: impl Into<String>,
        error_message: impl Into<String>,
    ) -> Self {
        let data = json!({"error": error.into(), "error_message": error_message.into()});
        let message = Self::exchange("data_exchange", flow_token.into(), screen.into(), data);
        Self {
            notification: true,
            ..message
        }
    }

    /// The same notice, sent as an `INIT`: Meta's page names both actions.
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

    /// Any JSON at all, sent as it is; nothing is expected of the answer but that it can be read.
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

    fn exchange(action: &str, flow_token: String, screen: String, data: Value) -> Self {
        Self::new(
            action,
            Content::Exchange(Exchange {
                screen,
                flow_token,
                data,
            }),
        )
    }

    /// Sets the data API version: `"3.0"` by default, `"4.0"` for `flow_token_signature`.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the data; a ping and a raw payload stay as they are.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        if let Content::Exchange(exchange) = &mut self.content {
            exchange.data = data;
        }
        self
    }

    /// The same message, never with `flow_token_signature`.
    pub(crate) fn without_token_signature(mut self) -> Self {
        self.unsigned_token = true;
        self
    }

    /// The action, as it is on the wire.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The screen: empty for an opening, `None` for a ping or a raw payload.
    pub fn screen(&self) -> Option<&str> {
        match &self.content {
            Content::Exchange(exchange) => Some(&exchange.screen),
            Content::Ping | Content::Raw(_) => None,
        }
    }

    pub(crate) fn is_notification(&self) -> bool {
        self.notification
    }

    pub(super) fn expectation(&self) -> Expectation {
        match &self.content {
            Content::Ping => Expectation::Active,
            Content::Exchange(_) if self.notification => Expectation::Acknowledgement,
            Content::Exchange(_) => Expectation::Screen,
            Content::Raw(_) => Expectation::Anything,
        }
    }

    /// The token to sign, where the version has a place for the signature (data API 4.0).
    pub(super) fn token_to_sign(&self) -> Option<&str> {
        match &self.content {
            Content::Exchange(exchange) if self.version == "4.0" && !self.unsigned_token => {
                Some(&exchange.flow_token)
            }
            _ => None,
        }
    }

    /// The plaintext: compact JSON.
    pub(super) fn plaintext(&self, flow_token_signature: Option<&str>) -> Result<Vec<u8>, serde_json::Error> {
        let (version, action) = (self.version.as_str(), self.action.as_str());
        match &self.content {
            Content::Ping => serde_json::to_vec(&Ping { version, action }),
            Content::Raw(payload) => serde_json::to_vec(payload),
            Content::Exchange(Exchange {
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

/// What an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expectation {
    Active,
    Acknowledgement,
    /// A screen by name and data for it, as WhatsApp's own client wants them.
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
    fn an_opening_is_written_as_a_client_was_seen_to_write_it() {
        let vector: Value =
            serde_json::from_str(include_str!("../../tests/data/pywa_flow_exchange.json")).unwrap();
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
    fn only_version_4_has_a_place_for_the_tokens_signature() {
        assert_eq!(FlowMessage::init("t").token_to_sign(), None);
        assert_eq!(FlowMessage::init("t").version("4.0").token_to_sign(), Some("t"));
        assert_eq!(FlowMessage::ping().version("4.0").token_to_sign(), None);
    }
}
