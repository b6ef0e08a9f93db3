//! Authenticated calls to Meta's Graph API: transport, typed errors, retries, usage headers, paging.
//!
//! ```
//! use wa_graph::{AccessToken, ApiVersion, GraphClient, PhoneNumberId};
//!
//! let client = GraphClient::builder(AccessToken::new("EAAexample")?)
//!     .api_version(ApiVersion::new(25, 0))
//!     .build()?;
//! let number: PhoneNumberId = "106540352242922".parse()?;
//! assert_eq!(client.base_url().as_str(), "https://graph.facebook.com/");
//! # let _ = number;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`GraphClient`] makes a call, [`GraphRequest`] describes it, and [`GraphResponse`] is the result.
//! - [`GraphError`] is a failed call, with a remedy. [`ErrorCode`] names Graph's codes and
//!   indicates whether a retry helps.
//! - [`RetryPolicy`] limits attempts and pauses. Only this crate retries; the layers above do not.
//! - [`AccessToken`] and [`AppSecret`] never appear in `Debug`. [`PhoneNumberId`], [`WabaId`], [`BusinessId`]
//!   and [`ApiVersion`] are validated when they are created.
//! - [`Paged`] is a listing as a stream: phone numbers of an account, accounts of a business. [`TokenInfo`]
//!   is the result of `debug_token`.
//! - [`GraphClient::node_kind`] finds out what an id belongs to. [`GraphClientBuilder::on_retry`] reports
//!   each pause.
//! - [`Pacer`] keeps calls back while a rate limit lasts.
//! - [`Usage`] shows how close an app and an account are to their rate limits.

mod build_error;
mod client;
mod clock;
mod code;
mod edge;
mod error;
mod id;
mod lenient;
mod node;
mod node_kind;
mod pacer;
mod paging;
mod proof;
mod redact;
mod request;
mod response;
mod response_body;
mod retry;
mod token_info;
mod transport;
mod usage;
mod version;

pub use build_error::BuildError;
pub use client::{GraphClient, GraphClientBuilder};
pub use clock::{Clock, SystemClock};
pub use code::{CodeKind, ErrorCode, KnownCode, KnownSubcode, LimitScope, RetryAdvice};
pub use error::{
    ApiError, BodyKind, ErrorReport, GraphError, GraphErrorKind, TransportError, TransportErrorKind,
    UnexpectedResponse,
};
pub use id::{BusinessId, IdError, PhoneNumberId, WabaId};
pub use node::{PhoneNumber, WhatsAppBusinessAccount};
pub use node_kind::NodeKind;
pub use pacer::{HeldCalls, Pacer, PacerHold};
pub use paging::Paged;
pub use proof::AppSecretProof;
pub use request::GraphRequest;
pub use response::{GraphResponse, ResponseMeta};
pub use retry::{Jitter, LimitRetry, RetryNotice, RetryPolicy};
pub use token_info::{GranularScope, TokenInfo, TokenProblem};
pub use transport::HttpClient;
pub use usage::{BusinessUsage, Usage, UsageShare};
pub use version::{ApiVersion, ApiVersionError};
pub use wa_secrets::{AccessToken, AppSecret, SecretError};
