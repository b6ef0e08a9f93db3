//! Files that are made to block, exhaust or crash the parser are refused before any expensive work.

use wa_keys::{Cost, KeyError, Passphrase, PrivateKey, inspect, limits};

use crate::support::*;

fn parse_error(der: &[u8]) -> KeyError {
    PrivateKey::parse(der, Some(&Passphrase::new(PASSPHRASE))).unwrap_err()
}

fn cost(der: &[u8]) -> Cost {
    let problem = inspect(der).unwrap();
    assert!(
        matches!(problem.main().problem(), Some(KeyError::CostTooHigh { .. })),
        "{problem:?}"
    );
    assert!(problem.main().encryption().is_some());
    // Without a passphrase too, so that a program does not prompt for one in vain.
    assert!(matches!(
        PrivateKey::parse(der, None),
        Err(KeyError::CostTooHigh { .. })
    ));
    match parse_error(der) {
        error @ KeyError::CostTooHigh { .. } => {
            assert_eq!(error.action(), Some(wa_keys::Action::Reencrypt { legacy: false }));
            let KeyError::CostTooHigh { cost } = error else {
                unreachable!()
            };
            cost
        }
        other => panic!("{other:?}"),
    }
}

const IV: [u8; 16] = [7; 16];
const CIPHERTEXT: [u8; 32] = [9; 32];

#[test]
fn pbkdf2_rounds_are_bounded() {
    for rounds in [
        &10_000_001u32.to_be_bytes()[..],
        &[0xff; 4],
        &[0xff; 8],
        &[0xff; 200],
    ] {
        let der = pbes2(pbkdf2(b"saltsalt", rounds), aes256(&IV), &CIPHERTEXT);
        assert!(matches!(
            cost(&der),
            Cost::Pbkdf2Rounds {
                limit: limits::MAX_PBKDF2_ROUNDS,
                ..
            }
        ));
    }
}

#[test]
fn scrypt_memory_and_work_are_bounded() {
    let make = |n: u64, r: u64, p: u64| {
        pbes2(
            scrypt(&n.to_be_bytes(), &r.to_be_bytes(), &p.to_be_bytes()),
            aes256(&IV),
            &CIPHERTEXT,
        )
    };
    for (n, r, p) in [
        (1 << 20, 8, 1),
        (1 << 60, 8, 1),
        (16, u64::MAX, 1),
        (2, 1, u64::MAX),
        (2, 1 << 20, 1),
        (1 << 20, 1, 2 << 20),
        (u64::MAX, u64::MAX, 1),
    ] {
        assert!(
            matches!(cost(&make(n, r, p)), Cost::ScryptMemory { .. }),
            "{n} {r} {p}"
        );
    }
    for (n, r, p) in [(1 << 14, 8, 65), (1 << 18, 8, 5)] {
        assert!(
            matches!(cost(&make(n, r, p)), Cost::ScryptWork { .. }),
            "{n} {r} {p}"
        );
    }
}

#[test]
fn salts_are_bounded() {
    let der = pbes2(pbkdf2(&[1; 1025], &[1, 0]), aes256(&IV), &CIPHERTEXT);
    assert!(matches!(cost(&der), Cost::Salt { bytes: 1025, .. }));
}

#[test]
fn invalid_parameters_are_malformed() {
    let good = || pbkdf2(b"saltsalt", &[8, 0]);
    let cases = [
        (
            "no rounds",
            pbes2(pbkdf2(b"saltsalt", &[0]), aes256(&IV), &CIPHERTEXT),
        ),
        ("short AES vector", pbes2(good(), aes256(&[1; 15]), &CIPHERTEXT)),
        ("long AES vector", pbes2(good(), aes256(&[1; 17]), &CIPHERTEXT)),
        ("empty 3DES vector", pbes2(good(), des3(&[]), &CIPHERTEXT)),
        ("short 3DES vector", pbes2(good(), des3(&[1; 7]), &CIPHERTEXT)),
        (
            "scrypt N of zero",
            pbes2(scrypt(&[0], &[8], &[1]), aes256(&IV), &CIPHERTEXT),
        ),
        (
            "scrypt N of one",
            pbes2(scrypt(&[1], &[8], &[1]), aes256(&IV), &CIPHERTEXT),
        ),
        (
            "scrypt N no power of two",
            pbes2(scrypt(&[12], &[8], &[1]), aes256(&IV), &CIPHERTEXT),
        ),
        (
            "scrypt r of zero",
            pbes2(scrypt(&[16], &[0], &[1]), aes256(&IV), &CIPHERTEXT),
        ),
        (
            "scrypt p of zero",
            pbes2(scrypt(&[16], &[8], &[0]), aes256(&IV), &CIPHERTEXT),
        ),
        (
            "no parameters",
            pbes2(
                sequence(&[oid("1.2.840.113549.1.5.12")]),
                aes256(&IV),
                &CIPHERTEXT,
            ),
        ),
        (
            "a cipher without a vector",
            pbes2(good(), sequence(&[oid("2.16.840.1.101.3.4.1.42")]), &CIPHERTEXT),
        ),
    ];
    for (name, der) in cases {
        let error = parse_error(&der);
        assert!(matches!(error, KeyError::Malformed { .. }), "{name}: {error:?}");
    }
}

#[test]
fn ciphertext_of_an_invalid_length_is_damaged() {
    for length in [0, 1, 15, 17, 31] {
        let der = pbes2(pbkdf2(b"saltsalt", &[8, 0]), aes256(&IV), &vec![3; length]);
        let error = parse_error(&der);
        assert!(matches!(error, KeyError::Damaged { .. }), "{length}: {error:?}");
    }
}

#[test]
fn costs_at_the_limit_are_accepted() {
    // Near the limit for memory. Decryption then fails, which shows that the key was derived.
    let der = pbes2(
        scrypt(&(1u64 << 18).to_be_bytes(), &[8], &[1]),
        aes256(&IV),
        &CIPHERTEXT,
    );
    assert!(matches!(parse_error(&der), KeyError::WrongPassphrase { .. }));
}

#[test]
fn deep_nesting_and_many_blocks_are_handled() {
    let deep = (0..60_000).fold(Vec::new(), |inner: Vec<u8>, _| {
        if inner.len() < 60_000 {
            tlv(0x30, &inner)
        } else {
            inner
        }
    });
    assert!(inspect(&deep).is_err());
    let many = pem("PUBLIC KEY", &data("openssl/public.der")).repeat(400);
    assert_eq!(inspect(&many).unwrap().items().len(), 400);
    assert!(wa_keys::PublicKey::parse(&many).is_ok());
    let begins = "-----BEGIN PUBLIC KEY-----\n".repeat(9000);
    assert!(inspect(begins).is_err());
}

/// Returns a container with these parts in its authenticated safe.
fn container(parts: &[Vec<u8>]) -> Vec<u8> {
    let safe = octets(&sequence(parts));
    let data = sequence(&[oid("1.2.840.113549.1.7.1"), tlv(0xa0, &safe)]);
    sequence(&[integer(&[3]), data])
}

fn encrypted_part(algorithm: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let info = sequence(&[
        oid("1.2.840.113549.1.7.1"),
        algorithm.to_vec(),
        tlv(0x80, ciphertext),
    ]);
    let content = sequence(&[integer(&[0]), info]);
    sequence(&[oid("1.2.840.113549.1.7.6"), tlv(0xa0, &content)])
}

fn key_part(keys: &[Vec<u8>]) -> Vec<u8> {
    let bags: Vec<Vec<u8>> = keys
        .iter()
        .map(|key| sequence(&[oid("1.2.840.113549.1.12.10.1.2"), tlv(0xa0, key)]))
        .collect();
    let contents = octets(&sequence(&bags));
    sequence(&[oid("1.2.840.113549.1.7.1"), tlv(0xa0, &contents)])
}

fn pbe(rounds: &[u8]) -> Vec<u8> {
    let parameters = sequence(&[octets(b"saltsalt"), integer(rounds)]);
    sequence(&[oid("1.2.840.113549.1.12.1.3"), parameters])
}

#[test]
fn pkcs12_rounds_are_bounded_in_every_place() {
    for rounds in [&1_000_001u32.to_be_bytes()[..], &[0xff; 4], &[0xff; 200]] {
        let key = sequence(&[pbe(rounds), octets(&CIPHERTEXT)]);
        let part = encrypted_part(&pbe(rounds), &CIPHERTEXT);
        for der in [key.clone(), container(&[key_part(&[key])]), container(&[part])] {
            assert!(matches!(
                cost(&der),
                Cost::Pkcs12Rounds {
                    limit: limits::MAX_PKCS12_ROUNDS,
                    ..
                }
            ));
        }
    }
    let none = sequence(&[pbe(&[0]), octets(&CIPHERTEXT)]);
    assert!(matches!(parse_error(&none), KeyError::Malformed { .. }));
    // At the limit the key is derived; decryption then fails.
    let bound = sequence(&[pbe(&1_000_000u32.to_be_bytes()), octets(&CIPHERTEXT)]);
    assert!(matches!(parse_error(&bound), KeyError::WrongPassphrase { .. }));
}

#[test]
fn a_container_of_many_keys_or_parts_costs_no_more_than_one() {
    let key = sequence(&[pbe(&1_000_000u32.to_be_bytes()), octets(&CIPHERTEXT)]);
    let many = container(&[key_part(&vec![key; 400])]);
    assert!(matches!(parse_error(&many), KeyError::SeveralKeys { count: 400 }));
    let part = encrypted_part(&pbe(&1_000_000u32.to_be_bytes()), &CIPHERTEXT);
    assert!(matches!(
        parse_error(&container(&vec![part; 200])),
        KeyError::WrongPassphrase { .. }
    ));
}

#[test]
fn invalid_containers_are_malformed() {
    let data = oid("1.2.840.113549.1.7.1");
    let signed = sequence(&[
        integer(&[3]),
        sequence(&[oid("1.2.840.113549.1.7.2"), tlv(0xa0, &null())]),
    ]);
    let empty = sequence(&[integer(&[3]), sequence(std::slice::from_ref(&data))]);
    let chunked = sequence(&[
        oid("1.2.840.113549.1.7.6"),
        tlv(
            0xa0,
            &sequence(&[
                integer(&[0]),
                sequence(&[data, pbe(&[8, 0]), tlv(0xa0, &octets(&CIPHERTEXT))]),
            ]),
        ),
    ]);
    for der in [
        signed,
        empty,
        container(&[chunked]),
        container(&[null()]),
        container(&[sequence(&[])]),
    ] {
        let error = parse_error(&der);
        assert!(matches!(error, KeyError::Malformed { .. }), "{error:?}");
    }
    assert!(matches!(
        parse_error(&container(&[])),
        KeyError::NoPrivateKey { .. }
    ));
}

#[test]
fn long_texts_are_scanned_in_linear_time() {
    // Each takes minutes if a scan restarts at every position.
    for text in [
        "-".repeat(250_000),
        "\u{2014}".repeat(80_000),
        "-----[REPLACE THIS]".repeat(13_000),
        "LS0tLS1CRUdJTi".repeat(18_000),
        "LS0tLS1CRUdJTi ".repeat(17_000),
        "LS0tLS1CRUdJTi:".repeat(17_000),
        "BEGIN%20%".repeat(28_000),
        format!("{{\"keys\":[{}", "{\"kty\":\"RSA\"},".repeat(16_000)),
        format!("{{\"kty\":{}", "[".repeat(250_000)),
    ] {
        assert!(inspect(&text).is_err());
    }
}
