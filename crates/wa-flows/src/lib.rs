//! The encrypted data channel of WhatsApp Flows.

pub mod client;
mod endpoint;
mod envelope;
mod message;
mod ring;
mod secret;
mod session;
mod signature;
mod status;
#[cfg(test)]
mod testing;
mod token;

pub use endpoint::{
    EndpointConfigError, Exchange, ExchangeId, ExchangeReport, FlowEndpoint, FlowEndpointBuilder, FlowFuture,
    FlowHandler, HandlerError, ReplayWindow, ReplyBody, RsaPool,
};
pub use envelope::{Envelope, NoEnvelope};
pub use message::{
    Action, DataError, ErrorNotice, FlowRequest, FlowResponse, NotAFlowRequest, ResponseError,
};
pub use ring::{KeyRing, KeyRingError, KeyUse, OpenError, Opened};
pub use secret::{AppSecret, AppSecretError};
pub use session::ReplySeal;
pub use signature::{BadSignature, SIGNATURE_HEADER, verify_signature};
pub use status::Refusal;
pub use token::{BadTokenSignature, TokenSignatureMode, TokenVerdict, verify_flow_token};
