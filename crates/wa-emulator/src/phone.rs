//! The phone side: a WhatsApp client that talks to a Flow endpoint, with cryptography of its own.

mod builder;
mod cipher;
mod client;
mod graph_key;
mod message;
mod outcome;
mod payload;
mod remedy;
mod reply;
mod sealed;
mod signature;
mod spelling;
mod transport;
mod unreachable;

pub use builder::{PhoneBuildError, WhatsAppClientBuilder};
pub use client::{ClientKind, PhoneError, WhatsAppClient};
pub use message::FlowMessage;
pub use outcome::{Exchange, Outcome, ReplyFault};
pub use payload::Payload;
pub(crate) use remedy::of_status as remedy_of_status;
pub use sealed::Sealed;
pub(crate) use signature::of_body as signature_of_body;
pub use spelling::Spelling;
pub use transport::{Delivery, DeliveryFailure};
