//! How a new private key file is protected, and where its passphrase comes from.

use std::path::{Path, PathBuf};

use wa_cloud::keys::file::{self, Existing};
use wa_cloud::keys::{Passphrase, PrivateKey, Protection};

use crate::failure::{Failure, Usage};
use crate::input;
use crate::settings::{self, Environment};

/// What was asked for.
pub(super) struct NewFile<'a> {
    pub(super) passphrase_file: Option<&'a PathBuf>,
    pub(super) variables: &'a [&'a str],
    pub(super) unprotected: bool,
}

/// What is done: encrypted with this passphrase, or not at all.
pub(super) struct NewProtection(Option<Passphrase>);

impl NewFile<'_> {
    /// Finds the passphrase before any work is done; a key is left unprotected only where that was asked for.
    pub(super) fn protection(&self, environment: &Environment) -> Result<NewProtection, Failure> {
        if self.unprotected {
            return Ok(NewProtection(None));
        }
        let given = settings::secret(self.passphrase_file, environment, self.variables)?;
        let asked = || settings::ask_new_secret("Passphrase for the new private key");
        let passphrase = given
            .map_or_else(asked, |given| Ok(Some(given)))?
            .ok_or(Usage::Missing {
                what: "a passphrase for the new private key",
                hint: "give --passphrase-file FILE, set WA_KEY_PASSPHRASE, or say --no-passphrase",
            })?;
        Ok(NewProtection(Some(Passphrase::new(passphrase.as_str()))))
    }
}

impl NewProtection {
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
