//! One authenticated call to Meta's Graph API: transport, errors, retry, usage, paging.
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
//! - [`GraphClient`] makes a call, [`GraphRequest`] describes it, [`GraphResponse`] is what comes back.
//! - [`GraphError`] is what can go wrong; [`ErrorCode`] knows Graph's codes, whether a retry helps, and what to do.
//! - [`RetryPolicy`] bounds the attempts; retries happen in this crate and in no layer above.
//! - [`AccessToken`] and [`AppSecret`] never show themselves; [`PhoneNumberId`], [`WabaId`], [`BusinessId`] and
//!   [`ApiVersion`] are valid once they exist.
//! - [`Paged`] is a listing as a stream: phone numbers of an account, accounts of a business; [`TokenInfo`] is what
//!   `debug_token` tells.
//! - [`GraphClient::node_kind`] finds out what an id belongs to; [`GraphClientBuilder::on_retry`] shows what a call waits for.
//! - [`Usage`] tells how near its limits an app and an account are.

mod answer;
mod client;
mod clock;
mod code;
mod edge;
mod error;
mod id;
mod lenient;
mod node;
mod node_kind;
mod paging;
mod proof;
mod redact;
mod request;
mod response;
mod retry;
mod token_info;
mod transport;
mod usage;
mod version;

pub use client::{BuildError, GraphClient, GraphClientBuilder};
pub use clock::{Clock, SystemClock};
pub use code::{CodeKind, ErrorCode, KnownCode, KnownSubcode, LimitScope, RetryAdvice};
pub use error::{
    ApiError, BodyKind, GraphError, GraphErrorKind, TransportError, TransportErrorKind, UnexpectedAnswer,
};
pub use id::{BusinessId, IdError, PhoneNumberId, WabaId};
pub use node::{PhoneNumber, WhatsAppBusinessAccount};
pub use node_kind::NodeKind;
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
