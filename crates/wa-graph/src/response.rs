//! What comes back from a call that went well.

use std::time::Duration;

use http::StatusCode;

use crate::usage::Usage;

/// The answer to a call, together with what was learned on the way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GraphResponse<T> {
    /// The body, read as JSON.
    pub body: T,
    /// Status, trace id, usage, attempts.
    pub meta: ResponseMeta,
}

impl<T> GraphResponse<T> {
    /// Keeps the meta data and changes the body.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> GraphResponse<U> {
        GraphResponse {
            body: change(self.body),
            meta: self.meta,
        }
    }
}

/// What is known of an answer beside its body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseMeta {
    /// The HTTP status.
    pub status: StatusCode,
    /// Graph's trace id (`x-fb-trace-id`), which Meta's support asks for.
    pub fbtrace_id: Option<String>,
    /// How near its limits the app and the account are.
    pub usage: Usage,
    /// How often the call was made.
    pub attempts: u32,
    /// How long it took in all, pauses included.
    pub elapsed: Duration,
}
