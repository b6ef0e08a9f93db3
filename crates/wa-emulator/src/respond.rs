//! Handles one HTTP request: executes it, and applies the faults.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use thiserror::Error;

use crate::body::{self, Body};
use crate::control;
use crate::fault::Fault;
use crate::graph::{self, Call, ErrorResponse, GraphResponse};
use crate::io::ResetSwitch;
use crate::shared::Shared;
use crate::world::{LimitUsage, exhausted};

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const BAD_GATEWAY: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>\
                           <body><h1>502 Bad Gateway</h1></body></html>";

/// The connection is closed without a response.
#[derive(Debug, Error)]
#[error("the connection is closed without a response")]
pub(crate) struct NoResponse;

pub(crate) async fn respond(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    reset: ResetSwitch,
) -> Result<Response<Body>, NoResponse> {
    let (head, incoming) = request.into_parts();
    let body =
        match tokio::time::timeout(BODY_TIMEOUT, Limited::new(incoming, shared.max_body).collect()).await {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let trace = shared.state().next_trace();
                return Ok(too_large(&trace));
            }
            Ok(Err(_)) | Err(_) => return Err(NoResponse),
        };
    if control::is_control(head.uri.path()) {
        return Ok(control::handle(&shared, &head, &body));
    }
    let call = Call::new(head, body).await;
    graph_call(&shared, &call, &reset).await
}

async fn graph_call(shared: &Shared, call: &Call, reset: &ResetSwitch) -> Result<Response<Body>, NoResponse> {
    let (trace, matched, (sequence, path)) = {
        let mut state = shared.state();
        let state = &mut *state;
        let trace = state.next_trace();
        let matched = state.faults.take(call);
        let fault = matched.as_ref().map(|matched| matched.fault.name());
        let recorded = state.log.record(&state.world, call, &trace, fault);
        (trace, matched, recorded)
    };
    let (fault, headers) = matched.map_or((None, Vec::new()), |matched| {
        (Some(matched.fault), matched.headers)
    });
    let name = fault.as_ref().map(Fault::name);
    let mut response = match fault {
        None => execute(shared, call, &trace),
        Some(fault) => apply(fault, shared, call, &trace, reset).await?,
    };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    let status = response.status().as_u16();
    shared.state().log.set_status(sequence, status);
    tracing::debug!(method = %call.method, path, status, fault = name, fbtrace_id = trace, "responded");
    Ok(response)
}

fn execute(shared: &Shared, call: &Call, trace: &str) -> Response<Body> {
    let response = {
        let mut state = shared.state();
        let state = &mut *state;
        graph::handle(&mut state.world, &state.shape, &shared.base_url, call)
    };
    render(response, call, trace)
}

async fn apply(
    fault: Fault,
    shared: &Shared,
    call: &Call,
    trace: &str,
    reset: &ResetSwitch,
) -> Result<Response<Body>, NoResponse> {
    let error = |error, usage| {
        render(
            GraphResponse {
                result: Err(error),
                usage,
            },
            call,
            trace,
        )
    };
    Ok(match fault {
        Fault::Error(response) => error(response, LimitUsage::default()),
        Fault::AppRateLimit => error(ErrorResponse::app_rate_limit(), exhausted(None)),
        Fault::AccountRateLimit => {
            let account = shared.state().world.account_of(&call.path);
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
            plain(status, content_type, body)
        }
        Fault::BadGateway => plain(502, "text/html; charset=utf-8", BAD_GATEWAY.to_owned()),
        Fault::Redirect { location } => {
            let mut response = plain(302, "text/plain", String::new());
            if let Ok(location) = HeaderValue::try_from(location) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        Fault::Delay { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            execute(shared, call, trace)
        }
        Fault::Silence => std::future::pending().await,
        Fault::Reset => {
            reset.reset();
            return Err(NoResponse);
        }
        Fault::ResetAfter => {
            execute(shared, call, trace);
            reset.reset();
            return Err(NoResponse);
        }
        Fault::Truncate { keep } => {
            reshape(execute(shared, call, trace), |bytes| body::cut(&bytes, keep)).await
        }
        Fault::Drip { chunk, every_ms } => {
            let every = Duration::from_millis(every_ms);
            reshape(execute(shared, call, trace), |bytes| {
                body::drip(bytes, chunk, every)
            })
            .await
        }
    })
}

/// Sends the same body in another way; `Content-Length` stays that of the whole body.
async fn reshape(response: Response<Body>, into: impl FnOnce(Bytes) -> Body) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let bytes = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Response::from_parts(head, into(bytes))
}

fn render(result: GraphResponse, call: &Call, trace: &str) -> Response<Body> {
    let (status, value) = match result.result {
        Ok(value) => (StatusCode::OK, value),
        Err(error) => (error.http_status(), error.body(trace)),
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
    if let Ok(trace) = HeaderValue::try_from(trace) {
        headers.insert(HeaderName::from_static("x-fb-trace-id"), trace);
    }
    response
}

fn too_large(trace: &str) -> Response<Body> {
    let error = ErrorResponse::new(413, 100, "(#100) The request is too large").transient(false);
    json(error.http_status(), error.body(trace).to_string())
}

pub(crate) fn json(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(body::whole(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=UTF-8"),
    );
    response
}

fn plain(status: u16, content_type: &str, text: String) -> Response<Body> {
    let mut response = Response::new(body::whole(text.into()));
    // hyper refuses to send a 1xx status as a final response.
    let status = StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational());
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(content_type) = HeaderValue::try_from(content_type) {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}
