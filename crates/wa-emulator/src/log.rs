//! A bounded log of received calls, in which tokens and secrets are replaced by their labels.

mod redact;

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::graph::Call;
use crate::world::World;

/// Headers that are logged unchanged, apart from known secrets.
const KEPT_HEADERS: [&str; 7] = [
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-request-id",
];
/// The most characters of a body that are logged.
const MAX_BODY: usize = 16 * 1024;

/// One received call, with every secret replaced by its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The number of the call, from 1 since the start or the last reset; old entries that were evicted are
    /// counted too.
    pub sequence: u64,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The raw query, redacted; empty if there was none.
    pub query: String,
    /// The label of the token, `"(unknown)"` for one that was never issued, or `None`.
    pub token: Option<String>,
    /// Selected headers by lowercase name; `authorization` has the label instead of the token.
    pub headers: BTreeMap<String, String>,
    /// The body as text, redacted, at most 16,384 characters.
    pub body: String,
    /// The status of the response; `None` if the connection was closed without one, or the call is in flight.
    pub status: Option<u16>,
    /// The fault that applied, by [`Fault::name`](crate::Fault::name).
    pub fault: Option<&'static str>,
    /// The trace id of the response: `x-fb-trace-id`, and `fbtrace_id` in an error.
    pub fbtrace_id: String,
}

#[derive(Debug)]
pub(crate) struct RequestLog {
    entries: VecDeque<ReceivedRequest>,
    capacity: usize,
    last: u64,
}

impl RequestLog {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            capacity,
            last: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.last = 0;
    }

    pub(crate) fn entries(&self) -> Vec<ReceivedRequest> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn total(&self) -> u64 {
        self.last
    }

    /// Records a received call, and returns its number and its redacted path. The status is recorded later.
    pub(crate) fn record(
        &mut self,
        world: &World,
        call: &Call,
        fbtrace_id: &str,
        fault: Option<&'static str>,
    ) -> (u64, String) {
        self.last += 1;
        let redactor = redact::Redactor::new(world, call);
        let token = call.token().map(|text| redactor.label(text));
        let mut headers: BTreeMap<String, String> = KEPT_HEADERS
            .iter()
            .filter_map(|name| {
                let value = String::from_utf8_lossy(call.headers.get(*name)?.as_bytes()).into_owned();
                Some(((*name).to_owned(), redactor.text(&value)))
            })
            .collect();
        if let (true, Some(label)) = (call.headers.contains_key(http::header::AUTHORIZATION), &token) {
            headers.insert("authorization".to_owned(), format!("Bearer <{label}>"));
        }
        let entry = ReceivedRequest {
            sequence: self.last,
            method: call.method.as_str().to_owned(),
            path: redactor.text(&call.path),
            query: redactor.query(call.raw_query.as_deref().unwrap_or_default()),
            token,
            headers,
            body: redactor.body(call, MAX_BODY),
            status: None,
            fault,
            fbtrace_id: fbtrace_id.to_owned(),
        };
        while self.entries.len() >= self.capacity.max(1) {
            self.entries.pop_front();
        }
        let path = entry.path.clone();
        self.entries.push_back(entry);
        (self.last, path)
    }

    pub(crate) fn set_status(&mut self, sequence: u64, status: u16) {
        // The call is most likely among the newest entries.
        if let Some(entry) = self
            .entries
            .iter_mut()
            .rev()
            .find(|entry| entry.sequence == sequence)
        {
            entry.status = Some(status);
        }
    }
}
