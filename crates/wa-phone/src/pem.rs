//! Reads a public key as WhatsApp's clients read it.

use aws_lc_rs::rsa::PublicEncryptingKey;
use data_encoding::BASE64;

const HEADER: &str = "-----BEGIN PUBLIC KEY-----\n";
const FOOTER: &str = "\n-----END PUBLIC KEY-----";
const BITS: usize = 2048;
/// Longer text is not decoded.
const MAX_CHARS: usize = 8192;

/// Returns the `SubjectPublicKeyInfo` of a PEM block that contains a 2048-bit RSA key.
///
/// Line ends are LF or CRLF; one is allowed after the block. The error quotes no part of the input.
pub(crate) fn spki(pem: &str) -> Result<Vec<u8>, &'static str> {
    if pem.len() > MAX_CHARS {
        return Err("the key has more than 8192 characters");
    }
    let pem = pem.replace("\r\n", "\n");
    let base64: String = pem
        .strip_suffix('\n')
        .unwrap_or(&pem)
        .strip_prefix(HEADER)
        .ok_or("it does not begin with the line -----BEGIN PUBLIC KEY-----")?
        .strip_suffix(FOOTER)
        .ok_or("it does not end with the line -----END PUBLIC KEY-----")?
        .split('\n')
        .collect();
    let spki = BASE64
        .decode(base64.as_bytes())
        .map_err(|_| "its body is not base64")?;
    let key =
        PublicEncryptingKey::from_der(&spki).map_err(|_| "it is not an RSA SubjectPublicKeyInfo in DER")?;
    if key.key_size_bits() != BITS {
        return Err("its modulus is not 2048 bits long");
    }
    Ok(spki)
}
