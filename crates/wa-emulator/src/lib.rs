//! A local emulator of Meta's Graph API, for programs that register public keys of WhatsApp Flows.
//!
//! [`Emulator`] serves a Graph API from memory. It accepts public keys for phone numbers, validates them as
//! Meta does, returns them with their signature status, and lists numbers and accounts. It returns Meta's
//! errors where Meta would, and any error that you configure. The crate `wa-phone` has the other side: a
//! phone that calls a Flow endpoint.
//!
//! The crate shares no code with the crates that it tests.
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
//!
//! # The Graph API
//!
//! | method and path, after `/v25.0` | returns |
//! |---|---|
//! | `POST /{phone number id}/whatsapp_business_encryption` | success of an upload: form, multipart or JSON |
//! | `GET /{phone number id}/whatsapp_business_encryption` | the key and its signature status, or `fields` |
//! | `GET /{account id}/phone_numbers` | numbers in pages |
//! | `GET /{business id}/owned_whatsapp_business_accounts` | accounts in pages |
//! | `GET /{business id}/client_whatsapp_business_accounts` | accounts in pages |
//! | `GET /{id}` | a number, an account or a business |
//! | `GET /debug_token?input_token=` | the permissions of a token; also without a version |
//!
//! Paged lists accept `fields`, `limit` (1 to 100, default 25), `after` and `before`.
//!
//! A key is accepted if Meta and WhatsApp's clients accept it: an SPKI block of a 2048-bit RSA key, line ends
//! LF or CRLF, lines of at most 76 characters, at most one line end after it, nothing else around it, at most
//! 8,192 characters. An upload needs the permission `whatsapp_business_messaging`, lists need
//! `whatsapp_business_management`, and lists of accounts also `business_management`; without them the call
//! gets code 10. An object that the token may not access is code 200; an unknown id is code 803.
//!
//! Where Meta does not document the behaviour, the emulator returns status 400 with code 100 for an unknown
//! path, method or version (v21.0 and newer are known), for `filtering` and `sort`, and for a wrong or
//! missing `appsecret_proof`. Its `next` links contain no token.
//!
//! `GET /{id}` also returns Flows.
//!
//! # The control API
//!
//! Everything that the methods of [`Emulator`] do can be done over HTTP under `/_emulator/`, without a token.
//! `POST /_emulator/commands` executes a list of [`Command`]s in order; each command also has a path of its
//! own, such as `POST /_emulator/numbers`. Bodies are JSON. A response is 200 with JSON, or 400, 404 or 409
//! with `{"error": {"message": …, "remedy": …}}`. The page "Control API of the emulator" of the documentation
//! lists all calls and faults.
//!
//! All members of a body are optional, except `label` and `token`, `id` and `secret` of an app, `account` and
//! `count`, and `fault`. Write a [`Fault`] by its name in snake case: `"reset"`, `{"delay": {"ms": 100}}`,
//! `{"error": {"status": 500, "code": 2, "message": "…"}}`. `"times": null` applies a fault until it is
//! removed.

mod answer;
mod body;
mod builder;
mod command;
mod control;
mod emulator;
mod fault;
mod graph;
mod io;
mod key_log;
mod log;
mod operations;
mod pem;
mod respond;
mod secret;
mod seed;
mod server;
mod shared;
mod signal;
mod world;

pub use builder::{EmulatorBuilder, StartError};
pub use command::{Command, NumberSelection};
#[doc(hidden)]
pub use control::control_reference;
pub use emulator::Emulator;
pub use fault::{Fault, FaultRule};
pub use graph::{ErrorResponse, NoKeyShape, WireShape};
pub use key_log::{KeyChange, KeyEvent};
pub use log::ReceivedRequest;
pub use seed::{
    DEFAULT_ACCESS_TOKEN, DEFAULT_ACCOUNT_ID, DEFAULT_APP_ID, DEFAULT_APP_SECRET, DEFAULT_BUSINESS_ID,
    DEFAULT_PHONE_NUMBER_ID,
};
pub use world::{
    AccountSpec, AppSpec, BusinessSpec, ControlError, FlowSpec, LimitCounts, LimitReport, NumberSpec,
    NumberState, NumberView, RateLimits, SignatureStatus, TokenSpec,
};
