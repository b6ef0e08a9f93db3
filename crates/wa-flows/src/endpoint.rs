//! The endpoint: an HTTP service.

mod authenticated;
mod body;
mod builder;
mod completion;
mod exchange_id;
mod handler;
mod head;
mod options;
mod pipeline;
mod pool;
mod reader;
mod replay;
mod report;
mod response;
mod slots;
mod trace;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

pub use authenticated::OnAuthenticated;
pub use body::ResponseBody;
pub use builder::{EndpointConfigError, FlowEndpointBuilder};
pub use exchange_id::ExchangeId;
pub use handler::{Exchange, FlowHandler, HandlerError};
pub use pool::RsaPool;
pub use replay::{Claim, ReplayMark, ReplayMemory, ReplayStore, ReplayWindow};
pub use report::ExchangeReport;
pub use trace::TraceContext;

use crate::ring::KeyRing;
use pipeline::Pipeline;

/// An endpoint for Flows: a [`tower::Service`](tower_service::Service) over HTTP requests with any body.
///
/// Mount it in axum with `route_service`, and in hyper through `hyper_util::service::TowerToHyperService`. It
/// requires a Tokio runtime with the timer enabled. It is always ready: requests beyond its limits get a 503
/// immediately instead of waiting. Clones are cheap and share all state.
///
/// ```
/// use serde_json::json;
/// use wa_flows::{AppSecret, FlowEndpoint, FlowRequest, FlowResponse, KeyRing};
///
/// # fn example(key: &wa_keys::PrivateKey) -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = FlowEndpoint::builder(KeyRing::new(key)?, |request: FlowRequest| async move {
///     Ok(FlowResponse::screen("WELCOME", json!({"came_from": request.screen()})))
/// })
/// .app_secret(AppSecret::new("0123456789abcdef0123456789abcdef")?)
/// .build()?;
/// let app: axum::Router = axum::Router::new().route_service("/flow", endpoint);
/// # drop(app);
/// # Ok(())
/// # }
/// ```
pub struct FlowEndpoint<H> {
    pipeline: Arc<Pipeline<H>>,
}

impl<H: FlowHandler> FlowEndpoint<H> {
    /// Returns a builder of an endpoint that decrypts requests with the keys of a ring and passes them to a
    /// handler.
    pub fn builder(ring: KeyRing, handler: H) -> FlowEndpointBuilder<H> {
        FlowEndpointBuilder::new(ring, handler)
    }
}

impl<H> FlowEndpoint<H> {
    /// Returns the key ring: a handle that changes the keys while the endpoint serves.
    pub fn ring(&self) -> &KeyRing {
        self.pipeline.ring()
    }

    /// Returns the number of exchanges in flight.
    pub fn in_flight(&self) -> usize {
        self.pipeline.in_flight()
    }
}

impl<H, B> Service<Request<B>> for FlowEndpoint<H>
where
    H: FlowHandler,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = FlowFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> FlowFuture {
        let pipeline = Arc::clone(&self.pipeline);
        FlowFuture {
            response: Box::pin(async move { pipeline.answer(request).await }),
        }
    }
}

impl<H> Clone for FlowEndpoint<H> {
    fn clone(&self) -> Self {
        Self {
            pipeline: Arc::clone(&self.pipeline),
        }
    }
}

impl<H> fmt::Debug for FlowEndpoint<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowEndpoint")
            .field("ring", self.ring())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

/// The future of a response of a [`FlowEndpoint`].
pub struct FlowFuture {
    response: Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>,
}

impl Future for FlowFuture {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.response.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for FlowFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlowFuture")
    }
}
