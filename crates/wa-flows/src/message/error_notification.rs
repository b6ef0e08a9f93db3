//! Error notifications: a phone reports an error on its side.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;

use crate::object::Object;

/// An error notification of a phone: an `INIT` or `data_exchange` whose data contains `error` (or
/// `error_key`) and `error_message`.
///
/// The endpoint acknowledges it with [`FlowResponse::acknowledged`](crate::FlowResponse::acknowledged).
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorNotification {
    key: String,
    message: String,
}

impl ErrorNotification {
    /// All [`label`](ErrorNotification::label)s: the error keys that Meta documents for notifications and
    /// alerts (Meta, *Flows error codes*), and `other`.
    pub const LABELS: [&'static str; 13] = [
        "response-decryption-error",
        "business-decryption-error",
        "invalid-screen-transition",
        "payload-schema-error",
        "components-validation-error",
        "timeout_error",
        "missing_capability",
        "cannot_be_served",
        "no_http_response_error",
        "unexpected_http_status_code",
        "public-key-missing",
        "public-key-signiture-verification",
        "other",
    ];

    /// Recognises a notification in the text of a request's data: Meta's texts name the key both `error` and
    /// `error_key`.
    pub(crate) fn find(data: &str) -> Option<Self> {
        // Most data is not a notification: skip parsing it. A backslash may be an escape within the name.
        if !data.contains("error_message") && !data.contains('\\') {
            return None;
        }
        let Object::<Members<'_>>(members) = serde_json::from_str(data).ok()?;
        Some(Self {
            key: members
                .error
                .and_then(string)
                .or_else(|| members.error_key.and_then(string))?,
            message: members.error_message.and_then(string)?,
        })
    }

    /// Returns the error key, for example `response-decryption-error`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the error message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the key if Meta documents it, otherwise `other`: safe for logs and metric labels.
    pub fn label(&self) -> &'static str {
        Self::LABELS
            .into_iter()
            .find(|label| *label == self.key)
            .unwrap_or("other")
    }
}

impl fmt::Debug for ErrorNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorNotification")
            .field("key", &self.label())
            .finish_non_exhaustive()
    }
}

/// The members of a notification. Other members are skipped, even if they cannot be decoded.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    error_key: Option<&'a RawValue>,
    #[serde(borrow)]
    error_message: Option<&'a RawValue>,
}

/// Decodes a string; replaces lone surrogates, which a Rust string cannot contain. Returns `None` for any
/// other type.
fn string(json: &RawValue) -> Option<String> {
    serde_json::from_str(json.get()).ok().map(|Lossy(text)| text)
}

struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(LossyVisitor)
    }
}

struct LossyVisitor;

impl Visitor<'_> for LossyVisitor {
    type Value = Lossy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, text: &[u8]) -> Result<Lossy, E> {
        Ok(Lossy(String::from_utf8_lossy(text).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn both_names_of_the_key_are_recognised_and_a_message_is_required() {
        let notification = |data: Value| {
            ErrorNotification::find(&data.to_string())
                .map(|notification| (notification.key, notification.message))
        };
        let found = Some(("k".to_owned(), "m".to_owned()));
        assert_eq!(notification(json!({"error": "k", "error_message": "m"})), found);
        assert_eq!(
            notification(json!({"error_key": "k", "error_message": "m", "x": 1})),
            found
        );
        assert_eq!(
            notification(json!({"error": 1, "error_key": "k", "error_message": "m"})),
            found
        );
        for data in [
            json!({"error": "k"}),
            json!({"error_message": "m"}),
            json!({"error": {}, "error_message": "m"}),
            json!({"error": "k", "error_message": null}),
            json!(["error", "error_message"]),
            json!(null),
        ] {
            assert_eq!(notification(data), None);
        }
    }

    #[test]
    fn an_undocumented_key_is_labelled_other() {
        let label = |key: &str| {
            ErrorNotification {
                key: key.to_owned(),
                message: String::new(),
            }
            .label()
        };
        assert_eq!(label("timeout_error"), "timeout_error");
        assert_eq!(label("something new"), "other");
    }
}
