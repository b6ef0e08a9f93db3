//! The error in the body of a Graph response.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use serde_json::Value;

use crate::code::{ErrorCode, KnownSubcode};
use crate::redact::Redactor;

/// The maximum number of characters of a text of the server that `Display` shows.
const SHOWN: usize = 500;

/// An error that Graph returned, with all its members (Meta, *Cloud API error codes*, "Error response").
///
/// All members except the code are optional. Texts are those of the server, with secrets of the client
/// redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    subcode: Option<i64>,
    message: String,
    error_type: Option<String>,
    details: Option<String>,
    transient: Option<bool>,
    user_title: Option<String>,
    user_message: Option<String>,
    fbtrace_id: Option<String>,
}

impl ApiError {
    /// Reads the `error` member of a response; `None` if it is not a Graph error, which is an object with a
    /// code.
    pub(crate) fn parse(status: StatusCode, error: &Value, redactor: &Redactor<'_>) -> Option<Self> {
        let text = |name: &str| {
            error
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(|text| redactor.clean(text))
        };
        let code = integer(error.get("code")?)?;
        let details = error.get("error_data").and_then(|data| match data {
            Value::String(text) if !text.is_empty() => Some(redactor.clean(text)),
            Value::Object(object) => object
                .get("details")
                .and_then(Value::as_str)
                .map(|text| redactor.clean(text)),
            _ => None,
        });
        Some(Self {
            status,
            code: ErrorCode::new(code),
            subcode: error.get("error_subcode").and_then(integer),
            message: text("message").unwrap_or_default(),
            error_type: text("type"),
            details,
            transient: error.get("is_transient").and_then(Value::as_bool),
            user_title: text("error_user_title"),
            user_message: text("error_user_msg"),
            fbtrace_id: text("fbtrace_id"),
        })
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Returns the subcode (`error_subcode`).
    pub fn subcode(&self) -> Option<i64> {
        self.subcode
    }

    /// Returns the table's row for the subcode, if it is more specific than the code.
    pub fn known_subcode(&self) -> Option<&'static KnownSubcode> {
        KnownSubcode::find(self.code, self.subcode?)
    }

    /// Returns the message for developers; empty if there is none.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the type, for example `OAuthException`.
    pub fn error_type(&self) -> Option<&str> {
        self.error_type.as_deref()
    }

    /// Returns the details (`error_data.details`, or `error_data` itself if it is a string).
    pub fn details(&self) -> Option<&str> {
        self.details.as_deref()
    }

    /// Returns whether Graph reports the error as temporary (`is_transient`).
    pub fn transient(&self) -> Option<bool> {
        self.transient
    }

    /// Returns the title for users (`error_user_title`).
    pub fn user_title(&self) -> Option<&str> {
        self.user_title.as_deref()
    }

    /// Returns the message for users (`error_user_msg`).
    pub fn user_message(&self) -> Option<&str> {
        self.user_message.as_deref()
    }

    /// Returns the trace id, which Meta's support asks for.
    pub fn fbtrace_id(&self) -> Option<&str> {
        self.fbtrace_id.as_deref()
    }

    /// Returns whether the number is not eligible for encryption: code 100 with HTTP 422
    /// (Meta, *Business Messaging API* `OpenAPI` description, `whatsapp_business_encryption`).
    pub fn is_not_eligible(&self) -> bool {
        self.code == ErrorCode::INVALID_PARAMETER && self.status == StatusCode::UNPROCESSABLE_ENTITY
    }

    /// Returns whether the app requires an `appsecret_proof` and the call had none or a wrong one: code 100
    /// with a message that names it (Meta, *Securing Graph API requests*).
    pub fn needs_app_secret_proof(&self) -> bool {
        self.code == ErrorCode::INVALID_PARAMETER && self.message.contains("appsecret_proof")
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        super::remedy::of_api(self).map(Cow::Borrowed)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph error {}", self.code)?;
        if let Some(subcode) = self.subcode {
            write!(f, "/{subcode}")?;
        }
        let meaning = self
            .known_subcode()
            .map(KnownSubcode::meaning)
            .or_else(|| self.code.meaning());
        if let Some(meaning) = meaning {
            write!(f, " ({meaning})")?;
        }
        for text in [Some(self.message.as_str()), self.details(), self.user_message()]
            .into_iter()
            .flatten()
        {
            if !text.is_empty() {
                write!(f, ": {}", Shown(text))?;
            }
        }
        write!(f, " [HTTP {}", self.status.as_u16())?;
        if let Some(id) = self.fbtrace_id() {
            write!(f, ", fbtrace_id {}", Shown(id))?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("status", &self.status)
            .field("code", &self.code)
            .field("subcode", &self.subcode)
            .field("message", &self.message)
            .field("details", &self.details)
            .field("transient", &self.transient)
            .field("fbtrace_id", &self.fbtrace_id)
            .finish_non_exhaustive()
    }
}

/// Displays a text of the server, shortened and without control characters, which could control a terminal.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, c) in self.0.trim().chars().enumerate() {
            if count == SHOWN {
                return f.write_str("…");
            }
            fmt::Write::write_char(f, if c.is_control() { ' ' } else { c })?;
        }
        Ok(())
    }
}

/// Reads a code, which Graph writes as a number; a string with a number is accepted too.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
