//! Each refusal has its own error, which names the fault and its remedy.

use wa_keys::{
    Damage, ExponentFault, ForeignForm, KeyError, Passphrase, PrivateKey, Protection, PublicKey, inspect,
};

use crate::support::*;

type Check = fn(&KeyError) -> bool;

/// Checks the variant of an error, and that its text and its remedy or action contain a part.
fn check(name: &str, error: &KeyError, variant: &str, fault: &str, remedy: &str) {
    let (text, debug, found) = (
        error.to_string(),
        format!("{error:?}"),
        format!("{} {:?}", error.remedy().unwrap_or_default(), error.action()),
    );
    assert_eq!(debug.split([' ', '(']).next(), Some(variant), "{name}");
    assert!(text.contains(fault), "{name}: {text:?} lacks {fault:?}");
    assert!(found.contains(remedy), "{name}: {found:?} lacks {remedy:?}");
}

/// Checks a table of file, variant, part of the error, part of the remedy or action.
fn check_table(table: &str, parse: impl Fn(Vec<u8>) -> KeyError) {
    for row in table.lines().filter(|row| !row.trim().is_empty()) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        check(cells[0], &parse(data(cells[0])), cells[1], cells[2], cells[3]);
    }
}

const PUBLIC: &str = "
    refused/ec-public.pem      | NotRsa             | EC (P-256)          | Generate
    refused/ec-certificate.pem | NotRsa             | EC (P-256), not RSA | Generate
    refused/ed25519-public.pem | NotRsa             | Ed25519             | Generate
    refused/rsa-pss-public.pem | NotRsa             | RSA-PSS             | rsaEncryption
    refused/rsa1024-public.pem | WrongSize          | 1024 bits           | 2048
    refused/rsa3072-public.pem | WrongSize          | 3072 bits           | 2048
    refused/rsa4096-public.pem | WrongSize          | 4096 bits           | 2048
    openssl/pkcs8.pem          | PrivateKeyGiven    | PKCS#8 private key  | WritePublicKey
    openssl/pkcs1.der          | PrivateKeyGiven    | PKCS#1 private key  | WritePublicKey
    guide/private.pem          | PrivateKeyGiven    | encrypted PKCS#8    | WritePublicKey
    node/pkcs1-des3.pem        | PrivateKeyGiven    | traditional         | WritePublicKey
    refused/ec-sec1.pem        | PrivateKeyGiven    | EC private key      | WritePublicKey
    refused/request.pem        | CertificateRequest | certificate request | ExtractRequestKey
    refused/request.der        | CertificateRequest | certificate request | ExtractRequestKey
    refused/chain.pem          | SeveralKeys        | 2 different keys    | separate file
    refused/openssh.pub        | Foreign            | an SSH public key   | Export(SshPublicKey)
    refused/ssh2.pub           | Foreign            | SSH public key      | Export(Rfc4716PublicKey)
    refused/openssh.pem        | Foreign            | OpenSSH             | Export(OpenSshPrivateKey)
    pkcs12/modern.p12          | PrivateKeyGiven    | PKCS#12             | WritePublicKey
    refused/ber.p12            | Foreign            | BER                 | Export(BerPkcs12)
    refused/store.jks          | Foreign            | Java key store      | Export(JavaKeyStore)
    jwk/private.json           | PrivateKeyGiven    | JSON Web Key        | WritePublicKey
    refused/jwk-ec.json        | NotRsa             | EC (P-256)          | Generate
    refused/jwk-oct.json       | PrivateKeyGiven    | JSON Web Key        | WritePublicKey
    refused/pkcs7.pem          | Foreign            | PKCS#7              | Export(Pkcs7)
    refused/pkcs7.der          | Foreign            | PKCS#7              | Export(Pkcs7)
    refused/ec-parameters.pem  | Foreign            | parameters          | key itself
";

const PRIVATE: &str = "
    refused/ec-sec1.pem              | NotRsa                | EC (P-256)             | Generate
    refused/ec-pkcs8.pem             | NotRsa                | EC (P-256)             | Generate
    refused/ec-encrypted.pem         | NotRsa                | EC (P-256)             | Generate
    refused/ec-traditional.pem       | NotRsa                | EC (P-256)             | Generate
    refused/ed25519.pem              | NotRsa                | Ed25519                | Generate
    refused/x25519.pem               | NotRsa                | X25519                 | Generate
    refused/rsa-pss.pem              | NotRsa                | RSA-PSS                | Generate
    refused/dsa-pkcs8.pem            | NotRsa                | DSA                    | Generate
    refused/dsa-traditional.pem      | NotRsa                | DSA                    | Generate
    refused/rsa1024.pem              | WrongSize             | 1024                   | Generate
    refused/multi-prime.pem          | MultiPrime            | more than two primes   | Generate
    refused/openssh.pem              | Foreign               | OpenSSH                | ssh-keygen
    openssl/public.pem               | PublicKeyGiven        | SPKI                   | private key file
    openssl/certificate.der          | PublicKeyGiven        | X.509                  | private key file
    refused/request.pem              | CertificateRequest    | request                | ExtractRequestKey
    refused/pbes1-md5-des.pem        | UnsupportedProtection | PBES1 with MD5 and DES | Reencrypt { legacy: true }
    jwk/public.json                  | PublicKeyGiven        | JSON Web Key           | private key file
    refused/jwk-oct.json             | NotRsa                | symmetric              | Generate
    refused/jwk-okp.json             | NotRsa                | Ed25519                | Generate
    refused/jwk-without-primes.json  | Damaged               | no member `p`          | `dp`, `dq` and `qi`
    refused/two-keys.p12             | SeveralKeys           | 2 different keys       | separate file
    refused/no-key.p12               | NoPrivateKey          | PKCS#12                | private key
    refused/pbes2-des.pem            | UnsupportedProtection | DES-CBC                | Reencrypt { legacy: true }
    refused/pbes2-rc2.pem            | UnsupportedProtection | RC2-CBC                | Reencrypt { legacy: true }
    refused/pbes2-camellia.pem       | UnsupportedProtection | Camellia-256-CBC       | Reencrypt { legacy: false }
    refused/pbes2-sha512-256.pem     | UnsupportedProtection | HMAC-SHA-512/256       | Reencrypt { legacy: false }
    refused/traditional-des.pem      | UnsupportedProtection | DES-CBC                | Reencrypt { legacy: true }
    refused/traditional-camellia.pem | UnsupportedProtection | CAMELLIA-256-CBC       | Reencrypt { legacy: false }
";

#[test]
fn public_keys_that_whatsapp_does_not_accept() {
    check_table(PUBLIC, |input| PublicKey::parse(input).unwrap_err());
}

#[test]
fn private_keys_that_are_not_supported() {
    let passphrase = Passphrase::new(PASSPHRASE);
    check_table(PRIVATE, |input| {
        PrivateKey::parse(input, Some(&passphrase)).unwrap_err()
    });
}

#[test]
fn encrypted_keys_without_or_with_a_wrong_passphrase() {
    for (name, expected) in [
        ("guide/private.pem", "PBKDF2-HMAC-SHA-256 (2048 rounds), 3DES-CBC"),
        ("openssl/pbes2.der", "AES-256-CBC"),
        (
            "openssl/scrypt-aes-128-cbc.pem",
            "scrypt (N=16384, r=8, p=1), AES-128-CBC",
        ),
        (
            "node/pkcs1-des3.pem",
            "EVP_BytesToKey with MD5 (1 round), 3DES-CBC",
        ),
    ] {
        let error = PrivateKey::parse(data(name), None).unwrap_err();
        check(name, &error, "PassphraseNeeded", expected, "passphrase");
        for other in ["", "correct horse ", "Correct horse"] {
            let error = PrivateKey::parse(data(name), Some(&Passphrase::new(other))).unwrap_err();
            check(name, &error, "WrongPassphrase", expected, "check the passphrase");
        }
    }
}

#[test]
fn wrong_passphrases_are_never_reported_as_damage() {
    // One in 256 decrypts to valid padding, which must not change the error.
    let key = data("node/pkcs1-aes128.pem");
    for guess in 0..1500 {
        let error = PrivateKey::parse(&key, Some(&Passphrase::new(guess.to_string()))).unwrap_err();
        assert!(
            matches!(error, KeyError::WrongPassphrase { .. }),
            "{guess}: {error:?}"
        );
    }
}

#[test]
fn exponents_that_are_not_acceptable() {
    let modulus = numbers(&data("openssl/pkcs1.der"))[1].clone();
    let cases: [(&[u8], ExponentFault, &str); 6] = [
        (&[0], ExponentFault::Even, "even"),
        (&[2], ExponentFault::Even, "even"),
        (&[1, 0, 0], ExponentFault::Even, "even"),
        (&[1], ExponentFault::One, "1"),
        (&[1, 0, 0, 0, 1], ExponentFault::TooLarge { bits: 33 }, "33 bits"),
        (&modulus, ExponentFault::TooLarge { bits: 2048 }, "2048 bits"),
    ];
    for (exponent, expected, text) in cases {
        match PublicKey::parse(spki(&modulus, exponent)).unwrap_err() {
            error @ KeyError::BadExponent { fault } => {
                assert_eq!(fault, expected);
                assert!(error.to_string().contains(text), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    for valid in [[0, 0, 0, 3], [0, 1, 0, 1], [0xff; 4]] {
        assert_eq!(
            PublicKey::parse(spki(&modulus, &valid)).unwrap().exponent(),
            u32::from_be_bytes(valid)
        );
    }
}

#[test]
fn a_modulus_that_is_even() {
    let mut modulus = numbers(&data("openssl/pkcs1.der"))[1].clone();
    *modulus.last_mut().unwrap() &= 0xfe;
    assert!(matches!(
        PublicKey::parse(spki(&modulus, &[1, 0, 1])),
        Err(KeyError::EvenModulus)
    ));
}

#[test]
fn numbers_that_are_inconsistent() {
    use wa_keys::Relation::{Coefficient, ExponentP, ExponentQ, Modulus, Primes, PrivateExponent};

    const N: usize = 1;
    const D: usize = 3;
    const P: usize = 4;
    const Q: usize = 5;
    let valid = numbers(&data("openssl/pkcs1.der"));
    assert!(PrivateKey::parse(pkcs1(&valid), None).is_ok());
    let other = numbers(&inner(&data("java/pkcs8.der")));
    let one = || vec![1];
    let low_bits = |index: usize, mask: u8| {
        let mut number = valid[index].clone();
        *number.last_mut().unwrap() ^= mask;
        number
    };
    let cases = [
        (vec![(N, other[N].clone())], Modulus),
        (vec![(P, other[P].clone())], Modulus),
        (vec![(P, valid[Q].clone())], Modulus),
        (vec![(P, one()), (Q, valid[N].clone())], Primes),
        (vec![(P, vec![0])], Primes),
        (vec![(Q, low_bits(Q, 1))], Primes),
        (vec![(2, vec![3])], PrivateExponent),
        (vec![(D, low_bits(D, 2))], PrivateExponent),
        (vec![(D, vec![0])], PrivateExponent),
        (vec![(D, [vec![1], valid[D].clone()].concat())], PrivateExponent),
        (vec![(6, low_bits(6, 1))], ExponentP),
        (vec![(6, one())], ExponentP),
        (vec![(P, valid[Q].clone()), (Q, valid[P].clone())], ExponentP),
        (vec![(7, low_bits(7, 4))], ExponentQ),
        (vec![(8, low_bits(8, 1))], Coefficient),
        (vec![(8, vec![0])], Coefficient),
    ];
    for (changes, expected) in cases {
        let mut numbers = valid.clone();
        for (index, number) in &changes {
            numbers[*index].clone_from(number);
        }
        let indexes: Vec<_> = changes.iter().map(|(index, _)| index).collect();
        match PrivateKey::parse(pkcs1(&numbers), None) {
            Err(error @ KeyError::InconsistentNumbers { relation }) => {
                assert_eq!(relation, expected, "{indexes:?}");
                assert!(error.remedy().unwrap().contains("backup"));
            }
            other => panic!("{indexes:?}: {other:?}"),
        }
    }
}

#[test]
fn encryption_that_openssl_does_not_support_either_has_no_action() {
    for (cipher, name) in [
        ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
        ("1.3.6.1.4.1.99", "object identifier 1.3.6.1.4.1.99"),
    ] {
        let nonce = sequence(&[octets(&[7; 12])]);
        let der = pbes2(
            pbkdf2(b"saltsalt", &[8, 0]),
            sequence(&[oid(cipher), nonce]),
            &[9; 48],
        );
        let error = PrivateKey::parse(&der, Some(&Passphrase::new(PASSPHRASE))).unwrap_err();
        check(
            cipher,
            &error,
            "UnsupportedProtection",
            name,
            "OpenSSL does not support it either",
        );
        assert_eq!(error.action(), None, "{cipher}");
    }
}

#[test]
fn damage_to_json_web_keys_is_named() {
    let good = text("jwk/private.json");
    let parse = |text: &str| PrivateKey::parse(text, None).unwrap_err();
    let damage = |text: &str| match parse(text) {
        KeyError::Damaged { damage, .. } => damage,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        damage(&good.replace("\"dq\"", "\"dx\"")),
        Damage::MissingMember("dq")
    );
    assert_eq!(
        damage(&good.replace("\"d\": \"", "\"d\": \"!")),
        Damage::BadMember("d")
    );
    assert_eq!(
        damage(&good.replace("\"e\": \"AQAB\"", "\"e\": \"\"")),
        Damage::BadMember("e")
    );
    assert!(matches!(
        damage(&good[..good.len() - 3]),
        Damage::BadJsonWebKey(_)
    ));
    assert!(matches!(
        damage(&good.replace("\"RSA\"", "\"RSB\"")),
        Damage::BadJsonWebKey(_)
    ));
    // The numbers are validated as in every other form.
    let mixed = good
        .replace("\"p\":", "\"x\":")
        .replace("\"q\":", "\"p\":")
        .replace("\"x\":", "\"q\":");
    assert!(matches!(parse(&mixed), KeyError::InconsistentNumbers { .. }));
    assert!(matches!(
        parse(&good.replace("\"kty\"", "\"oth\": [], \"kty\"")),
        KeyError::MultiPrime
    ));
}

#[test]
fn several_keys_in_one_file() {
    let several = |result: Result<PrivateKey, KeyError>| matches!(result, Err(KeyError::SeveralKeys { .. }));
    let passphrase = Passphrase::new(PASSPHRASE);
    let join = |names: [&str; 2]| names.map(data).concat();
    assert!(several(PrivateKey::parse(
        join(["openssl/pkcs8.pem", "node/pkcs8.pem"]),
        None
    )));
    assert!(several(PrivateKey::parse(
        join(["openssl/pkcs8.pem", "refused/ec-pkcs8.pem"]),
        None
    )));
    assert!(several(PrivateKey::parse(
        join(["openssl/pkcs8.pem", "guide/private.pem"]),
        Some(&passphrase)
    )));
    assert!(several(PrivateKey::parse(
        join(["openssl/pkcs8.pem", "node/public.pem"]),
        None
    )));
    for names in [
        ["openssl/public.pem", "node/public.pem"],
        ["openssl/public.pem", "refused/rsa4096-public.pem"],
    ] {
        let error = PublicKey::parse(join(names)).unwrap_err();
        assert!(matches!(error, KeyError::SeveralKeys { count: 2 }), "{error:?}");
    }
    let same_twice = join(["openssl/public.pem", "openssl/certificate.pem"]);
    assert_eq!(
        PublicKey::parse(same_twice).unwrap(),
        PublicKey::parse(data("openssl/public.der")).unwrap()
    );
}

#[test]
fn inputs_that_are_not_keys() {
    let cases: [(&[u8], Check); 8] = [
        (b"", |e| matches!(e, KeyError::Empty)),
        (b" \r\n\t\0 ", |e| matches!(e, KeyError::Empty)),
        (b"hello", |e| matches!(e, KeyError::NotAKey)),
        (b"0123456789 not DER", |e| matches!(e, KeyError::NotAKey)),
        (b"\x30\x00", |e| {
            matches!(
                e,
                KeyError::Damaged {
                    damage: Damage::NotDer,
                    ..
                }
            )
        }),
        (b"\xfe\xed\xfe\xed\0\0\0\x02", |e| {
            matches!(
                e,
                KeyError::Foreign {
                    found: ForeignForm::JavaKeyStore
                }
            )
        }),
        (br#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, |e| {
            matches!(
                e,
                KeyError::WrongSize { bits: 17 } | KeyError::PublicKeyGiven { .. }
            )
        }),
        (b"PuTTY-User-Key-File-3: ssh-rsa\n", |e| {
            matches!(
                e,
                KeyError::Foreign {
                    found: ForeignForm::PuttyPrivateKey
                }
            )
        }),
    ];
    for (input, is_right) in cases {
        for error in [
            PublicKey::parse(input).unwrap_err(),
            PrivateKey::parse(input, None).unwrap_err(),
        ] {
            assert!(is_right(&error), "{input:?}: {error:?}");
            assert!(error.remedy().is_some());
        }
    }
    let pgp = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x\n\nmQENBF\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
    assert!(matches!(
        PublicKey::parse(pgp),
        Err(KeyError::Foreign {
            found: ForeignForm::Pgp
        })
    ));
    let ssh_com = "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"x\"\nP2/56wAAAi4=\n\
                   ---- END SSH2 ENCRYPTED PRIVATE KEY ----\n";
    let error = PublicKey::parse(ssh_com).unwrap_err();
    assert!(error.remedy().unwrap().contains("export"));
    assert!(inspect(ssh_com).unwrap().is_private());
    assert!(matches!(
        error,
        KeyError::Foreign {
            found: ForeignForm::SshComPrivateKey
        }
    ));
    let ed25519 = PublicKey::parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@example").unwrap_err();
    assert!(matches!(ed25519, KeyError::NotRsa { .. }), "{ed25519:?}");
    let crl = pem("X509 CRL", &sequence(&[]));
    assert!(matches!(
        PublicKey::parse(crl),
        Err(KeyError::Foreign {
            found: ForeignForm::RevocationList
        })
    ));
    let huge = vec![b'A'; wa_keys::limits::MAX_INPUT_BYTES + 1];
    assert!(matches!(PublicKey::parse(&huge), Err(KeyError::TooLarge { .. })));
}

#[test]
fn passphrases_and_costs_that_are_refused_for_writing() {
    let key = PrivateKey::parse(data("openssl/pkcs8.pem"), None).unwrap();
    let empty = key.encrypted_pkcs8_pem(&Passphrase::new(""), &Protection::default());
    assert!(matches!(empty, Err(KeyError::EmptyPassphrase)));
    for rounds in [0, 2048, 599_999, 10_000_001, u32::MAX] {
        assert!(
            matches!(
                Protection::with_rounds(rounds),
                Err(KeyError::RoundsOutOfRange { .. })
            ),
            "{rounds}"
        );
    }
}
