//! An endpoint for WhatsApp Flows: decrypts requests and encrypts the responses to them.
//!
//! If a Flow loads its data from your server, WhatsApp encrypts each request with your public key and posts
//! it to your endpoint. This crate is that endpoint:
//!
//! ```
//! use serde_json::json;
//! use wa_flows::{AppSecret, FlowEndpoint, FlowRequest, FlowResponse, KeyRing};
//!
//! # fn example(key: &wa_keys::PrivateKey, secret: &str) -> Result<axum::Router, Box<dyn std::error::Error>> {
//! let endpoint = FlowEndpoint::builder(KeyRing::new(key)?, |request: FlowRequest| async move {
//!     let name = request.data()?["name"].as_str().unwrap_or("guest");
//!     Ok(FlowResponse::screen("HELLO", json!({"greeting": format!("Hello, {name}!")})))
//! })
//! .app_secret(AppSecret::new(secret)?)
//! .build()?;
//! Ok(axum::Router::new().route_service("/flow", endpoint))
//! # }
//! # example(&wa_keys::PrivateKey::generate().unwrap(), "0123456789abcdef0123456789abcdef").unwrap();
//! ```
//!
//! - [`FlowEndpoint`] is a `tower` service over HTTP requests with any body; it calls your [`FlowHandler`].
//! - [`KeyRing`] contains the primary private key, previous and pending ones, and can be changed while the
//!   endpoint serves.
//! - Without HTTP: [`KeyRing::open`], [`FlowRequest::parse`], [`FlowResponse::into_json`],
//!   [`ResponseSeal::seal`], [`verify_signature`] and [`verify_flow_token`].
//! - [`ReplayMemory`] prevents a request from reaching the handler twice; on by default.
//! - [`Refusal`] lists the reasons for which an endpoint refuses a request, each with its HTTP status.
//! - [`EncryptedMedia`] decrypts a file that a user uploaded in a Flow.
//! - [`client`] encrypts requests and decrypts responses as a phone does, for probes and tests.
//!
//! Every error names its fault in `Display`, and returns what to do about it from `remedy()`.
//!
//! # Features
//! - `media`: downloads media from WhatsApp's CDN (adds reqwest).
//! - `fixtures`: encrypts media as a phone does, for tests.

pub mod client;
mod endpoint;
mod envelope;
mod media;
mod message;
mod object;
mod ring;
mod secret;
mod session;
mod signature;
mod status;
#[cfg(test)]
mod testing;
mod throttle;
mod token;

pub use endpoint::{
    Claim, EndpointConfigError, Exchange, ExchangeId, ExchangeReport, FlowEndpoint, FlowEndpointBuilder,
    FlowFuture, FlowHandler, HandlerError, OnAuthenticated, ReplayMark, ReplayMemory, ReplayStore,
    ReplayWindow, ResponseBody, RsaPool, TraceContext,
};
pub use envelope::{Envelope, NoEnvelope};
pub use media::{DescriptionError, EncryptedMedia, MediaError};
#[cfg(feature = "media")]
pub use media::{
    DownloadError, FileSink, MediaConfigError, MediaDownloader, MediaDownloaderBuilder, MediaSink, MemorySink,
};
#[cfg(feature = "fixtures")]
pub use media::{FixtureError, MediaFixture};
pub use message::{
    Action, DataError, ErrorNotification, FlowRequest, FlowResponse, NotAFlowRequest, ResponseError,
    SchemaError,
};
pub use ring::{KeyRing, KeyRingError, KeyUse, OpenError, Opened, RingKey, RingSource, RingState};
pub use session::ResponseSeal;
pub use signature::{BadSignature, SIGNATURE_HEADER, verify_signature};
pub use status::Refusal;
pub use throttle::LogThrottle;
pub use token::{BadTokenSignature, TokenSignatureMode, TokenVerdict, verify_flow_token};
pub use wa_secrets::{AppSecret, SecretError};
