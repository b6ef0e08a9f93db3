//! No `Debug` or `Display` of a public type or error contains a secret. The crate writes no log.

use std::error::Error;

use wa_keys::{
    KeyError, Passphrase, PrivateKey, Protection, PublicKey,
    file::{self, Existing, KeyFile},
    inspect,
};

use crate::support::*;

const MARKER: &str = "canary-7f3a91";

/// Returns all texts of an error and its sources.
fn shown(error: &dyn Error) -> String {
    let own = format!("{error} {error:?}");
    error
        .source()
        .map_or(own.clone(), |source| format!("{own} {}", shown(source)))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap()))
        .collect()
}

/// Returns the parts of a private key that must not appear: its base64, and its numbers in hex and as byte
/// lists.
fn secrets() -> Vec<String> {
    let pem = text("openssl/pkcs8.pem");
    let numbers = numbers(&data("openssl/pkcs1.der"));
    let mut secrets: Vec<String> = pem
        .lines()
        .skip(8)
        .take(10)
        .map(|line| line[..16].to_owned())
        .collect();
    for number in [3, 4, 5, 6, 7, 8].map(|index: usize| numbers.get(index).unwrap().clone()) {
        let part = number.get(8..16).unwrap();
        secrets.push(hex(part));
        secrets.push(hex(part).to_uppercase());
        secrets.push(
            part.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
    secrets.push(MARKER.to_owned());
    secrets
}

#[test]
fn secrets_are_in_no_debug_display_or_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private.pem");
    let passphrase = Passphrase::new(MARKER);
    let key = PrivateKey::parse(data("openssl/pkcs8.pem"), None).unwrap();
    file::write_private_key(&path, &key, Existing::Refuse).unwrap();
    let encrypted = key
        .encrypted_pkcs8_pem(&passphrase, &Protection::default())
        .unwrap();
    let pem = text("openssl/pkcs8.pem");
    let wrong = Passphrase::new(format!("{MARKER}x"));
    let mut errors: Vec<KeyError> = vec![
        PublicKey::parse(&pem).unwrap_err(),
        PrivateKey::parse(&pem[..900], None).unwrap_err(),
        PrivateKey::parse(&encrypted, None).unwrap_err(),
        PrivateKey::parse(&encrypted, Some(&wrong)).unwrap_err(),
        PrivateKey::parse(pem.replace("-----END", "-----end"), Some(&wrong)).unwrap_err(),
    ];
    let mut numbers = numbers(&data("openssl/pkcs1.der"));
    numbers.swap(4, 5);
    errors.push(PrivateKey::parse(pkcs1(&numbers), None).unwrap_err());
    let mut all: Vec<String> = errors
        .iter()
        .map(|error| format!("{} {:?}", shown(error), error.remedy()))
        .collect();
    all.extend([
        format!("{passphrase:?} {key:?} {:?}", key.secret_pkcs8_pem()),
        format!("{:?} {:?}", key.public_key(), Protection::default()),
        format!("{:?}", inspect(&pem).unwrap()),
        format!("{:?}", inspect(&encrypted).unwrap()),
        format!("{:?}", file::read_private_key(&path, None).unwrap()),
        format!("{:?}", file::inspect(&path).unwrap()),
        format!("{:?}", KeyFile::open(&path).unwrap()),
        shown(&file::read_public_key(&path).unwrap_err()),
        shown(&file::write_private_key(&path, &key, Existing::Refuse).unwrap_err()),
    ]);
    let secrets = secrets();
    for text in &all {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
    // Each listed secret does occur in the key or in the passphrase.
    let exposed = format!(
        "{}{:?}{:02x?}{:02X?}{}",
        key.secret_pkcs8_pem().expose_secret(),
        key.secret_pkcs8_der(),
        key.secret_pkcs8_der(),
        key.secret_pkcs8_der(),
        passphrase.expose_secret(),
    );
    let hex = hex(key.secret_pkcs8_der());
    for secret in &secrets {
        let found = exposed.contains(secret.as_str()) || hex.contains(&secret.to_lowercase());
        assert!(found, "{secret} is not a secret");
    }
}
