//! The phone: a WhatsApp client that calls a Flow endpoint, with its own implementation of the cryptography.

mod builder;
mod cipher;
mod classify;
mod client;
mod encrypted;
mod graph_key;
mod message;
mod outcome;
mod payload;
mod remedy;
mod response;
mod signature;
mod spelling;
mod transport;

pub use builder::{PhoneBuildError, WhatsAppClientBuilder};
pub use client::{ClientKind, PhoneError, WhatsAppClient};
pub use encrypted::EncryptedRequest;
pub use message::FlowMessage;
pub use outcome::{Exchange, Outcome, ResponseFault};
pub use payload::Payload;
pub(crate) use remedy::of_status as remedy_of_status;
pub(crate) use signature::of_body as signature_of_body;
pub use spelling::Spelling;
pub use transport::{HttpResponse, SendError};
