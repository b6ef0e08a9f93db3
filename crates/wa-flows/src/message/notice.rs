//! The phone's report that something went wrong on its side.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;

use crate::object::Object;

/// An error that the phone notifies the endpoint of, sent as an `INIT` or `data_exchange` whose data holds `error`
/// (or `error_key`) and `error_message`.
///
/// The endpoint acknowledges it; there is nothing to answer.
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorNotice {
    key: String,
    message: String,
}

impl ErrorNotice {
    /// Every [`label`](ErrorNotice::label): the error keys that Meta documents for notifications and alerts (Meta, *Flows
    /// error codes*), and `other`.
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

    /// Recognises a notice in the text of a request's data: Meta's texts name the key both `error` and `error_key`.
    pub(crate) fn find(data: &str) -> Option<Self> {
        // Most data is none, and is not read for this.
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

    /// The error key, for instance `response-decryption-error`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The message beside it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The key if Meta documents it, else `other`: safe for logs and metric labels.
    pub fn label(&self) -> &'static str {
        Self::LABELS
            .into_iter()
            .find(|label| *label == self.key)
            .unwrap_or("other")
    }
}

impl fmt::Debug for ErrorNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorNotice")
            .field("key", &self.label())
            .finish_non_exhaustive()
    }
}

/// What makes a notice. Whatever else the data holds need not be anything that can be read.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    error_key: Option<&'a RawValue>,
    #[serde(borrow)]
    error_message: Option<&'a RawValue>,
}

/// A string, with replacements for half of an emoji, which no text of Rust's holds; none if it is something else.
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
    fn both_names_of_the_key_are_recognised_and_only_beside_a_message() {
        let notice =
            |data: Value| ErrorNotice::find(&data.to_string()).map(|notice| (notice.key, notice.message));
        let found = Some(("k".to_owned(), "m".to_owned()));
        assert_eq!(notice(json!({"error": "k", "error_message": "m"})), found);
        assert_eq!(
            notice(json!({"error_key": "k", "error_message": "m", "x": 1})),
            found
        );
        assert_eq!(
            notice(json!({"error": 1, "error_key": "k", "error_message": "m"})),
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
            assert_eq!(notice(data), None);
        }
    }

    #[test]
    fn an_undocumented_key_is_labelled_other() {
        let label = |key: &str| {
            ErrorNotice {
                key: key.to_owned(),
                message: String::new(),
            }
            .label()
        };
        assert_eq!(label("timeout_error"), "timeout_error");
        assert_eq!(label("something new"), "other");
    }
}
