//! A server that terminates WhatsApp Flows encryption in front of a plain JSON backend in any language.
//!
//! It verifies that requests come from Meta, decrypts them, posts the plain JSON to the backend, and encrypts
//! the response. Changes of keys, secrets and certificates take effect while it serves.
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
//! # The upstream contract
//!
//! The backend receives a `POST` of the decrypted payload, byte for byte, with the headers
//! [`REQUEST_ID_HEADER`], [`ENDPOINT_HEADER`], [`KEY_FINGERPRINT_HEADER`] and [`TOKEN_SIGNATURE_HEADER`].
//!
//! | response of the backend | response to the phone |
//! |---|---|
//! | 200 and a JSON object | 200 and the encrypted object; a warning is logged if it has no `screen` or no `data` |
//! | 427 and `{"error_msg": "…"}` (the flow token is no longer valid) | 427 and the encrypted message |
//! | another status, a body that is not a JSON object or is too large, or an incomplete response | 500 |
//! | no response within the timeout | 504 |
//! | two failed attempts to connect | 503 |
//!
//! Only a failed attempt to connect is retried; a request is never sent to a backend twice.

mod admin;
mod check;
mod config;
mod connections;
mod current;
mod endpoint_keys;
mod forward;
mod front;
mod gateway;
mod in_flight;
mod key_store;
mod material;
mod metrics;
mod reloader;
mod replay;
mod routes;
mod server;
mod serving;
mod signal;
mod tls;
mod upstream;

pub use check::{CheckReport, CheckedEndpoint};
pub use config::{
    ConfigErrors, ConfigFault, ConfigProblem, EndpointBuilder, GatewayConfig, GatewayConfigBuilder, Origin,
    Overrides, Setting, config_reference,
};
pub use gateway::{Gateway, StartError};
pub use metrics::metrics_reference;
pub use upstream::{ENDPOINT_HEADER, KEY_FINGERPRINT_HEADER, REQUEST_ID_HEADER, TOKEN_SIGNATURE_HEADER};
