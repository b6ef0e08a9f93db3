//! A local stand-in for Meta's side of WhatsApp Flows encryption, for tests and demos.
//!
//! [`Emulator`] is a Graph API in memory: it takes public keys for phone numbers, checks them as Meta does,
//! gives them back with their signature status, lists numbers and accounts, and answers with Meta's errors
//! where Meta would, or where it is told to.
//!
//! ```
//! use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Emulator::builder().start().await?;
//! // Send Graph calls to this address, with DEFAULT_ACCESS_TOKEN, for DEFAULT_PHONE_NUMBER_ID.
//! assert!(emulator.base_url().starts_with("http://127.0.0.1:"));
//! assert!(emulator.number(DEFAULT_PHONE_NUMBER_ID)?.business_public_key.is_none());
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod body;
mod builder;
mod control;
mod emulator;
mod fault;
mod graph;
mod io;
mod log;
mod pem;
mod respond;
mod secret;
mod seed;
mod server;
mod shared;
mod signal;
mod world;

pub use builder::{EmulatorBuilder, StartError};
pub use emulator::Emulator;
pub use fault::{Fault, FaultRule};
pub use graph::{ErrorAnswer, NoKeyShape, WireShape};
pub use log::ReceivedRequest;
pub use seed::{
    DEFAULT_ACCESS_TOKEN, DEFAULT_ACCOUNT_ID, DEFAULT_APP_ID, DEFAULT_APP_SECRET, DEFAULT_BUSINESS_ID,
    DEFAULT_PHONE_NUMBER_ID,
};
pub use world::{
    AccountSpec, AppSpec, BusinessSpec, ControlError, NumberSpec, NumberState, NumberView, RateLimits,
    SignatureStatus, TokenSpec,
};
