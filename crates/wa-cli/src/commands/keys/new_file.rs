//! Encryption of a new private key file, and the source of its passphrase.

use std::path::Path;

use wa_cloud::keys::file::{self, Existing};
use wa_cloud::keys::{Passphrase, PrivateKey, Protection};

use crate::failure::{Failure, Usage};
use crate::input;
use crate::settings::{self, Secret};

/// The passphrase that encrypts a new private key file, or none.
pub(super) struct NewProtection(Option<Passphrase>);

impl NewProtection {
    /// Leaves the key unencrypted, as the user requested.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Uses the given passphrase, or prompts for one. `hint` is shown if neither is possible.
    pub(super) fn with(given: Option<&Secret>, hint: &'static str) -> Result<Self, Failure> {
        let what = "the passphrase of the new private key";
        let passphrase = match given {
            Some(given) => Passphrase::new(given.as_str()),
            None => settings::ask_new_secret("Passphrase for the new private key")?
                .map(|entered| Passphrase::new(entered.as_str()))
                .ok_or(Usage::Missing { what, hint })?,
        };
        Ok(Self(Some(passphrase)))
    }

    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn describe(&self) -> &'static str {
        if self.is_some() {
            "PKCS#8, encrypted, mode 0600"
        } else {
            "PKCS#8, NOT encrypted, mode 0600"
        }
    }

    pub(super) fn write(&self, path: &Path, key: &PrivateKey, existing: Existing) -> Result<(), Failure> {
        let written = match &self.0 {
            Some(passphrase) => {
                file::write_encrypted_private_key(path, key, passphrase, &Protection::default(), existing)
            }
            None => file::write_private_key(path, key, existing),
        };
        written.map_err(input::failure)
    }
}
