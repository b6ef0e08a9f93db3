//! The phone side of WhatsApp Flows, for tests: a client that calls an encrypted endpoint, and a conformance
//! check.
//!
//! Use it to test a program that serves a Flow endpoint, without a phone:
//!
//! - [`WhatsAppClient`] acts as the phone. It fetches the registered key, encrypts and signs what WhatsApp
//!   sends to a Flow endpoint, and reads the response. After a 421 it fetches the key again and retries once.
//! - [`ConformanceCheck`] checks a Flow endpoint, written in any language, against Meta's documentation.
//!
//! The crate shares no code with the crates that it tests, and implements the cryptography on its own.
//!
//! ```no_run
//! use wa_phone::{FlowMessage, Outcome, WhatsAppClient};
//!
//! # async fn example(public_key: String) -> Result<(), Box<dyn std::error::Error>> {
//! let phone = WhatsAppClient::builder("http://127.0.0.1:8080/flow")
//!     .public_key_pem(public_key)
//!     .app_secret("00112233445566778899aabbccddeeff")
//!     .build()?;
//! let exchange = phone.send(&FlowMessage::ping()).await?;
//! assert!(matches!(exchange.outcome, Outcome::Response(payload) if payload.is_active()));
//! # Ok(())
//! # }
//! ```

mod builder;
mod cipher;
mod classify;
mod client;
mod conformance;
mod encrypted;
mod graph_key;
mod message;
mod outcome;
mod payload;
mod pem;
mod remedy;
mod response;
mod secret;
mod signature;
mod spelling;
mod transport;

pub use builder::{PhoneBuildError, WhatsAppClientBuilder};
pub use client::{ClientKind, PhoneError, WhatsAppClient};
pub use conformance::{
    Check, ConformanceBuildError, ConformanceCheck, ConformanceCheckBuilder, ConformanceError, Counts,
    Finding, Latency, Progress, Report, Severity, Verdict,
};
pub use encrypted::EncryptedRequest;
pub use message::FlowMessage;
pub use outcome::{Exchange, Outcome, ResponseFault};
pub use payload::Payload;
pub use spelling::Spelling;
pub use transport::{HttpResponse, SendError};
