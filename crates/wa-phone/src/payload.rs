//! A decrypted payload that is never logged.

use std::fmt;

use serde_json::Value;

/// The decrypted JSON of a response. `Debug` does not show it.
#[derive(Clone, PartialEq)]
pub struct Payload(Value);

impl Payload {
    pub(crate) fn new(value: Value) -> Self {
        Self(value)
    }

    /// Returns the JSON.
    pub fn expose(&self) -> &Value {
        &self.0
    }

    /// Returns the JSON, owned.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// Returns the name of the next screen, if there is one.
    pub fn screen(&self) -> Option<&str> {
        self.0.get("screen").and_then(Value::as_str)
    }

    /// Returns the data for that screen.
    pub fn data(&self) -> Option<&Value> {
        self.0.get("data")
    }

    /// Returns the `error_message` that the phone shows as a snackbar on that screen.
    pub fn error_message(&self) -> Option<&str> {
        self.data()?.get("error_message").and_then(Value::as_str)
    }

    /// Returns whether this is the response to a ping: `{"data": {"status": "active"}}`.
    pub fn is_active(&self) -> bool {
        self.data()
            .and_then(|data| data.get("status"))
            .and_then(Value::as_str)
            == Some("active")
    }

    /// Returns whether this acknowledges an error notification: `{"data": {"acknowledged": true}}`.
    pub fn is_acknowledgement(&self) -> bool {
        self.data()
            .and_then(|data| data.get("acknowledged"))
            .and_then(Value::as_bool)
            == Some(true)
    }

    /// Returns whether this ends the Flow: the screen `SUCCESS` with the parameters of a response message.
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
