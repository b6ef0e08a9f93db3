//! Parses PEM blocks in cleaned text (RFC 7468, and RFC 1421 headers for OpenSSL's traditional encryption).

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::{
    Block, Value,
    clean::{Text, find, line_ends},
    der_block, outer_length,
};
use crate::{ForeignForm, KeyError, error::Damage, protection::DekInfo};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const HYPHENS: &[u8] = b"-----";

/// Returns all blocks in order.
pub(super) fn blocks(text: &Text) -> Result<Vec<Block>, KeyError> {
    let mut cursor = Cursor {
        rest: text.bytes(),
        line: 1,
    };
    let mut blocks = Vec::new();
    while let Some(before) = cursor.take_to(BEGIN) {
        if find(before, END).is_some() {
            return Err(damaged(cursor.line, Damage::MissingBegin));
        }
        blocks.push(block(&mut cursor)?);
    }
    match cursor.take_to(END) {
        None if !blocks.is_empty() => Ok(blocks),
        Some(before) if find(before, b"BEGIN ").is_none() => Err(damaged(cursor.line, Damage::MissingBegin)),
        _ => Err(damaged(bad_boundary_line(text), Damage::BadBoundary)),
    }
}

/// Returns the line of the first BEGIN, which lacks its five hyphens.
fn bad_boundary_line(text: &Text) -> usize {
    let before = find(text.bytes(), b"BEGIN ").and_then(|position| text.bytes().get(..position));
    1 + line_ends(before.unwrap_or_default())
}

fn damaged(line: usize, damage: Damage) -> KeyError {
    KeyError::Damaged {
        line: Some(line),
        damage,
    }
}

/// The unread text and the number of its first line.
struct Cursor<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Cursor<'a> {
    /// Returns the text before `needle` and moves past it; does not move if there is none.
    fn take_to(&mut self, needle: &[u8]) -> Option<&'a [u8]> {
        let before = self.rest.get(..find(self.rest, needle)?)?;
        self.skip(before.len() + needle.len());
        Some(before)
    }

    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.line += line_ends(skipped);
        self.rest = rest;
    }

    /// Takes the rest of a boundary line and returns its label.
    fn label(&mut self) -> Result<&'a [u8], KeyError> {
        let line = self.line;
        let label = self
            .take_to(HYPHENS)
            .ok_or_else(|| damaged(line, Damage::BadBoundary))?;
        if label.contains(&b'\n') {
            return Err(damaged(line, Damage::BadBoundary));
        }
        Ok(label.trim_ascii())
    }
}

/// Parses one block; the cursor is just past `-----BEGIN `.
fn block(cursor: &mut Cursor<'_>) -> Result<Block, KeyError> {
    let begin = cursor.line;
    let label = cursor.label()?;
    let body_line = cursor.line;
    let body = cursor
        .take_to(END)
        .ok_or_else(|| damaged(begin, Damage::MissingEnd))?;
    if find(body, BEGIN).is_some() {
        return Err(damaged(begin, Damage::MissingEnd));
    }
    let end = cursor.line;
    if cursor.label()? != label {
        return Err(damaged(end, Damage::LabelMismatch));
    }
    if let Some(found) = foreign(label) {
        return Ok(Block {
            line: Some(begin),
            value: Value::Foreign(found),
        });
    }
    let body = Body::read(body, body_line)?;
    let data = body.decode(end)?;
    match body.dek {
        Some(dek) => Ok(Block {
            line: Some(body.last_line),
            value: Value::Traditional {
                dek,
                ciphertext: data.to_vec(),
            },
        }),
        None => der_block(without_trust(data, label), Some(body.last_line)),
    }
}

/// Removes the trust settings that OpenSSL appends to a `TRUSTED CERTIFICATE`.
fn without_trust(mut data: Zeroizing<Vec<u8>>, label: &[u8]) -> Zeroizing<Vec<u8>> {
    if let (b"TRUSTED CERTIFICATE", Some(length)) = (label, outer_length(&data)) {
        data.truncate(length);
    }
    data
}

fn foreign(label: &[u8]) -> Option<ForeignForm> {
    match label {
        b"OPENSSH PRIVATE KEY" => Some(ForeignForm::OpenSshPrivateKey),
        b"PKCS7" | b"CMS" | b"PKCS #7 SIGNED DATA" => Some(ForeignForm::Pkcs7),
        b"X509 CRL" => Some(ForeignForm::RevocationList),
        _ if label.ends_with(b"PARAMETERS") => Some(ForeignForm::Parameters),
        _ if label.starts_with(b"PGP ") => Some(ForeignForm::Pgp),
        _ => None,
    }
}

/// The contents between BEGIN and END.
struct Body {
    dek: Option<DekInfo>,
    base64: Zeroizing<Vec<u8>>,
    last_line: usize,
}

impl Body {
    fn read(body: &[u8], first_line: usize) -> Result<Self, KeyError> {
        let mut read = Self {
            dek: None,
            base64: Zeroizing::new(Vec::with_capacity(body.len())),
            last_line: first_line,
        };
        let mut encrypted = None;
        for (line, number) in body.split(|byte| *byte == b'\n').zip(first_line..) {
            let mut tokens = line
                .split(u8::is_ascii_whitespace)
                .filter(|token| !token.is_empty())
                .peekable();
            while let Some(token) = tokens.next() {
                let Some(colon) = token.iter().position(|byte| *byte == b':') else {
                    read.append(token, number)?;
                    continue;
                };
                // If line ends were lost, headers and base64 share one line, so the value of a known header
                // is one token.
                let (name, value) = token.split_at(colon);
                let value = match value.get(1..) {
                    Some(value) if !value.is_empty() => value,
                    _ => tokens.next().unwrap_or_default(),
                };
                match name {
                    b"Proc-Type" if value == b"4,ENCRYPTED" => encrypted = Some(number),
                    b"DEK-Info" => {
                        let bad = || damaged(number, Damage::BadHeader("DEK-Info"));
                        read.dek = Some(DekInfo::parse(value).ok_or_else(bad)?);
                    }
                    // The value of any other header is the rest of its line.
                    _ => tokens.by_ref().for_each(drop),
                }
            }
        }
        match encrypted {
            Some(number) if read.dek.is_none() => Err(damaged(number, Damage::BadHeader("DEK-Info"))),
            _ => Ok(read),
        }
    }

    fn append(&mut self, token: &[u8], line: usize) -> Result<(), KeyError> {
        for byte in token {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')) {
                let found = if byte.is_ascii() {
                    char::from(*byte)
                } else {
                    char::REPLACEMENT_CHARACTER
                };
                return Err(damaged(line, Damage::NotBase64(found)));
            }
            if *byte != b'=' && self.base64.last() == Some(&b'=') {
                return Err(damaged(line, Damage::AfterPadding));
            }
            self.base64.push(*byte);
        }
        self.last_line = line;
        Ok(())
    }

    fn decode(&self, end: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if self.base64.is_empty() {
            return Err(damaged(end, Damage::EmptyBlock));
        }
        let mut data = Zeroizing::new(vec![0; self.base64.len()]);
        let length = Base64::decode(self.base64.as_slice(), &mut data)
            .map_err(|_| damaged(self.last_line, Damage::IncompleteBase64))?
            .len();
        data.truncate(length);
        Ok(data)
    }
}
