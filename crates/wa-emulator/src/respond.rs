//! Handles one HTTP request: reads it, and delivers the answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use thiserror::Error;

use crate::answer::{self, Answer, Delivery};
use crate::body::{self, Body};
use crate::control;
use crate::graph::Call;
use crate::io::ResetSwitch;
use crate::shared::Shared;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

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
                return Ok(answer::too_large(&trace).map(body::whole));
            }
            Ok(Err(_)) | Err(_) => return Err(NoResponse),
        };
    if control::is_control(head.uri.path()) {
        let (status, value) = control::handle(&shared.base_url, &mut shared.state(), &head, &body);
        return Ok(answer::json(status, value.to_string()).map(body::whole));
    }
    let call = Call::new(head, body).await;
    let answer = shared.state().answer(&shared.base_url, &call);
    deliver(shared, call, answer, &reset).await
}

async fn deliver(
    shared: Arc<Shared>,
    call: Call,
    answer: Answer,
    reset: &ResetSwitch,
) -> Result<Response<Body>, NoResponse> {
    let Answer {
        fbtrace_id,
        logged: (sequence, path),
        fault,
        headers,
        delivery,
    } = answer;
    let mut response = match delivery {
        Delivery::Send(response) => response.map(body::whole),
        Delivery::Truncate { response, keep } => reshape(response, |bytes| body::cut(&bytes, keep)),
        Delivery::Drip {
            response,
            chunk,
            every,
        } => reshape(response, |bytes| body::drip(bytes, chunk, every)),
        Delivery::Delay(delay) => {
            tokio::time::sleep(delay).await;
            let mut state = shared.state();
            let response = state.execute(&shared.base_url, &call, &fbtrace_id, false);
            state.log.set_status(sequence, response.status().as_u16());
            response.map(body::whole)
        }
        Delivery::Late(delay) => {
            // A task of its own: the call takes effect even if the client has closed the connection.
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                shared
                    .state()
                    .execute(&shared.base_url, &call, &fbtrace_id, false);
            });
            return std::future::pending().await;
        }
        Delivery::Silence => return std::future::pending().await,
        Delivery::Reset => {
            reset.reset();
            return Err(NoResponse);
        }
    };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    let status = response.status().as_u16();
    tracing::debug!(method = %call.method, path, status, fault, fbtrace_id, "responded");
    Ok(response)
}

/// Sends the same body in another way; `Content-Length` stays that of the whole body.
fn reshape(response: Response<Bytes>, into: impl FnOnce(Bytes) -> Body) -> Response<Body> {
    let (mut head, bytes) = response.into_parts();
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Response::from_parts(head, into(bytes))
}
