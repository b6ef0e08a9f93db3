//! Test data, and a small DER encoder that can produce malicious values.

use std::{fs, path::Path};

pub(crate) const PASSPHRASE: &str = "correct horse";

pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn text(name: &str) -> String {
    String::from_utf8(data(name)).unwrap()
}

pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match value.len() {
        short @ 0..=0x7f => out.push(u8::try_from(short).unwrap()),
        medium @ 0x80..=0xff => out.extend([0x81, u8::try_from(medium).unwrap()]),
        long => {
            out.push(0x82);
            out.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    out.extend(value);
    out
}

pub(crate) fn sequence(members: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &members.concat())
}

pub(crate) fn octets(value: &[u8]) -> Vec<u8> {
    tlv(0x04, value)
}

/// A non-negative INTEGER.
pub(crate) fn integer(big_endian: &[u8]) -> Vec<u8> {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    let mut value = big_endian[zeros..].to_vec();
    if value.first().is_none_or(|first| *first >= 0x80) {
        value.insert(0, 0);
    }
    tlv(0x02, &value)
}

pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut value = Vec::new();
    for arc in std::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let digits = (1..10).find(|digits| arc >> (7 * digits) == 0).unwrap();
        for i in (0..digits).rev() {
            let digit = u8::try_from(arc >> (7 * i) & 0x7f).unwrap();
            value.push(if i == 0 { digit } else { digit | 0x80 });
        }
    }
    tlv(0x06, &value)
}

pub(crate) fn null() -> Vec<u8> {
    vec![0x05, 0x00]
}

/// Returns the nine INTEGERs of a PKCS#1 private key.
pub(crate) fn numbers(pkcs1: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = value(pkcs1).0;
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        let (number, tail) = value(rest);
        numbers.push(number.to_vec());
        rest = tail;
    }
    numbers
}

/// Returns the value of the first TLV and the bytes after it.
fn value(der: &[u8]) -> (&[u8], &[u8]) {
    let (start, length) = match der[1] {
        0x82 => (4, usize::from(u16::from_be_bytes([der[2], der[3]]))),
        0x81 => (3, usize::from(der[2])),
        short => (2, usize::from(short)),
    };
    (&der[start..start + length], &der[start + length..])
}

/// Returns the PKCS#1 key in a PKCS#8 key.
pub(crate) fn inner(pkcs8: &[u8]) -> Vec<u8> {
    let members = value(pkcs8).0;
    let (_version, rest) = value(members);
    let (_algorithm, rest) = value(rest);
    value(rest).0.to_vec()
}

pub(crate) fn pkcs1(numbers: &[Vec<u8>]) -> Vec<u8> {
    sequence(&numbers.iter().map(|number| integer(number)).collect::<Vec<_>>())
}

/// Returns an SPKI with this modulus and exponent.
pub(crate) fn spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = sequence(&[integer(modulus), integer(exponent)]);
    let bits = tlv(0x03, &[vec![0], key].concat());
    sequence(&[sequence(&[oid("1.2.840.113549.1.1.1"), null()]), bits])
}

/// Returns an encrypted PKCS#8 key with these key derivation and cipher identifiers.
pub(crate) fn pbes2(derivation: Vec<u8>, cipher: Vec<u8>, ciphertext: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[oid("1.2.840.113549.1.5.13"), sequence(&[derivation, cipher])]);
    sequence(&[algorithm, octets(ciphertext)])
}

pub(crate) fn pbkdf2(salt: &[u8], rounds: &[u8]) -> Vec<u8> {
    let prf = sequence(&[oid("1.2.840.113549.2.9"), null()]);
    sequence(&[
        oid("1.2.840.113549.1.5.12"),
        sequence(&[octets(salt), integer(rounds), prf]),
    ])
}

pub(crate) fn scrypt(n: &[u8], r: &[u8], p: &[u8]) -> Vec<u8> {
    let parameters = sequence(&[octets(b"saltsalt"), integer(n), integer(r), integer(p)]);
    sequence(&[oid("1.3.6.1.4.1.11591.4.11"), parameters])
}

pub(crate) fn aes256(iv: &[u8]) -> Vec<u8> {
    sequence(&[oid("2.16.840.1.101.3.4.1.42"), octets(iv)])
}

pub(crate) fn des3(iv: &[u8]) -> Vec<u8> {
    sequence(&[oid("1.2.840.113549.3.7"), octets(iv)])
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64ct::Encoding as _;

    let base64 = base64ct::Base64::encode_string(der);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
