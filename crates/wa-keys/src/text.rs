//! Finds the blocks of key data in an input and repairs common damage to its text.
//!
//! It accepts CRLF, byte order marks, UTF-16, blank lines and text around the blocks, blanks at either end of
//! a line, base64 on one line, line ends written as `\n`, quotes around the text, base64 without BEGIN and
//! END lines, URL encoding, the typographic dashes of word processors, the placeholder from Meta's sample,
//! and the values of a Kubernetes Secret.

mod clean;
mod jwk;
mod manifest;
mod pem;
mod repair;

use std::fmt;

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use self::clean::Text;
pub(crate) use self::jwk::Jwk;
use crate::{
    ForeignForm, KeyAlgorithm, KeyError, error::Damage, limits::MAX_INPUT_BYTES, protection::DekInfo,
};

/// The encoding of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// PEM text (RFC 7468).
    Pem,
    /// Binary DER.
    Der,
    /// Base64 of DER or of a PEM text, without BEGIN and END lines.
    BareBase64,
    /// PEM in base64 as a value in a larger text, such as the `data` of a Kubernetes Secret.
    Manifest,
    /// JSON of a JSON Web Key.
    Json,
    /// The encoding of a [`ForeignForm`] that is neither PEM nor DER.
    Foreign,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem => "PEM",
            Self::Der => "DER",
            Self::BareBase64 => "base64 without BEGIN and END lines",
            Self::Manifest => "PEM in base64, as in a Kubernetes Secret",
            Self::Json => "JSON",
            Self::Foreign => "an encoding of its own",
        })
    }
}

/// A value in the input.
pub(crate) struct Block {
    /// The line of its last character for messages; `None` if the input is DER.
    pub(crate) line: Option<usize>,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    /// DER whose outer length is validated.
    Der(Zeroizing<Vec<u8>>),
    /// A DER value in OpenSSL's traditional encryption.
    Traditional {
        dek: DekInfo,
        ciphertext: Vec<u8>,
    },
    /// A JSON Web Key.
    Jwk(Jwk),
    Foreign(ForeignForm),
}

/// Returns the encoding and all blocks of the input, at least one.
pub(crate) fn read(input: &[u8]) -> Result<(Encoding, Vec<Block>), KeyError> {
    if input.len() > MAX_INPUT_BYTES {
        return Err(KeyError::TooLarge {
            bytes: input.len(),
            limit: MAX_INPUT_BYTES,
        });
    }
    if input.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return Err(KeyError::Empty);
    }
    if outer_length(input) == Some(input.len()) {
        return Ok((
            Encoding::Der,
            vec![der_block(Zeroizing::new(input.to_vec()), None)?],
        ));
    }
    let (text, had_placeholder) = repair::repair(clean::clean(input));
    if text.looks_like_pem() {
        let blocks = pem::blocks(&text).map_err(|error| match error {
            // The README of Meta's sample has dots in place of the key.
            KeyError::Damaged {
                line,
                damage: Damage::NotBase64('.'),
            } if had_placeholder => KeyError::Damaged {
                line,
                damage: Damage::Placeholder,
            },
            other => other,
        });
        return Ok((Encoding::Pem, blocks?));
    }
    if let Some(blocks) = jwk::blocks(&text) {
        return Ok((Encoding::Json, blocks?));
    }
    if let Some(found) = ssh_of_another_algorithm(&text) {
        return Err(KeyError::NotRsa { found });
    }
    if let Some(found) = foreign(input, &text) {
        return Ok((
            Encoding::Foreign,
            vec![Block {
                line: None,
                value: Value::Foreign(found),
            }],
        ));
    }
    if let Some(blocks) = bare_base64(&text) {
        return Ok((Encoding::BareBase64, blocks?));
    }
    if let Some(blocks) = manifest::blocks(text.bytes()) {
        return Ok((Encoding::Manifest, blocks?));
    }
    // Text never contains the byte of a long-form DER length here, so this is damaged DER.
    if matches!(input, [0x30, 0x81..=0x84, ..]) {
        return Ok((
            Encoding::Der,
            vec![der_block(Zeroizing::new(input.to_vec()), None)?],
        ));
    }
    Err(KeyError::NotAKey)
}

/// Returns a block of DER after checking that its outer length is exactly that of the data.
fn der_block(der: Zeroizing<Vec<u8>>, line: Option<usize>) -> Result<Block, KeyError> {
    let damage = match outer_length(&der) {
        Some(expected) if expected == der.len() => {
            return Ok(Block {
                line,
                value: Value::Der(der),
            });
        }
        Some(expected) if expected > der.len() => Damage::Truncated {
            expected,
            found: der.len(),
        },
        Some(expected) => Damage::TrailingBytes(der.len() - expected),
        None => Damage::NotDer,
    };
    Err(KeyError::Damaged { line, damage })
}

/// Returns the length in the header of the outer DER SEQUENCE, header included.
fn outer_length(der: &[u8]) -> Option<usize> {
    match *der {
        [0x30, short @ 0..=0x7f, ..] => Some(2 + usize::from(short)),
        [0x30, 0x81, a, ..] => Some(3 + usize::from(a)),
        [0x30, 0x82, a, b, ..] => Some(4 + usize::from(u16::from_be_bytes([a, b]))),
        [0x30, 0x83, a, b, c, ..] => usize::try_from(u32::from_be_bytes([0, a, b, c]))
            .ok()
            .map(|len| 5 + len),
        _ => None,
    }
}

/// Detects SSH public keys of other algorithms, which cannot be converted to RSA keys.
fn ssh_of_another_algorithm(text: &Text) -> Option<KeyAlgorithm> {
    let name = text.bytes().trim_ascii().split(u8::is_ascii_whitespace).next()?;
    match name {
        b"ssh-ed25519" => Some(KeyAlgorithm::Ed25519),
        b"ssh-dss" => Some(KeyAlgorithm::Dsa),
        b"ecdsa-sha2-nistp256" => Some(KeyAlgorithm::Ec(Some("P-256".to_owned()))),
        b"ecdsa-sha2-nistp384" => Some(KeyAlgorithm::Ec(Some("P-384".to_owned()))),
        b"ecdsa-sha2-nistp521" => Some(KeyAlgorithm::Ec(Some("P-521".to_owned()))),
        _ => None,
    }
}

/// Detects foreign formats without PEM boundaries.
fn foreign(input: &[u8], text: &Text) -> Option<ForeignForm> {
    let trimmed = text.bytes().trim_ascii();
    if input.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
        Some(ForeignForm::JavaKeyStore)
    } else if input.starts_with(&[0x30, 0x80, 0x02, 0x01, 0x03, 0x30]) {
        Some(ForeignForm::BerPkcs12)
    } else if trimmed.starts_with(b"PuTTY-User-Key-File-") {
        Some(ForeignForm::PuttyPrivateKey)
    } else if trimmed.starts_with(b"ssh-rsa") {
        Some(ForeignForm::SshPublicKey)
    } else if text.contains(b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY") {
        Some(ForeignForm::SshComPrivateKey)
    } else if text.contains(b"---- BEGIN SSH2") {
        Some(ForeignForm::Rfc4716PublicKey)
    } else {
        None
    }
}

/// Decodes base64 without BEGIN and END lines: of DER, or of a whole PEM text, as deployment tools store it.
fn bare_base64(text: &Text) -> Option<Result<Vec<Block>, KeyError>> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    // Allocated at full size, because a reallocation would leave a copy of the secret in freed memory.
    let mut joined = Zeroizing::new(Vec::with_capacity(text.bytes().len()));
    joined.extend(
        text.bytes()
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'')),
    );
    if !joined.iter().all(is_base64) {
        return None;
    }
    let mut decoded = Zeroizing::new(vec![0; joined.len()]);
    let length = Base64::decode(joined.as_slice(), &mut decoded).ok()?.len();
    decoded.truncate(length);
    let inner = clean::clean(&decoded);
    if inner.looks_like_pem() {
        Some(pem::blocks(&inner))
    } else if outer_length(&decoded).is_some() {
        Some(der_block(decoded, None).map(|block| vec![block]))
    } else {
        None
    }
}
