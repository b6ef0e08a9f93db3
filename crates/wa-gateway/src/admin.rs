//! The admin address: metrics, health, and media decryption for backends.

mod host;
mod media;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::Service;

use crate::config::Settings;
use crate::current::Current;
use crate::metrics::Metrics;
pub(crate) use media::Media;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

pub(crate) type AdminResponse = Response<Full<Bytes>>;

/// The service on the admin address.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    metrics: Arc<Metrics>,
    draining: Arc<AtomicBool>,
    media: Current<Media>,
    settings: Current<Settings>,
}

impl Admin {
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        media: Current<Media>,
        settings: Current<Settings>,
        draining: Arc<AtomicBool>,
    ) -> Self {
        Self {
            metrics,
            draining,
            media,
            settings,
        }
    }

    async fn respond(self, request: Request<Incoming>) -> AdminResponse {
        let allowed = match request.uri().path() {
            "/metrics" | "/livez" | "/readyz" => Method::GET,
            "/media/decrypt" => Method::POST,
            _ => {
                return text(
                    StatusCode::NOT_FOUND,
                    "unknown path: the admin address serves /metrics, /livez, /readyz and /media/decrypt\n",
                );
            }
        };
        let method = match *request.method() {
            // hyper omits the body of a response to HEAD.
            Method::HEAD => Method::GET,
            ref method => method.clone(),
        };
        if method != allowed {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "");
            let allowed = if allowed == Method::GET {
                "GET, HEAD"
            } else {
                "POST"
            };
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(allowed));
            return response;
        }
        let is_probe = matches!(request.uri().path(), "/livez" | "/readyz");
        if !is_probe && !host::is_allowed(&request, &self.settings.get().admin_hosts) {
            return text(StatusCode::FORBIDDEN, host::REFUSED);
        }
        match request.uri().path() {
            "/metrics" => typed(StatusCode::OK, OPEN_METRICS, self.metrics.text()),
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => self.readiness(),
            _ => {
                let (response, result) = self.media.get().decrypt(request).await;
                self.metrics.media(result);
                response
            }
        }
    }

    fn readiness(&self) -> AdminResponse {
        if self.draining.load(Ordering::Relaxed) {
            text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
        } else {
            text(StatusCode::OK, "ready\n")
        }
    }
}

impl Service<Request<Incoming>> for Admin {
    type Response = AdminResponse;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<AdminResponse, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let admin = self.clone();
        Box::pin(async move { Ok(admin.respond(request).await) })
    }
}

pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> AdminResponse {
    typed(status, TEXT, body)
}

fn typed(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> AdminResponse {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
