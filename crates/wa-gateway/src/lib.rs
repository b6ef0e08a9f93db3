//! A server that ends WhatsApp Flows encryption in front of a plain JSON backend in any language.

mod admin;
mod check;
mod config;
mod forward;
mod front;
mod gateway;
mod keeper;
mod material;
mod metrics;
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
