//! A decrypted payload, kept out of logs.

use std::fmt;

use serde_json::Value;

/// The JSON that an endpoint answered, decrypted. `Debug` shows nothing of it.
#[derive(Clone, PartialEq)]
pub struct Payload(Value);

impl Payload {
    pub(super) fn new(value: Value) -> Self {
        Self(value)
    }

    /// The JSON itself.
    pub fn expose(&self) -> &Value {
        &self.0
    }

    /// The JSON itself, owned.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// The next screen, if one is named.
    pub fn screen(&self) -> Option<&str> {
        self.0.get("screen").and_then(Value::as_str)
    }

    /// The data for that screen.
    pub fn data(&self) -> Option<&Value> {
        self.0.get("data")
    }

    /// The text of a snackbar on that screen.
    pub fn error_message(&self) -> Option<&str> {
        self.data()?.get("error_message").and_then(Value::as_str)
    }

    /// Whether this is the answer to a ping: `{"data": {"status": "active"}}`.
    pub fn is_active(&self) -> bool {
        self.data()
            .and_then(|data| data.get("status"))
            .and_then(Value::as_str)
            == Some("active")
    }

    /// Whether this acknowledges an error notification: `{"data": {"acknowledged": true}}`.
    pub fn is_acknowledgement(&self) -> bool {
        self.data()
            .and_then(|data| data.get("acknowledged"))
            .and_then(Value::as_bool)
            == Some(true)
    }

    /// Whether this ends the Flow: the screen `SUCCESS` with the parameters of a response message.
    pub fn is_success(&self) -> bool {
        self.screen() == Some("SUCCESS")
            && self
                .0
                .pointer("/data/extension_message_response/params")
                .is_some_and(Value::is_object)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(..)")
    }
}
