//! The error bodies of the Graph API.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// An error response of Graph: the HTTP status and every member of its `error` object.
///
/// The named constructors are the errors that Meta's `OpenAPI` description lists for the key endpoint. Create
/// any other with [`ErrorResponse::new`] and the setters. Members that are not set are absent in the JSON.
///
/// ```
/// use wa_emulator::ErrorResponse;
///
/// let busy = ErrorResponse::new(500, 131016, "Service unavailable").transient(true);
/// assert_eq!(busy.code(), 131016);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorResponse(Box<Members>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    status: u16,
    message: String,
    #[serde(rename = "type", default = "oauth_exception")]
    kind: String,
    code: i64,
    #[serde(default)]
    error_subcode: Option<i64>,
    #[serde(default)]
    error_data: Option<Value>,
    #[serde(default)]
    is_transient: Option<bool>,
    #[serde(default)]
    error_user_title: Option<String>,
    #[serde(default)]
    error_user_msg: Option<String>,
}

fn oauth_exception() -> String {
    "OAuthException".to_owned()
}

impl ErrorResponse {
    /// Creates an `OAuthException` with this HTTP status, code and message. A status outside 100–999 is sent
    /// as 500.
    pub fn new(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self(Box::new(Members {
            status,
            message: message.into(),
            kind: oauth_exception(),
            code,
            error_subcode: None,
            error_data: None,
            is_transient: None,
            error_user_title: None,
            error_user_msg: None,
        }))
    }

    /// Sets the `type`, for example `GraphMethodException`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.0.kind = kind.into();
        self
    }

    /// Sets `error_subcode`.
    #[must_use]
    pub fn subcode(mut self, subcode: i64) -> Self {
        self.0.error_subcode = Some(subcode);
        self
    }

    /// Sets `error_data` to the object that WhatsApp sends, with these `details`.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.0.error_data = Some(json!({"messaging_product": "whatsapp", "details": details.into()}));
        self
    }

    /// Sets `error_data` to any value: in practice, a string was observed too.
    #[must_use]
    pub fn error_data(mut self, data: Value) -> Self {
        self.0.error_data = Some(data);
        self
    }

    /// Sets `is_transient`.
    #[must_use]
    pub fn transient(mut self, transient: bool) -> Self {
        self.0.is_transient = Some(transient);
        self
    }

    /// Sets `error_user_title` and `error_user_msg`.
    #[must_use]
    pub fn user_text(mut self, title: impl Into<String>, text: impl Into<String>) -> Self {
        self.0.error_user_title = Some(title.into());
        self.0.error_user_msg = Some(text.into());
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Returns the `code`.
    pub fn code(&self) -> i64 {
        self.0.code
    }

    pub(crate) fn http_status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Renders the body as Graph sends it, with the trace id of this response.
    pub(crate) fn body(&self, fbtrace_id: &str) -> Value {
        let mut error = Map::new();
        error.insert("message".into(), self.0.message.clone().into());
        error.insert("type".into(), self.0.kind.clone().into());
        error.insert("code".into(), self.0.code.into());
        let optional = [
            ("error_subcode", self.0.error_subcode.map(Value::from)),
            ("error_data", self.0.error_data.clone()),
            ("is_transient", self.0.is_transient.map(Value::from)),
            (
                "error_user_title",
                self.0.error_user_title.clone().map(Value::from),
            ),
            ("error_user_msg", self.0.error_user_msg.clone().map(Value::from)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                error.insert(name.into(), value);
            }
        }
        error.insert("fbtrace_id".into(), fbtrace_id.into());
        json!({ "error": error })
    }
}
