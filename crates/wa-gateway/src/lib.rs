//! A server that ends WhatsApp Flows encryption in front of a plain JSON backend in any language.
//!
//! It decrypts what phones send, checks that it comes from Meta, posts the plain JSON to the backend and encrypts what
//! comes back. Keys, secrets and certificates are followed while it serves.
//!
//! ```no_run
//! use std::path::Path;
//! use wa_gateway::{Gateway, GatewayConfig, Overrides};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let environment = |name: &str| std::env::var(name).ok();
//! let config = GatewayConfig::load(Some(Path::new("gateway.toml")), &Overrides::new(), environment)?;
//! let gateway = Gateway::start(config).await?;
//! println!("serving at {}", gateway.local_addr());
//! gateway.run_until_signal().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What the backend gets and gives
//!
//! The request is a `POST` of the payload as the phone encrypted it, byte for byte, with the headers
//! [`REQUEST_ID_HEADER`], [`ENDPOINT_HEADER`], [`KEY_FINGERPRINT_HEADER`] and [`TOKEN_SIGNATURE_HEADER`].
//!
//! | the backend answers | the phone gets |
//! |---|---|
//! | 200 and a JSON object | 200, the object encrypted; a warning is logged if it has no `screen` or no `data` |
//! | 427 and `{"error_msg": "…"}` (the flow token is no longer valid) | 427, the message encrypted |
//! | another status, no JSON object, too much of it, or nothing whole | 500 |
//! | nothing in time | 504 |
//! | not even a connection, twice | 503 |
//!
//! Nothing is sent to a backend twice: what is tried again is only to connect.

mod admin;
mod check;
mod config;
mod connections;
mod current;
mod forward;
mod front;
mod gateway;
mod in_flight;
mod keeper;
mod material;
mod metrics;
mod replay;
mod routes;
mod server;
mod signal;
mod tls;
mod upstream;

pub use check::{CheckReport, CheckedEndpoint};
pub use config::{
    ConfigErrors, ConfigFault, ConfigProblem, GatewayConfig, Origin, Overrides, Setting, config_reference,
};
pub use gateway::{Gateway, Running, StartError};
pub use metrics::metrics_reference;
pub use upstream::{ENDPOINT_HEADER, KEY_FINGERPRINT_HEADER, REQUEST_ID_HEADER, TOKEN_SIGNATURE_HEADER};
