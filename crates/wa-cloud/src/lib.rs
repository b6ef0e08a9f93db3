//! WhatsApp Cloud API client for encrypted Flows: one builder over the `wa-*` crates.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use wa_cloud::WhatsApp;
//!
//! let whatsapp = WhatsApp::builder()
//!     .phone_number_id("106540352242922")
//!     .access_token("EAA…")
//!     .build()?;
//!
//! let pem = std::fs::read_to_string("public.pem")?;
//! whatsapp.encryption().set_business_public_key(pem).await?;
//!
//! let registered = whatsapp.encryption().get_business_public_key().await?;
//! println!("{:?} {:?}", registered.fingerprint(), registered.signature_status());
//! # Ok(())
//! # }
//! ```
//!
//! - [`WhatsApp`] is a client for one phone number; [`WhatsApp::encryption`] returns the Encryption API of
//!   that number.
//! - [`Error::report`] returns an error with its causes and its remedy, ready to be printed.
//! - `follow` returns a key ring that follows key sets of a key store (feature `keystore`).
//! - The underlying crates are re-exported as [`keys`], [`graph`], [`encryption`], [`secrets`] and `flows`.
//!   [`prelude`] has the types that most programs need.
//!
//! If you come from the Node SDK `meta-cloud-api`: `setBusinessPublicKey` is
//! [`set_business_public_key`](EncryptionApi::set_business_public_key), `getBusinessPublicKey` is
//! [`get_business_public_key`](EncryptionApi::get_business_public_key). A response without `success` is an
//! error here.

#[cfg(doctest)]
mod book;
mod builder;
mod environment;
mod error;
#[cfg(all(feature = "flows", feature = "keystore"))]
mod follow;
pub mod prelude;
mod whatsapp;

pub use builder::WhatsAppBuilder;
pub use error::BuildError;
#[cfg(all(feature = "flows", feature = "keystore"))]
pub use follow::{FollowedRing, follow};
#[doc(inline)]
pub use wa_encryption::{EncryptionApi, EncryptionError as Error, PublicKeyInput};
pub use whatsapp::WhatsApp;

#[doc(inline)]
pub use wa_encryption as encryption;
#[cfg(feature = "fleet")]
#[doc(inline)]
pub use wa_fleet as fleet;
#[cfg(feature = "flows")]
#[doc(inline)]
pub use wa_flows as flows;
#[doc(inline)]
pub use wa_graph as graph;
#[doc(inline)]
pub use wa_keys as keys;
#[cfg(feature = "keystore")]
#[doc(inline)]
pub use wa_keystore as keystore;
#[doc(inline)]
pub use wa_secrets as secrets;
