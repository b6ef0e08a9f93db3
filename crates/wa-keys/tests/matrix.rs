//! Every form that people have, made by `OpenSSL`, Node.js, Python, OpenSSH and Java, is read to the same key.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/data.rs"]
mod support;

use support::{PASSPHRASE, data};
use wa_keys::{Form, Kind, Passphrase, PrivateKey, PublicKey, inspect};

/// The key that the other files of a folder hold.
fn expected(name: &str) -> PublicKey {
    let (folder, _) = name.split_once('/').unwrap();
    PublicKey::parse(data(&format!("{folder}/public.pem"))).unwrap()
}

#[test]
fn field_13_every_private_form_is_read() {
    let forms = [
        (
            Form::Pkcs8PrivateKey,
            "openssl/pkcs8.pem openssl/pkcs8.der node/pkcs8.pem python/pkcs8.pem",
        ),
        (Form::Pkcs8PrivateKey, "ssh/pkcs8.pem java/pkcs8.der"),
        (
            Form::Pkcs1PrivateKey,
            "openssl/pkcs1.pem openssl/pkcs1.der python/pkcs1.pem ssh/pkcs1.pem",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "openssl/pbes2-aes-128-cbc.pem openssl/pbes2-aes-192-cbc.pem",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "openssl/pbes2-aes-256-cbc.pem openssl/pbes2-des3.pem openssl/pbes2.der",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "openssl/scrypt-aes-128-cbc.pem openssl/scrypt-aes-192-cbc.pem",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "openssl/scrypt-aes-256-cbc.pem openssl/scrypt-des3.pem",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "openssl/pbes2-hmacWithSHA1.pem openssl/pbes2-hmacWithSHA224.pem",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "openssl/pbes2-hmacWithSHA256.pem openssl/pbes2-hmacWithSHA384.pem",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "openssl/pbes2-hmacWithSHA512.pem guide/private.pem",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "node/pkcs8-des3.pem node/pkcs8-aes256.pem node/pkcs8-aes256.der",
        ),
        (
            Form::EncryptedPkcs8PrivateKey,
            "python/pkcs8-best.pem python/pkcs8-best.der ssh/pkcs8-encrypted.pem",
        ),
        (
            Form::TraditionalEncryptedPrivateKey,
            "openssl/traditional-des3.pem openssl/traditional-aes128.pem",
        ),
        (
            Form::TraditionalEncryptedPrivateKey,
            "openssl/traditional-aes192.pem openssl/traditional-aes256.pem",
        ),
        (
            Form::TraditionalEncryptedPrivateKey,
            "guide/private-traditional.pem node/pkcs1-des3.pem",
        ),
        (
            Form::TraditionalEncryptedPrivateKey,
            "node/pkcs1-aes128.pem python/traditional-best.pem",
        ),
        (Form::TraditionalEncryptedPrivateKey, "ssh/traditional.pem"),
    ];
    let passphrase = Passphrase::new(PASSPHRASE);
    for (form, names) in forms {
        for name in names.split(' ') {
            let text = data(name);
            assert_eq!(inspect(&text).unwrap().main().kind(), Kind::Key(form), "{name}");
            let key = PrivateKey::parse(&text, form.is_encrypted().then_some(&passphrase))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(key.public_key(), &expected(name), "{name}");
            let again = PrivateKey::parse(key.secret_pkcs8_der(), None).unwrap();
            assert_eq!(again.secret_pkcs8_der(), key.secret_pkcs8_der(), "{name}");
        }
    }
}

#[test]
fn every_public_form_is_read() {
    let forms = [
        (
            Form::SpkiPublicKey,
            "openssl/public.pem openssl/public.der node/public.pem python/public.pem ssh/public.pem",
        ),
        (Form::SpkiPublicKey, "java/public.der guide/public.pem"),
        (
            Form::Pkcs1PublicKey,
            "openssl/pkcs1-public.pem openssl/pkcs1-public.der node/pkcs1-public.pem",
        ),
        (
            Form::Pkcs1PublicKey,
            "python/pkcs1-public.pem ssh/pkcs1-public.pem",
        ),
        (
            Form::Certificate,
            "openssl/certificate.pem openssl/certificate.der openssl/certificate-v1.pem",
        ),
        (
            Form::Certificate,
            "openssl/certificate-trusted.pem openssl/certificate-with-text.pem java/certificate.der",
        ),
    ];
    for (form, names) in forms {
        for name in names.split(' ') {
            let text = data(name);
            let item = inspect(&text).unwrap();
            assert_eq!(item.main().kind(), Kind::Key(form), "{name}");
            let key = PublicKey::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(key, expected(name), "{name}");
            assert_eq!(item.main().fingerprint(), Some(key.fingerprint()), "{name}");
        }
    }
}

#[test]
fn the_canonical_pem_is_what_openssl_writes() {
    for folder in ["openssl", "guide", "node", "python", "java"] {
        let text = String::from_utf8(data(&format!("{folder}/public.pem"))).unwrap();
        assert_eq!(PublicKey::parse(&text).unwrap().to_pem(), text, "{folder}");
    }
    let text = String::from_utf8(data("openssl/pkcs8.pem")).unwrap();
    assert_eq!(
        PrivateKey::parse(&text, None)
            .unwrap()
            .secret_pkcs8_pem()
            .expose_secret(),
        text
    );
}

#[test]
fn the_fingerprint_is_sha256_of_the_spki_der() {
    use sha2::Digest as _;

    let der = data("openssl/public.der");
    let key = PublicKey::parse(&der).unwrap();
    assert_eq!(key.as_der(), der);
    assert_eq!(
        key.fingerprint().as_bytes().as_slice(),
        sha2::Sha256::digest(&der).as_slice()
    );
}

#[test]
fn an_odd_exponent_other_than_65537_is_accepted() {
    let key = PrivateKey::parse(data("python/exponent-3.pem"), None).unwrap();
    assert_eq!(key.public_key().exponent(), 3);
    assert_eq!(
        &PublicKey::parse(data("python/exponent-3-public.pem")).unwrap(),
        key.public_key()
    );
    let advice = inspect(data("python/exponent-3-public.pem")).unwrap().advice();
    assert!(advice.iter().any(|line| line.contains("65537")), "{advice:?}");
}

#[test]
fn a_passphrase_beyond_ascii_is_its_utf8_bytes() {
    let key = PrivateKey::parse(
        data("openssl/unicode-passphrase.pem"),
        Some(&Passphrase::new("größer als 🔑")),
    );
    assert_eq!(key.unwrap().public_key(), &expected("openssl/public.pem"));
}

#[test]
fn a_passphrase_for_a_key_that_needs_none_does_no_harm() {
    let key = PrivateKey::parse(data("openssl/pkcs8.pem"), Some(&Passphrase::new("unneeded")));
    assert_eq!(key.unwrap().public_key(), &expected("openssl/public.pem"));
}

#[test]
fn the_public_half_is_derived_from_any_private_form() {
    let passphrase = Passphrase::new(PASSPHRASE);
    for name in [
        "openssl/pkcs8.pem",
        "openssl/traditional-des3.pem",
        "guide/private.pem",
        "openssl/certificate.pem",
    ] {
        let key = PublicKey::parse_or_derive(data(name), Some(&passphrase)).unwrap();
        assert_eq!(key, expected(name), "{name}");
    }
}

#[test]
fn a_key_with_its_own_public_half_and_certificates_beside_it_is_read() {
    let bundle = [
        data("openssl/certificate.pem"),
        data("openssl/pkcs8.pem"),
        data("openssl/public.pem"),
    ]
    .concat();
    assert_eq!(
        PrivateKey::parse(&bundle, None).unwrap().public_key(),
        &expected("openssl/public.pem")
    );
    let twice = [data("openssl/pkcs8.pem"), data("openssl/pkcs1.pem")].concat();
    assert_eq!(
        PrivateKey::parse(&twice, None).unwrap().public_key(),
        &expected("openssl/public.pem")
    );
    let with_chain = [data("openssl/pkcs8.pem"), data("refused/chain.pem")].concat();
    assert_eq!(
        PrivateKey::parse(&with_chain, None).unwrap().public_key(),
        &expected("openssl/public.pem")
    );
}
