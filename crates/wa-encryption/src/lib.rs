//! The WhatsApp Cloud API's Encryption API: set, get and verify a phone number's business public key.
//!
//! Start with [`EncryptionApi`]: its documentation explains setup, verification before launch, and error
//! handling.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use wa_encryption::EncryptionApi;
//! use wa_graph::{AccessToken, GraphClient};
//! use wa_keys::PublicKey;
//!
//! let client = GraphClient::builder(AccessToken::new("EAA…")?).build()?;
//! let encryption = EncryptionApi::new(client, "106540352242922".parse()?);
//! let key = PublicKey::parse(std::fs::read("public.pem")?)?;
//! let verification = encryption.register(&key).await?;
//! println!("{verification}");
//! # Ok(())
//! # }
//! ```

mod api;
mod business_public_key;
mod error;
mod key_input;
mod read_back;
mod upload;
mod verification;
mod wire;

pub use api::EncryptionApi;
pub use business_public_key::{BusinessPublicKey, RegisteredKey, SignatureStatus};
pub use error::EncryptionError;
pub use key_input::PublicKeyInput;
pub use read_back::ReadBack;
pub use upload::Uploaded;
pub use verification::Verification;
