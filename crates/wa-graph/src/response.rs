//! The response to a successful call.

use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::usage::Usage;

/// The response to a call, with its metadata.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GraphResponse<T> {
    /// The deserialized JSON body.
    pub body: T,
    /// Status, trace id, usage, attempts.
    pub meta: ResponseMeta,
}

impl<T> GraphResponse<T> {
    /// Creates a response from its content and its metadata.
    pub fn new(body: T, meta: ResponseMeta) -> Self {
        Self { body, meta }
    }

    /// Converts the body and keeps the metadata.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> GraphResponse<U> {
        GraphResponse {
            body: change(self.body),
            meta: self.meta,
        }
    }
}

/// The metadata of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseMeta {
    /// The HTTP status.
    pub status: StatusCode,
    /// Graph's trace id (`x-fb-trace-id`), which Meta's support asks for.
    pub fbtrace_id: Option<String>,
    /// The time of Graph's clock (the `Date` header), in whole seconds.
    pub date: Option<SystemTime>,
    /// How close the app and the account are to their rate limits.
    pub usage: Usage,
    /// The number of attempts.
    pub attempts: u32,
    /// The total time, including pauses.
    pub elapsed: Duration,
}
