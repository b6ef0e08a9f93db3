//! Validates an uploaded public key as Graph does, with a strict PEM parser.

use aws_lc_rs::rsa::PublicEncryptingKey;
use data_encoding::BASE64;

/// The most characters of an uploaded key (AWS End User Messaging Social documents this limit).
const MAX_CHARS: usize = 8192;
/// The longest line that OpenSSL's own PEM parser documents to accept.
const MAX_LINE: usize = 76;
/// The length of the lines that OpenSSL writes.
const USUAL_LINE: usize = 64;
const HEADER: &str = "-----BEGIN PUBLIC KEY-----\n";
const FOOTER: &str = "\n-----END PUBLIC KEY-----";
/// `rsaEncryption` with its NULL parameters (RFC 8017 §A.1), as the whole `AlgorithmIdentifier`.
const RSA_ALGORITHM: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// A key that Graph accepts.
#[derive(Debug)]
pub(crate) struct CheckedKey {
    /// The text with LF line ends.
    pub(crate) pem: String,
    /// The `SubjectPublicKeyInfo`.
    pub(crate) der: Vec<u8>,
}

/// Returns the usual PEM text of a `SubjectPublicKeyInfo`: lines of 64 characters, a line end after the
/// block.
pub(crate) fn encode(der: &[u8]) -> String {
    let base64 = BASE64.encode(der);
    let mut pem = String::from(HEADER);
    let mut rest = base64.as_str();
    while rest.len() > USUAL_LINE {
        let (line, after) = rest.split_at(USUAL_LINE);
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(rest);
    pem.push_str(FOOTER);
    pem.push('\n');
    pem
}

/// Validates a key as WhatsApp's clients need it (Meta, *WhatsApp Business encryption* guide; Cloud API error
/// 100): an SPKI header, real newlines, 2048-bit RSA, nothing around the block.
///
/// The error describes the fault and quotes no part of the input.
pub(crate) fn check(text: &str) -> Result<CheckedKey, &'static str> {
    if text.chars().count() > MAX_CHARS {
        return Err("the key has more than 8192 characters");
    }
    // A browser's FormData sends every newline of a field as CRLF, so CRLF is a valid newline.
    let pem = text.replace("\r\n", "\n");
    let der = decode(&pem)?;
    check_rsa_2048(&der)?;
    // The structure is valid; the library checks the numbers, for example that the modulus is odd.
    PublicEncryptingKey::from_der(&der).map_err(|_| "its numbers do not form an RSA key")?;
    Ok(CheckedKey { pem, der })
}

fn decode(pem: &str) -> Result<Vec<u8>, &'static str> {
    let block = pem.strip_suffix('\n').unwrap_or(pem);
    let body = block
        .strip_prefix(HEADER)
        .ok_or("it does not begin with the line -----BEGIN PUBLIC KEY-----")?
        .strip_suffix(FOOTER)
        .ok_or("it does not end with the line -----END PUBLIC KEY-----")?;
    if body.lines().any(|line| line.is_empty() || line.len() > MAX_LINE) {
        return Err("its base64 lines are empty or longer than 76 characters");
    }
    let base64: String = body.split('\n').collect();
    BASE64
        .decode(base64.as_bytes())
        .map_err(|_| "its body is not base64")
}

fn check_rsa_2048(spki: &[u8]) -> Result<(), &'static str> {
    const NOT_DER: &str = "it is not an RSA SubjectPublicKeyInfo in DER";
    let (spki, rest) = element(0x30, spki).ok_or(NOT_DER)?;
    let bits = spki.strip_prefix(RSA_ALGORITHM).ok_or(NOT_DER)?;
    let (bits, after) = element(0x03, bits).ok_or(NOT_DER)?;
    let key = bits.strip_prefix(&[0]).ok_or(NOT_DER)?;
    let (key, after_key) = element(0x30, key).ok_or(NOT_DER)?;
    let (modulus, exponent) = element(0x02, key).ok_or(NOT_DER)?;
    let (exponent, after_exponent) = element(0x02, exponent).ok_or(NOT_DER)?;
    if ![rest, after, after_key, after_exponent]
        .iter()
        .all(|tail| tail.is_empty())
    {
        return Err(NOT_DER);
    }
    // Exactly 2048 bits: a zero byte that makes the integer positive, then 256 bytes with the top bit set.
    match modulus {
        [0, first, ..] if modulus.len() == 257 && *first >= 0x80 => {}
        _ => return Err("its modulus is not 2048 bits long"),
    }
    match exponent {
        // Positive, odd, greater than one, and as short as DER requires.
        [0x01..0x80, ..] if exponent != [1] && exponent.last().is_some_and(|last| last % 2 == 1) => Ok(()),
        _ => Err("its public exponent is not valid"),
    }
}

/// Reads one DER element with `tag`: returns its content, and the bytes after it.
fn element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = input.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&length, rest) = rest.split_first()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    // DER requires the shortest form of a length.
    let shortest = match first {
        0x81 => length >= 0x80,
        0x82 => length >= 0x100,
        _ => true,
    };
    if shortest {
        rest.split_at_checked(length)
    } else {
        None
    }
}
