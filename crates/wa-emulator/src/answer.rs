//! Decides what happens with a call, under one lock of the state: executes it, or applies a fault.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::fault::{Fault, MatchedFault};
use crate::graph::{self, Call, ErrorResponse, GraphResponse, View};
use crate::shared::State;
use crate::world::{LimitUsage, exhausted};

const BAD_GATEWAY: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>\
                           <body><h1>502 Bad Gateway</h1></body></html>";

/// How a call is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) fbtrace_id: String,
    /// The number of the call in the log, and its redacted path.
    pub(crate) logged: (u64, String),
    pub(crate) fault: Option<&'static str>,
    /// Headers that the fault adds to the response.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) delivery: Delivery,
}

#[derive(Debug)]
pub(crate) enum Delivery {
    Send(Response<Bytes>),
    Truncate {
        response: Response<Bytes>,
        keep: usize,
    },
    Drip {
        response: Response<Bytes>,
        chunk: usize,
        every: Duration,
    },
    /// The call is executed after this time, and then answered.
    Delay(Duration),
    /// The call is executed after this time, and never answered.
    Late(Duration),
    Silence,
    Reset,
}

impl State {
    pub(crate) fn answer(&mut self, base_url: &str, call: &Call) -> Answer {
        let fbtrace_id = self.next_trace();
        let (fault, headers) = match self.faults.take(call) {
            Some(MatchedFault { fault, headers }) => (Some(fault), headers),
            None => (None, Vec::new()),
        };
        let name = fault.as_ref().map(Fault::name);
        let logged = self.log.record(&self.world, call, &fbtrace_id, name);
        let delivery = match fault {
            None => Delivery::Send(self.execute(base_url, call, &fbtrace_id, false)),
            Some(fault) => self.apply_fault(fault, base_url, call, &fbtrace_id),
        };
        if let Delivery::Send(response)
        | Delivery::Truncate { response, .. }
        | Delivery::Drip { response, .. } = &delivery
        {
            self.log.set_status(logged.0, response.status().as_u16());
        }
        Answer {
            fbtrace_id,
            logged,
            fault: name,
            headers,
            delivery,
        }
    }

    /// Executes a call. A stale read returns the state before the last change of a key.
    pub(crate) fn execute(
        &mut self,
        base_url: &str,
        call: &Call,
        fbtrace_id: &str,
        stale: bool,
    ) -> Response<Bytes> {
        let view = View {
            shape: &self.shape,
            base_url,
            stale,
        };
        let result = graph::handle(&mut self.world, view, call);
        render(result, call, fbtrace_id, self.world.clock.now())
    }

    fn apply_fault(&mut self, fault: Fault, base_url: &str, call: &Call, fbtrace_id: &str) -> Delivery {
        let now = self.world.clock.now();
        let error = |error, usage| {
            let result = Err(error);
            Delivery::Send(render(GraphResponse { result, usage }, call, fbtrace_id, now))
        };
        match fault {
            Fault::Error(response) => error(response, LimitUsage::default()),
            Fault::AppRateLimit => error(ErrorResponse::app_rate_limit(), exhausted(None)),
            Fault::AccountRateLimit => {
                let account = self.world.account_of(&call.path);
                error(ErrorResponse::account_rate_limit(), exhausted(Some(&account)))
            }
            Fault::Status {
                status,
                body,
                content_type,
            } => {
                let content_type = if content_type.is_empty() {
                    "text/plain"
                } else {
                    &content_type
                };
                Delivery::Send(plain(status, content_type, body, now))
            }
            Fault::BadGateway => {
                let page = BAD_GATEWAY.to_owned();
                Delivery::Send(plain(502, "text/html; charset=utf-8", page, now))
            }
            Fault::Redirect { location } => {
                let mut response = plain(302, "text/plain", String::new(), now);
                if let Ok(location) = HeaderValue::try_from(location) {
                    response.headers_mut().insert(LOCATION, location);
                }
                Delivery::Send(response)
            }
            Fault::Delay { ms } => Delivery::Delay(Duration::from_millis(ms)),
            Fault::Late { ms } => Delivery::Late(Duration::from_millis(ms)),
            Fault::Silence => Delivery::Silence,
            Fault::Reset => Delivery::Reset,
            Fault::ResetAfter => {
                self.execute(base_url, call, fbtrace_id, false);
                Delivery::Reset
            }
            Fault::StaleRead => Delivery::Send(self.execute(base_url, call, fbtrace_id, true)),
            Fault::Truncate { keep } => Delivery::Truncate {
                response: self.execute(base_url, call, fbtrace_id, false),
                keep,
            },
            Fault::Drip { chunk, every_ms } => Delivery::Drip {
                response: self.execute(base_url, call, fbtrace_id, false),
                chunk,
                every: Duration::from_millis(every_ms),
            },
        }
    }
}

fn render(result: GraphResponse, call: &Call, fbtrace_id: &str, now: SystemTime) -> Response<Bytes> {
    let (status, value) = match result.result {
        Ok(value) => (StatusCode::OK, value),
        Err(error) => (error.http_status(), error.body(fbtrace_id)),
    };
    let mut response = json(status, value.to_string());
    let headers = response.headers_mut();
    let usage = [
        ("x-app-usage", result.usage.app),
        ("x-business-use-case-usage", result.usage.account),
    ];
    for (name, value) in usage {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value.to_string()).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(seconds) = result.usage.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    let version = call
        .path
        .split('/')
        .nth(1)
        .filter(|segment| segment.starts_with('v'));
    if let Some(version) = version.and_then(|version| HeaderValue::try_from(version).ok()) {
        headers.insert(HeaderName::from_static("facebook-api-version"), version);
    }
    if let Ok(trace) = HeaderValue::try_from(fbtrace_id) {
        headers.insert(HeaderName::from_static("x-fb-trace-id"), trace);
    }
    dated(response, now)
}

fn plain(status: u16, content_type: &str, text: String, now: SystemTime) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    // hyper refuses to send a 1xx status as a final response.
    let status = StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational());
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(content_type) = HeaderValue::try_from(content_type) {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    dated(response, now)
}

/// Sets `Date` by Graph's clock; hyper would set it by this machine's.
fn dated(mut response: Response<Bytes>, now: SystemTime) -> Response<Bytes> {
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(now)) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// Returns the response to a body that is larger than the emulator accepts.
pub(crate) fn too_large(fbtrace_id: &str) -> Response<Bytes> {
    let error = ErrorResponse::new(413, 100, "(#100) The request is too large").transient(false);
    json(error.http_status(), error.body(fbtrace_id).to_string())
}

pub(crate) fn json(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=UTF-8"),
    );
    response
}
