//! Graph error codes: their meaning for the Encryption API, whether a retry helps, and the remedy.

mod constants;
mod subcode;
mod table;

use std::fmt;

/// The `code` member of a Graph error.
///
/// Codes that users act on have constants. Codes that are not in the table keep their number, and
/// [`ErrorCode::known_as`] returns `None` for them. Meta recommends to act on the code and `details`, not on
/// message or title (Meta, *Cloud API error codes*).
///
/// ```
/// use wa_graph::{CodeKind, ErrorCode, RetryAdvice};
///
/// assert!(ErrorCode::PERMISSION_DENIED.is_permission());
/// assert_eq!(ErrorCode::SOMETHING_WENT_WRONG.retry(), RetryAdvice::Soon);
/// assert!(ErrorCode::INVALID_PARAMETER.remedy().is_some());
/// assert_eq!(ErrorCode::new(987_654).kind(), CodeKind::Unknown);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(i64);

impl ErrorCode {
    /// Creates a code from any number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Iterates over the table of known codes in ascending order. The reference page of the documentation
    /// lists it.
    pub fn known() -> impl Iterator<Item = &'static KnownCode> {
        table::TABLE.iter()
    }

    /// Returns the table's row for this code, if there is one.
    pub fn known_as(self) -> Option<&'static KnownCode> {
        table::TABLE.iter().find(|row| row.contains(self))
    }

    /// Returns the kind of failure.
    pub fn kind(self) -> CodeKind {
        self.known_as().map_or(CodeKind::Unknown, KnownCode::kind)
    }

    /// Returns the meaning of the code in a few words.
    pub fn meaning(self) -> Option<&'static str> {
        self.known_as().map(KnownCode::meaning)
    }

    /// Returns whether the same call may succeed if it is repeated.
    pub fn retry(self) -> RetryAdvice {
        self.known_as().map_or(RetryAdvice::Never, KnownCode::retry)
    }

    /// Returns which calls a rate limit refuses, if the code is one of a rate limit.
    pub fn limit_scope(self) -> Option<LimitScope> {
        match self.0 {
            // Meta, *Graph API rate limiting*: app, user and page limits, and custom ones; each refuses the
            // caller.
            4 | 17 | 32 | 341 | 613 => Some(LimitScope::Caller),
            80_007 | 80_008 => Some(LimitScope::Account),
            130_429 => Some(LimitScope::Number),
            _ => None,
        }
    }

    /// Returns whether a permission is missing.
    pub fn is_permission(self) -> bool {
        self.kind() == CodeKind::Permission
    }

    /// Returns whether a rate limit is reached.
    pub fn is_rate_limited(self) -> bool {
        self.kind() == CodeKind::RateLimit
    }

    /// Returns whether the same call may succeed later without any change: temporary failures and rate
    /// limits.
    pub fn is_transient(self) -> bool {
        matches!(self.retry(), RetryAdvice::Soon | RetryAdvice::Slowly)
    }

    /// Returns what to do about it, for users of the Encryption API.
    pub fn remedy(self) -> Option<&'static str> {
        self.known_as().and_then(KnownCode::remedy)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<i64> for ErrorCode {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

/// The kind of failure of an [`ErrorCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeKind {
    /// The access token is missing, expired, revoked or malformed.
    Token,
    /// The token is valid but lacks a permission.
    Permission,
    /// A parameter is missing or not valid.
    Parameter,
    /// No object with this id exists or is visible to the token.
    NotFound,
    /// Too many calls. Waiting helps; further calls prolong the limit.
    RateLimit,
    /// A temporary failure at Meta.
    Temporary,
    /// The account or app is restricted by policy.
    Policy,
    /// The phone number is not correctly registered with Cloud API.
    Registration,
    /// A Flow cannot be changed as requested (Flow management calls).
    Flow,
    /// Concerns sending messages; the Encryption API does not return it.
    Messaging,
    /// Not in the table.
    Unknown,
}

impl CodeKind {
    /// Returns the kind's name in one or two lowercase words, for tables and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Permission => "permission",
            Self::Parameter => "parameter",
            Self::NotFound => "not found",
            Self::RateLimit => "rate limit",
            Self::Temporary => "temporary",
            Self::Policy => "policy",
            Self::Registration => "registration",
            Self::Flow => "flow",
            Self::Messaging => "messaging",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for CodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The calls that a rate limit refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitScope {
    /// Every call of the app or with the token.
    Caller,
    /// Calls about one WhatsApp Business Account and its phone numbers.
    Account,
    /// Calls about one phone number.
    Number,
}

/// Whether the same call may succeed if it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryAdvice {
    /// It fails again until something is changed.
    Never,
    /// After a short pause; the client retries automatically.
    Soon,
    /// After a longer pause; the client retries automatically as its policy allows.
    Slowly,
    /// After minutes or hours, as described in the remedy; the client does not wait that long.
    Later,
}

impl RetryAdvice {
    /// Returns one lowercase word, for tables and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Soon => "soon",
            Self::Slowly => "slowly",
            Self::Later => "later",
        }
    }
}

impl fmt::Display for RetryAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A row of the table of known codes: one code, or a range of codes with the same meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownCode {
    first: i64,
    last: i64,
    kind: CodeKind,
    retry: RetryAdvice,
    meaning: &'static str,
    remedy: Option<&'static str>,
}

impl KnownCode {
    /// Returns the code, or the first of the range.
    pub const fn first(&self) -> ErrorCode {
        ErrorCode(self.first)
    }

    /// Returns the code, or the last of the range.
    pub const fn last(&self) -> ErrorCode {
        ErrorCode(self.last)
    }

    /// Returns whether a code belongs to this row.
    pub const fn contains(&self, code: ErrorCode) -> bool {
        self.first <= code.0 && code.0 <= self.last
    }

    /// Returns the kind of failure.
    pub const fn kind(&self) -> CodeKind {
        self.kind
    }

    /// Returns whether a retry helps.
    pub const fn retry(&self) -> RetryAdvice {
        self.retry
    }

    /// Returns the meaning in a few words.
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// Returns what to do about it.
    pub const fn remedy(&self) -> Option<&'static str> {
        self.remedy
    }

    /// Iterates over the subcodes of this code that have their own meaning and remedy.
    pub fn subcodes(&self) -> impl Iterator<Item = &'static KnownSubcode> {
        let (first, last) = (self.first, self.last);
        subcode::TABLE
            .iter()
            .filter(move |row| first <= row.code && row.code <= last)
    }
}

/// An `error_subcode` that is more specific than its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSubcode {
    code: i64,
    subcode: i64,
    meaning: &'static str,
    remedy: &'static str,
}

impl KnownSubcode {
    /// Returns the row for a code with a subcode.
    pub fn find(code: ErrorCode, subcode: i64) -> Option<&'static Self> {
        subcode::TABLE
            .iter()
            .find(|row| row.code == code.0 && row.subcode == subcode)
    }

    /// Returns the code to which the subcode belongs.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode(self.code)
    }

    /// Returns the subcode.
    pub const fn subcode(&self) -> i64 {
        self.subcode
    }

    /// Returns the meaning in a few words.
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// Returns what to do about it.
    pub const fn remedy(&self) -> &'static str {
        self.remedy
    }
}
