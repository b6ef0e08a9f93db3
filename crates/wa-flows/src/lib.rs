//! The encrypted data channel of WhatsApp Flows: decrypt, answer, serve.
//!
//! A phone encrypts what the user does in a Flow for the business's public key and posts it to the business's endpoint.
//! This crate is that endpoint:
//!
//! ```
//! use serde_json::json;
//! use wa_flows::{AppSecret, FlowEndpoint, FlowRequest, FlowResponse, KeyRing};
//!
//! # fn example(key: &wa_keys::PrivateKey, secret: &str) -> Result<axum::Router, Box<dyn std::error::Error>> {
//! let endpoint = FlowEndpoint::builder(KeyRing::new(key)?, |request: FlowRequest| async move {
//!     let name = request.data()?["name"].as_str().unwrap_or("stranger");
//!     Ok(FlowResponse::screen("HELLO", json!({"greeting": format!("Hello, {name}!")})))
//! })
//! .app_secret(AppSecret::new(secret)?)
//! .build()?;
//! Ok(axum::Router::new().route_service("/flow", endpoint))
//! # }
//! # example(&wa_keys::PrivateKey::generate().unwrap(), "0123456789abcdef0123456789abcdef").unwrap();
//! ```
//!
//! - [`FlowEndpoint`] is a `tower` service over HTTP requests with any body; [`FlowHandler`] is what it asks.
//! - [`KeyRing`] holds the current private key and earlier ones, and is changed while it serves.
//! - Without HTTP: [`KeyRing::open`], [`FlowRequest::parse`], [`FlowResponse::into_json`], [`ReplySeal::seal`],
//!   [`verify_signature`] and [`verify_flow_token`] take bytes and give values.
//! - [`ReplayMemory`] keeps a request that was answered from being answered twice, on by default.
//! - [`Refusal`] is every way in which an exchange is refused, with its HTTP status.
//! - [`EncryptedMedia`] is a file that a user picked.
//! - [`client`] is the phone's side, for probes and tests.
//!
//! # Features
//! - `media`: download media from WhatsApp's CDN (pulls in reqwest).
//! - `fixtures`: encrypt media as a phone does, for tests.

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
    ReplayWindow, ReplyBody, RsaPool,
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
    Action, DataError, ErrorNotice, FlowRequest, FlowResponse, NotAFlowRequest, ResponseError, SchemaError,
};
pub use ring::{KeyRing, KeyRingError, KeyUse, OpenError, Opened};
pub use session::ReplySeal;
pub use signature::{BadSignature, SIGNATURE_HEADER, verify_signature};
pub use status::Refusal;
pub use throttle::LogThrottle;
pub use token::{BadTokenSignature, TokenSignatureMode, TokenVerdict, verify_flow_token};
pub use wa_secrets::{AppSecret, SecretError};
