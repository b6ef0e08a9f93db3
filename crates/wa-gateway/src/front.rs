//! The service on the public address: routes a request to the endpoint of its path.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use tracing::Instrument as _;
use tracing::instrument::Instrumented;
use wa_flows::{FlowFuture, LogThrottle, ResponseBody};

use crate::current::Current;
use crate::metrics::Metrics;
use crate::routes::Routes;
use crate::serving::Serving;

#[derive(Debug, Clone)]
pub(crate) struct Front {
    routes: Current<Routes>,
    metrics: Arc<Metrics>,
    unknown_paths: LogThrottle,
}

impl Front {
    pub(crate) fn new(serving: &Serving) -> Self {
        Self {
            routes: serving.routes.clone(),
            metrics: Arc::clone(&serving.metrics),
            unknown_paths: LogThrottle::new("unknown_path"),
        }
    }

    /// Counts and logs a request to an unknown path: a URL that was registered wrongly, or a scanner.
    fn unknown_path(&self, request: &Request<Incoming>) {
        self.metrics.not_found();
        self.unknown_paths.log(|suppressed| {
            // The query is not logged: it may contain a secret.
            let path: String = request.uri().path().chars().take(100).collect();
            let method: String = request.method().as_str().chars().take(20).collect();
            tracing::warn!(
                method,
                ?path,
                suppressed,
                "no endpoint has this path (returned 404)"
            );
        });
    }
}

/// The future of an endpoint's response, or of the 404 for an unknown path.
pub(crate) enum Routed {
    Endpoint(Instrumented<FlowFuture>),
    NotFound,
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Routed;

    fn call(&self, request: Request<Incoming>) -> Routed {
        let routes = self.routes.get();
        let Some(route) = routes.find(request.uri().path()) else {
            self.unknown_path(&request);
            return Routed::NotFound;
        };
        let span = tracing::info_span!("endpoint", name = route.name());
        let response = tower_service::Service::call(&mut route.endpoint().clone(), request);
        Routed::Endpoint(response.instrument(span))
    }
}

impl Future for Routed {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Endpoint(response) => Pin::new(response).poll(cx),
            Self::NotFound => {
                let mut response = Response::new(ResponseBody::default());
                *response.status_mut() = StatusCode::NOT_FOUND;
                Poll::Ready(Ok(response))
            }
        }
    }
}
