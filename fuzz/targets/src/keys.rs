//! Fuzzes the key parsers with PEM and DER.

use wa_keys::{PrivateKey, PublicKey};

/// Parses the input as a public and as a private key. It uses no passphrase: key derivation is slow, and
/// its limits have tests.
pub(crate) fn key(data: &[u8]) {
    match PublicKey::parse(data) {
        Ok(key) => {
            let again = PublicKey::parse(key.to_pem()).expect("a key that was written can be read");
            assert_eq!(again.fingerprint(), key.fingerprint());
        }
        Err(error) => drop((error.to_string(), error.remedy())),
    }
    match PrivateKey::parse(data, None) {
        Ok(key) => {
            let pem = key.secret_pkcs8_pem();
            let again =
                PrivateKey::parse(pem.expose_secret(), None).expect("a key that was written can be read");
            assert_eq!(again.public_key().fingerprint(), key.public_key().fingerprint());
        }
        Err(error) => drop((error.to_string(), error.remedy())),
    }
}

/// Inspects the input, as `wa keys inspect` does.
pub(crate) fn inspect(data: &[u8]) {
    match wa_keys::inspect(data) {
        Ok(found) => {
            drop((
                format!("{found:?}"),
                found.advice(),
                found.problem().map(ToString::to_string),
            ));
            assert!(!found.items().is_empty());
        }
        Err(error) => drop((error.to_string(), error.remedy())),
    }
}
