//! Graph error codes: what each means for the Encryption API, whether a retry helps, and what to do.

mod subcode;
mod table;

use std::fmt;

/// The `code` member of a Graph error.
///
/// Codes that are not in the table survive as numbers: [`ErrorCode::known_as`] is then `None`. Meta advises to key on the
/// code and `details`, not on message or title (Meta, *Cloud API error codes*).
///
/// ```
/// use wa_graph::{CodeKind, ErrorCode, RetryAdvice};
///
/// assert_eq!(ErrorCode::new(10).kind(), CodeKind::Permission);
/// assert_eq!(ErrorCode::new(131_000).retry(), RetryAdvice::Soon);
/// assert!(ErrorCode::new(100).remedy().is_some());
/// assert_eq!(ErrorCode::new(987_654).kind(), CodeKind::Unknown);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(i64);

impl ErrorCode {
    /// Makes a code of its number; any number is one.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Iterates over the whole table, in ascending order; the reference page of the documentation is made from it.
    pub fn known() -> impl Iterator<Item = &'static KnownCode> {
        table::TABLE.iter()
    }

    /// Returns the table's row for this code, if there is one.
    pub fn known_as(self) -> Option<&'static KnownCode> {
        table::TABLE.iter().find(|row| row.contains(self))
    }

    /// Returns what kind of trouble the code stands for.
    pub fn kind(self) -> CodeKind {
        self.known_as().map_or(CodeKind::Unknown, KnownCode::kind)
    }

    /// Returns what the code means, in a few words.
    pub fn meaning(self) -> Option<&'static str> {
        self.known_as().map(KnownCode::meaning)
    }

    /// Returns whether the same call may succeed when it is made again.
    pub fn retry(self) -> RetryAdvice {
        self.known_as().map_or(RetryAdvice::Never, KnownCode::retry)
    }

    /// Returns which calls the limit refuses, if the code stands for a rate limit.
    pub fn limit_scope(self) -> Option<LimitScope> {
        match self.0 {
            // Meta, *Graph API rate limiting*: app, user and page limits, and custom ones; each refuses the caller.
            4 | 17 | 32 | 341 | 613 => Some(LimitScope::Caller),
            80_007 | 80_008 => Some(LimitScope::Account),
            130_429 => Some(LimitScope::Number),
            _ => None,
        }
    }

    /// Returns what to do about it, written for the Encryption API.
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

/// What kind of trouble an [`ErrorCode`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeKind {
    /// The access token is missing, expired, revoked or malformed.
    Token,
    /// The token is good but may not do this.
    Permission,
    /// A parameter is missing or wrong.
    Parameter,
    /// The object of that id does not exist or cannot be seen with this token.
    NotFound,
    /// Too many calls; waiting helps, calling on makes it longer.
    RateLimit,
    /// Trouble on Meta's side that passes.
    Temporary,
    /// The account or app is restricted by policy.
    Policy,
    /// The phone number's registration with Cloud API is not as it should be.
    Registration,
    /// A Flow cannot be changed as asked (Flow management calls).
    Flow,
    /// Concerns the sending of messages and does not come from the Encryption API.
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

/// Which calls a rate limit refuses.
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

/// Whether the same call may succeed when it is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryAdvice {
    /// It will fail again until something is changed.
    Never,
    /// After a moment; the client does it by itself.
    Soon,
    /// After a longer pause; the client does it by itself as far as its policy allows.
    Slowly,
    /// After minutes or hours, as the remedy says; the client does not wait that long.
    Later,
}

impl RetryAdvice {
    /// Returns the advice in one word, for tables and logs.
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

/// A row of the table of known codes: one code, or a range of codes that mean the same.
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

    /// Returns what kind of trouble it is.
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

    /// Returns what to do, if there is something to do.
    pub const fn remedy(&self) -> Option<&'static str> {
        self.remedy
    }

    /// Iterates over the subcodes that this code comes with and that have a meaning and a remedy of their own.
    pub fn subcodes(&self) -> impl Iterator<Item = &'static KnownSubcode> {
        let (first, last) = (self.first, self.last);
        subcode::TABLE
            .iter()
            .filter(move |row| first <= row.code && row.code <= last)
    }
}

/// An `error_subcode` that says more than the code that it comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSubcode {
    code: i64,
    subcode: i64,
    meaning: &'static str,
    remedy: &'static str,
}

impl KnownSubcode {
    /// Finds the row for a code and subcode that came together.
    pub fn find(code: ErrorCode, subcode: i64) -> Option<&'static Self> {
        subcode::TABLE
            .iter()
            .find(|row| row.code == code.0 && row.subcode == subcode)
    }

    /// Returns the code that the subcode comes with.
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

    /// Returns what to do.
    pub const fn remedy(&self) -> &'static str {
        self.remedy
    }
}
