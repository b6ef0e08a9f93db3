//! `inspect` describes any key file without a passphrase.

use wa_keys::{Advice, Encoding, PublicKey, inspect};

use crate::support::*;

/// File, kind, algorithm, bits and exponent, encryption, problem, part of the advice; `-` means none.
const TABLE: &str = "
    openssl/public.pem | SPKI public key | RSA | 2048 65537 | - | - | -
    openssl/pkcs1-public.der | PKCS#1 public key | RSA | 2048 65537 | - | - | WritePublicKey
    openssl/certificate.pem | X.509 certificate | RSA | 2048 65537 | - | - | neither its dates nor its issuer
    openssl/pkcs8.pem | PKCS#8 private key | RSA | 2048 65537 | - | - | protected by a passphrase
    openssl/pkcs1.der | PKCS#1 private key | RSA | 2048 65537 | - | - | protected by a passphrase
    guide/private.pem | encrypted PKCS#8 private key | - | - | PBKDF2-HMAC-SHA-256 (2048 rounds), 3DES-CBC | - | 2048 rounds
    openssl/scrypt-aes-256-cbc.pem | encrypted PKCS#8 private key | - | - | scrypt (N=16384, r=8, p=1), AES-256-CBC | - | -
    openssl/pbes2-hmacWithSHA1.pem | encrypted PKCS#8 private key | - | - | PBKDF2-HMAC-SHA-1 (2048 rounds), AES-256-CBC | - | 600000 are recommended
    node/pkcs1-des3.pem | encrypted private key in OpenSSL's traditional format | - | - | EVP_BytesToKey with MD5 (1 round), 3DES-CBC | - | one round of MD5
    python/exponent-3-public.pem | SPKI public key | RSA | 2048 3 | - | - | 65537
    refused/rsa1024.pem | PKCS#8 private key | RSA | 1024 65537 | - | 1024 bits | Generate
    refused/rsa4096-public.pem | SPKI public key | RSA | 4096 65537 | - | 4096 bits | Generate
    refused/request.pem | certificate request (PKCS#10) | RSA | 2048 65537 | - | certificate request | ExtractRequestKey
    refused/ec-public.pem | SPKI public key | EC (P-256) | - | - | not RSA | Generate
    refused/ec-sec1.pem | EC private key | EC (P-256) | - | - | not RSA | Generate
    refused/ec-certificate.pem | X.509 certificate | EC (P-256) | - | - | not RSA | Generate
    refused/ed25519.pem | PKCS#8 private key | Ed25519 | - | - | not RSA | Generate
    refused/rsa-pss-public.pem | SPKI public key | RSA-PSS | 2048 65537 | - | not RSA | rsaEncryption
    refused/dsa-traditional.pem | DSA private key | DSA | - | - | not RSA | Generate
    refused/pbes1-md5-des.pem | encrypted PKCS#8 private key | - | - | - | PBES1 with MD5 and DES | Reencrypt { legacy: true }
    refused/traditional-des.pem | encrypted private key in OpenSSL's traditional format | - | - | - | DES-CBC | Reencrypt { legacy: true }
    pkcs12/modern.p12 | PKCS#12 container (.p12 or .pfx) | - | - | PBKDF2-HMAC-SHA-256 (2048 rounds), AES-256-CBC | - | Convert
    pkcs12/legacy.p12 | PKCS#12 container (.p12 or .pfx) | - | - | PKCS#12 derivation with SHA-1 (2048 rounds), 3DES-CBC | - | Convert
    openssl/pbe-sha1-rc2-40.pem | encrypted PKCS#8 private key | - | - | PKCS#12 derivation with SHA-1 (2048 rounds), 40-bit RC2-CBC | - | Convert
    jwk/private.json | private JSON Web Key | RSA | 2048 65537 | - | - | Convert
    jwk/public.json | public JSON Web Key | RSA | 2048 65537 | - | - | WritePublicKey
    refused/jwk-okp.json | private JSON Web Key | Ed25519 | - | - | not RSA | Generate
    refused/ber.p12 | PKCS#12 container in BER rather than DER | - | - | - | BER | Export(BerPkcs12)
    refused/openssh.pub | SSH public key | - | - | - | SSH public key | Export(SshPublicKey)
";

#[test]
fn every_file_is_described() {
    for row in TABLE.lines().filter(|row| !row.trim().is_empty()) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let inspection = inspect(data(cells[0])).unwrap();
        let item = inspection.main();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let numbers = item
            .bits()
            .map(|bits| format!("{bits} {}", item.exponent().unwrap()));
        assert_eq!(item.kind().to_string(), cells[1], "{row}");
        assert_eq!(
            or_dash(item.algorithm().map(ToString::to_string)),
            cells[2],
            "{row}"
        );
        assert_eq!(or_dash(numbers), cells[3], "{row}");
        assert_eq!(
            or_dash(item.encryption().map(|encryption| encryption.to_string())),
            cells[4],
            "{row}"
        );
        match (item.problem(), cells[5]) {
            (None, "-") => {}
            (Some(problem), part) => assert!(problem.to_string().contains(part), "{row}: {problem}"),
            (None, _) => panic!("{row}: no problem"),
        }
        let shown: Vec<String> = inspection
            .advice()
            .iter()
            .map(|advice| format!("{advice} {:?}", advice.action()))
            .collect();
        match (shown, cells[6]) {
            (advice, "-") => assert!(advice.is_empty(), "{row}: {advice:?}"),
            (advice, part) => assert!(advice.iter().any(|line| line.contains(part)), "{row}: {advice:?}"),
        }
    }
}

#[test]
fn fingerprint_is_that_of_the_public_half_unless_encrypted() {
    let expected = PublicKey::parse(data("openssl/public.pem"))
        .unwrap()
        .fingerprint();
    for name in [
        "public.pem",
        "pkcs1-public.der",
        "certificate.der",
        "pkcs8.der",
        "pkcs1.pem",
        "../refused/request.pem",
    ] {
        let inspection = inspect(data(&format!("openssl/{name}"))).unwrap();
        assert_eq!(inspection.main().fingerprint(), Some(expected), "{name}");
    }
    assert_eq!(
        inspect(data("openssl/pbes2.der")).unwrap().main().fingerprint(),
        None
    );
}

#[test]
fn all_items_are_listed_and_the_private_key_is_the_main_one() {
    let bundle = [
        "openssl/certificate.pem",
        "refused/ec-certificate.pem",
        "node/pkcs8.pem",
    ]
    .map(data)
    .concat();
    let inspection = inspect(&bundle).unwrap();
    let kinds: Vec<String> = inspection
        .items()
        .iter()
        .map(|item| item.kind().to_string())
        .collect();
    assert_eq!(
        kinds,
        ["X.509 certificate", "X.509 certificate", "PKCS#8 private key"]
    );
    assert_eq!(inspection.main().kind().to_string(), "PKCS#8 private key");
    assert!(inspection.is_private());
    assert_eq!(inspection.encoding(), Encoding::Pem);
}

#[test]
fn problem_of_an_input_is_the_error_of_parsing_it() {
    for (names, problem) in [
        (&["openssl/public.pem"][..], None),
        (&["openssl/public.pem", "openssl/certificate.pem"], None),
        (&["openssl/public.pem", "openssl/pkcs8.pem"], None),
        (&["openssl/pkcs8.pem", "openssl/pkcs1.pem"], None),
        (&["openssl/pbes2-des3.pem"], None),
        (&["node/pkcs8.pem", "openssl/certificate.pem"], None),
        (&["refused/request.pem", "openssl/public.pem"], None),
        (
            &["openssl/public.pem", "node/public.pem"],
            Some("2 different keys"),
        ),
        (&["openssl/pkcs8.pem", "node/pkcs8.pem"], Some("2 different keys")),
        (
            &["openssl/pkcs8.pem", "node/public.pem"],
            Some("2 different keys"),
        ),
        (
            &["openssl/pbes2-des3.pem", "node/pkcs8-des3.pem"],
            Some("2 different keys"),
        ),
        (&["openssl/public.pem", "refused/openssh.pem"], Some("OpenSSH")),
        (&["refused/rsa1024.pem"], Some("1024 bits")),
        (&["refused/pbes1-md5-des.pem"], Some("PBES1")),
    ] {
        let input: Vec<u8> = names.iter().flat_map(|name| data(name)).collect();
        let inspection = inspect(&input).unwrap();
        let (found, advice) = (inspection.problem(), inspection.advice());
        match problem {
            None => assert!(found.is_none(), "{names:?}: {found:?}"),
            Some(part) => {
                let found = found.unwrap_or_else(|| panic!("{names:?}: no problem"));
                assert!(found.to_string().contains(part), "{names:?}: {found}");
                let remedy = found.remedy().unwrap();
                let is_remedy = |line: &Advice| line.text() == remedy && line.action() == found.action();
                assert!(advice.iter().any(is_remedy), "{names:?}: {advice:?}");
            }
        }
        let says_several = advice.iter().any(|line| line.text().contains("a separate file"));
        assert_eq!(
            says_several,
            problem.is_some_and(|part| part.contains("different")),
            "{names:?}"
        );
    }
}

#[test]
fn der_is_distinguished_from_pem() {
    assert_eq!(
        inspect(data("openssl/public.der")).unwrap().encoding(),
        Encoding::Der
    );
    assert_eq!(
        inspect(data("openssl/public.pem")).unwrap().encoding(),
        Encoding::Pem
    );
}
