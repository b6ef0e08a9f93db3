//! Generated keys are valid for WhatsApp, and differ.

use wa_keys::{Passphrase, PrivateKey, Protection, PublicKey, inspect};

#[test]
fn generated_keys_are_valid_and_differ() {
    let (first, second) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    assert_ne!(first, second);
    assert_ne!(
        first.public_key().fingerprint(),
        second.public_key().fingerprint()
    );
    assert_eq!(
        (first.public_key().bits(), first.public_key().exponent()),
        (2048, 65537)
    );
    let again = PrivateKey::parse(first.secret_pkcs8_pem().expose_secret(), None).unwrap();
    assert_eq!(again.secret_pkcs8_der(), first.secret_pkcs8_der());
    assert_eq!(
        &PublicKey::parse(first.public_key().to_pem()).unwrap(),
        first.public_key()
    );
}

#[test]
fn an_encrypted_key_is_decrypted_with_its_passphrase_and_differs_each_time() {
    let key = PrivateKey::generate().unwrap();
    let passphrase = Passphrase::new("correct horse");
    let protection = Protection::default();
    let pem = key.encrypted_pkcs8_pem(&passphrase, &protection).unwrap();
    assert_ne!(pem, key.encrypted_pkcs8_pem(&passphrase, &protection).unwrap());
    assert_eq!(PrivateKey::parse(&pem, Some(&passphrase)).unwrap(), key);
    let inspection = inspect(&pem).unwrap();
    let encryption = inspection.main().encryption().unwrap();
    assert_eq!(
        encryption.to_string(),
        "PBKDF2-HMAC-SHA-256 (600000 rounds), AES-256-CBC"
    );
    assert_eq!(inspection.main().fingerprint(), None);
}
