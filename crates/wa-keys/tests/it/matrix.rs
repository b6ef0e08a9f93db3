//! Every supported form, as written by `OpenSSL`, Node.js, Python, OpenSSH and Java, yields the same key.

use wa_keys::{Form, Kind, Passphrase, PrivateKey, PublicKey, inspect};

use crate::support::{PASSPHRASE, data};

/// Returns the key of all files in the folder of `name`.
fn expected(name: &str) -> PublicKey {
    let (folder, _) = name.split_once('/').unwrap();
    PublicKey::parse(data(&format!("{folder}/public.pem"))).unwrap()
}

const PRIVATE: &[(Form, &str)] = &[
    (
        Form::Pkcs8PrivateKey,
        "openssl/pkcs8.pem openssl/pkcs8.der node/pkcs8.pem python/pkcs8.pem",
    ),
    (Form::Pkcs8PrivateKey, "ssh/pkcs8.pem java/pkcs8.der"),
    (
        Form::Pkcs8PrivateKey,
        "kubernetes/secret.yaml kubernetes/secret.json",
    ),
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
        Form::EncryptedPkcs8PrivateKey,
        "openssl/pbe-sha1-3des.pem openssl/pbe-sha1-2des.pem",
    ),
    (
        Form::EncryptedPkcs8PrivateKey,
        "openssl/pbe-sha1-rc2-128.pem openssl/pbe-sha1-rc2-40.pem",
    ),
    (
        Form::Pkcs12,
        "pkcs12/modern.p12 pkcs12/legacy.p12 pkcs12/rc2.p12 java/store.p12",
    ),
    (
        Form::Pkcs12,
        "pkcs12/unprotected.p12 pkcs12/key-in-encrypted-part.p12",
    ),
    (Form::PrivateJsonWebKey, "jwk/private.json jwk/private-set.json"),
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

#[test]
fn field_13_every_private_key_format_is_parsed() {
    let passphrase = Passphrase::new(PASSPHRASE);
    for (form, names) in PRIVATE.iter().copied() {
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
fn every_public_form_is_parsed() {
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
        (Form::PublicJsonWebKey, "jwk/public.json jwk/set.json"),
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
    assert!(
        advice.iter().any(|line| line.text().contains("65537")),
        "{advice:?}"
    );
}

#[test]
fn a_non_ascii_passphrase_is_used_as_utf8() {
    let key = PrivateKey::parse(
        data("openssl/unicode-passphrase.pem"),
        Some(&Passphrase::new("größer als 🔑")),
    );
    assert_eq!(key.unwrap().public_key(), &expected("openssl/public.pem"));
}

#[test]
fn an_empty_passphrase_decrypts_keys_encrypted_with_it() {
    for name in [
        "openssl/empty-passphrase.pem",
        "openssl/empty-passphrase-pbe.pem",
        "pkcs12/empty-passphrase.p12",
        "pkcs12/empty-passphrase-legacy.p12",
    ] {
        let key = PrivateKey::parse(data(name), Some(&Passphrase::new("")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.public_key(), &expected(name), "{name}");
        let without = PrivateKey::parse(data(name), None).unwrap_err();
        assert!(
            matches!(without, wa_keys::KeyError::PassphraseNeeded { .. }),
            "{name}: {without:?}"
        );
        let wrong = PrivateKey::parse(data(name), Some(&Passphrase::new("x"))).unwrap_err();
        assert!(
            matches!(wrong, wa_keys::KeyError::WrongPassphrase { .. }),
            "{name}: {wrong:?}"
        );
    }
}

#[test]
fn an_unprotected_container_needs_no_passphrase() {
    let key = PrivateKey::parse(data("pkcs12/unprotected.p12"), None).unwrap();
    assert_eq!(key.public_key(), &expected("pkcs12/public.pem"));
    let inspection = inspect(data("pkcs12/unprotected.p12")).unwrap();
    assert_eq!(
        inspection.main().fingerprint(),
        Some(expected("pkcs12/public.pem").fingerprint())
    );
}

#[test]
fn a_container_in_base64_is_parsed() {
    use base64ct::Encoding as _;

    let base64 = base64ct::Base64::encode_string(&data("pkcs12/modern.p12"));
    let key = PrivateKey::parse(base64, Some(&Passphrase::new(PASSPHRASE))).unwrap();
    assert_eq!(key.public_key(), &expected("pkcs12/public.pem"));
}

#[test]
fn an_unneeded_passphrase_is_ignored() {
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
fn a_private_key_next_to_its_public_half_and_certificates_is_parsed() {
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
