//! The types that most programs need, for a glob import.
//!
//! ```
//! use wa_cloud::prelude::*;
//!
//! let id: PhoneNumberId = "106540352242922".parse()?;
//! # let _ = id;
//! # Ok::<(), wa_cloud::graph::IdError>(())
//! ```

pub use wa_encryption::{BusinessPublicKey, SignatureStatus, Verification};
pub use wa_graph::{ApiVersion, ErrorCode, PhoneNumberId};
pub use wa_keys::{Fingerprint, Passphrase, PrivateKey, PublicKey};

pub use crate::{EncryptionApi, Error, WhatsApp};
