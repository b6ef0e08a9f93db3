//! A local stand-in for Meta's side of WhatsApp Flows encryption, for tests and demos.
//!
//! [`Emulator`] is a Graph API in memory: it takes public keys for phone numbers, checks them as Meta does,
//! gives them back with their signature status, lists numbers and accounts, and answers with Meta's errors
//! where Meta would, or where it is told to. [`WhatsAppClient`] is the phone: it fetches the key, encrypts and
//! signs what WhatsApp sends to a Flow endpoint, and reads the answer. [`ConformanceCheck`] holds any endpoint, in
//! any language, against the rules of that channel.
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
//! # What Graph answers
//!
//! | method and path, after `/v25.0` | is |
//! |---|---|
//! | `POST /{phone number id}/whatsapp_business_encryption` | an upload: form, multipart or JSON |
//! | `GET /{phone number id}/whatsapp_business_encryption` | the key and its signature status; `fields` is honoured |
//! | `GET /{account id}/phone_numbers` | numbers in pages: `fields`, `limit` (1 to 100, default 25), `after`, `before` |
//! | `GET /{business id}/owned_whatsapp_business_accounts` | accounts in pages |
//! | `GET /{business id}/client_whatsapp_business_accounts` | accounts in pages |
//! | `GET /{id}` | a number, an account or a business |
//! | `GET /debug_token?input_token=` | what a token may do; also without a version |
//!
//! A key is taken as Meta and WhatsApp's clients need it: an SPKI block of a 2048-bit RSA key, line ends LF or
//! CRLF, lines of at most 76 characters, one line end or none after it, nothing else around it, at most 8,192
//! characters. An upload needs the permission `whatsapp_business_messaging`, lists need
//! `whatsapp_business_management`, lists of accounts also `business_management`: without them it is code 10.
//! An object that the token does not reach is code 200; an id that is not there is code 803.
//!
//! Where no page of Meta's says what happens, the choice is: a path, a method or a version that is not there is
//! status 400 with code 100 (v21.0 and everything newer is there); `filtering` and `sort` are refused the same
//! way; a wrong or missing `appsecret_proof` is code 100; `next` links carry no token.
//!
//! # The control API
//!
//! Everything that the methods of [`Emulator`] do can be done over HTTP, without a token. Bodies are JSON; an
//! answer is 200 with JSON, or 400, 404 or 409 with `{"error": {"message": …}}`.
//!
//! | method and path, after `/_emulator` | body | does |
//! |---|---|---|
//! | `GET /` | | tells what is there, without secrets |
//! | `POST /businesses` | [`BusinessSpec`]: `{"id", "name"}` | adds a business, gives `{"id"}` |
//! | `POST /accounts` | [`AccountSpec`]: `{"id", "name", "business", "clients": []}` | adds an account, gives `{"id"}` |
//! | `POST /numbers` | [`NumberSpec`]: `{"id", "account", "display_phone_number", "verified_name", "state"}` | adds a number, gives `{"id"}` |
//! | `POST /numbers/many` | `{"account", "count"}` | adds numbers, gives `{"ids"}` |
//! | `GET`, `DELETE /numbers/{id}` | | tells of a number ([`NumberView`]); takes it away |
//! | `POST /numbers/{id}/reregister` | | makes its key a MISMATCH until the next upload |
//! | `PUT /numbers/{id}/state` | [`NumberState`]: `"registered"`, `"not_registered"`, `"not_eligible"`, `"not_allowlisted"`, `"deleted"` | sets its state |
//! | `PUT`, `DELETE /numbers/{id}/key` | the PEM text as a JSON string | puts a key in place; takes it away |
//! | `POST /apps` | [`AppSpec`]: `{"id", "secret", "name", "require_proof"}` | adds an app |
//! | `PUT /apps/{id}/require_proof` | `true` or `false` | demands `appsecret_proof`, or not |
//! | `POST /tokens` | [`TokenSpec`]: `{"label", "token", "app", "scopes": [], "accounts": [], "expires_at"}` | issues a token |
//! | `POST /tokens/{label}/expire`, `…/revoke` | | lets it expire; revokes it |
//! | `PUT`, `DELETE /tokens/{label}/permissions/{permission}` | | grants a permission; drops it |
//! | `PUT /tokens/{label}/accounts` | `["id"]` or `null` | limits it to these accounts; lets it reach all |
//! | `PUT`, `DELETE /limits` | [`RateLimits`]: `{"app", "account", "window_ms", "retry_after"}` | sets rate limits; lifts them |
//! | `PUT /shape` | [`WireShape`]: `{"no_key", "flat", "success_as_text", "numeric_account_ids"}` | sets the shapes of answers |
//! | `POST /faults` | [`FaultRule`]: `{"fault", "method", "path", "number", "times", "headers": []}` | lets something go wrong |
//! | `GET`, `DELETE /faults` | | tells the rules in force; forgets them |
//! | `GET`, `DELETE /requests` | | tells what was received ([`ReceivedRequest`]); forgets it |
//! | `POST /reset` | | makes everything as it was at the start |
//!
//! Every member of a body may be left out, except `label` and `token`, `id` and `secret` of an app, `account`
//! and `count`, and `fault`. A [`Fault`] is written by its name in lower case: `"reset"`,
//! `{"delay": {"ms": 100}}`, `{"error": {"status": 500, "code": 2, "message": "…"}}`; `"times": null` is always.

mod body;
mod builder;
mod conformance;
mod control;
mod emulator;
mod fault;
mod graph;
mod io;
mod log;
mod pem;
mod phone;
mod respond;
mod secret;
mod seed;
mod server;
mod shared;
mod signal;
mod world;

pub use builder::{EmulatorBuilder, StartError};
pub use conformance::{
    Check, ConformanceBuildError, ConformanceCheck, ConformanceCheckBuilder, ConformanceError, Counts,
    Finding, Latency, Progress, Report, Severity, Verdict,
};
pub use emulator::Emulator;
pub use fault::{Fault, FaultRule};
pub use graph::{ErrorAnswer, NoKeyShape, WireShape};
pub use log::ReceivedRequest;
pub use phone::{
    ClientKind, Delivery, DeliveryFailure, Exchange, FlowMessage, Outcome, Payload, PhoneBuildError,
    PhoneError, ReplyFault, Sealed, Spelling, WhatsAppClient, WhatsAppClientBuilder,
};
pub use seed::{
    DEFAULT_ACCESS_TOKEN, DEFAULT_ACCOUNT_ID, DEFAULT_APP_ID, DEFAULT_APP_SECRET, DEFAULT_BUSINESS_ID,
    DEFAULT_PHONE_NUMBER_ID,
};
pub use world::{
    AccountSpec, AppSpec, BusinessSpec, ControlError, NumberSpec, NumberState, NumberView, RateLimits,
    SignatureStatus, TokenSpec,
};
