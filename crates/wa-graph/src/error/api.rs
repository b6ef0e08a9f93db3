//! The error that Graph writes into the body of its answer.

use std::fmt;

use http::StatusCode;
use serde_json::Value;

use crate::code::{ErrorCode, KnownSubcode};
use crate::redact::Redactor;

/// How much of a text of the server's is shown in `Display`.
const SHOWN: usize = 500;

/// An error that Graph answered with, every member of it (Meta, *Cloud API error codes*, "Error response").
///
/// All members but the code are optional in what is accepted. Texts are the server's own, with our secrets taken out should
/// it have repeated them.
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
    /// Reads the `error` member of an answer; `None` when it is not of Graph's form, which is an object with a code.
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

    /// Returns the table's row for the subcode, if it says more than the code.
    pub fn known_subcode(&self) -> Option<&'static KnownSubcode> {
        KnownSubcode::find(self.code, self.subcode?)
    }

    /// Returns the message, for developers; empty when there was none.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the type, for example `OAuthException`.
    pub fn error_type(&self) -> Option<&str> {
        self.error_type.as_deref()
    }

    /// Returns the details (`error_data.details`, or `error_data` itself when it is a text).
    pub fn details(&self) -> Option<&str> {
        self.details.as_deref()
    }

    /// Returns what Graph itself says of a retry (`is_transient`).
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
        self.code.number() == 100 && self.status == StatusCode::UNPROCESSABLE_ENTITY
    }

    /// Returns whether the app demands an `appsecret_proof` and the call had none, or a wrong one: code 100 with a text
    /// that names it (Meta, *Securing Graph API requests*).
    pub fn needs_app_secret_proof(&self) -> bool {
        self.code.number() == 100 && self.message.contains("appsecret_proof")
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        super::remedy::of_api(self)
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

/// A text of the server's, cut and without control characters, so that it cannot drive a terminal.
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

/// Graph writes codes as numbers; a number written as text is taken too.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
