//! Identifies a DER value by its structure alone, because PEM labels and file names may be wrong.

use der::{
    Decode as _, Reader as _, SliceReader, Tag, Tagged as _,
    asn1::{AnyRef, ObjectIdentifier, OctetStringRef},
};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::{
    ForeignForm, Form, KeyAlgorithm, KeyError, algorithm, error::Damage, pkcs12::Container, text::Jwk,
};

/// The common prefix of `pkcs7-data` and the other content types of RFC 5652.
const PKCS7_PREFIX: &str = "1.2.840.113549.1.7.";

/// A DER value whose outer structure is known.
pub(crate) enum Shape<'a> {
    Spki(SubjectPublicKeyInfoRef<'a>),
    Pkcs1Public(&'a [u8]),
    Certificate(SubjectPublicKeyInfoRef<'a>),
    CertificateRequest(SubjectPublicKeyInfoRef<'a>),
    Pkcs8 {
        algorithm: AlgorithmIdentifierRef<'a>,
        key: &'a [u8],
    },
    Pkcs1Private(&'a [u8]),
    EncryptedPkcs8 {
        algorithm: AlgorithmIdentifierRef<'a>,
        ciphertext: &'a [u8],
    },
    Ec(Option<String>),
    Pkcs12(Container<'a>),
    Dsa,
    Jwk(&'a Jwk),
    Foreign(ForeignForm),
}

impl<'a> Shape<'a> {
    /// Identifies a value whose outer length is already validated.
    pub(crate) fn of(der: &'a [u8], line: Option<usize>) -> Result<Self, KeyError> {
        let not_der = || KeyError::Damaged {
            line,
            damage: Damage::NotDer,
        };
        let members = members(der).map_err(|_| not_der())?;
        let tags: Vec<Tag> = members.iter().map(AnyRef::tag).collect();
        let malformed = |form| move |_: der::Error| KeyError::Malformed { form };
        match (tags.as_slice(), members.as_slice()) {
            ([Tag::Sequence, Tag::BitString], _) => SubjectPublicKeyInfoRef::from_der(der)
                .map(Self::Spki)
                .map_err(malformed(Form::SpkiPublicKey)),
            ([Tag::Sequence, Tag::OctetString], [algorithm, ciphertext]) => {
                encrypted_pkcs8(*algorithm, *ciphertext).map_err(malformed(Form::EncryptedPkcs8PrivateKey))
            }
            ([Tag::Sequence, Tag::Sequence, Tag::BitString], [signed, ..]) => signed_shape(*signed),
            ([Tag::Integer, Tag::Integer], _) => Ok(Self::Pkcs1Public(der)),
            ([Tag::Integer, Tag::Sequence, Tag::OctetString, ..], [_, algorithm, key, ..]) => {
                pkcs8(*algorithm, *key).map_err(malformed(Form::Pkcs8PrivateKey))
            }
            ([Tag::Integer, Tag::OctetString, ..], _) => Ok(Self::Ec(sec1_curve(&members))),
            ([Tag::Integer, Tag::Sequence, ..], [_, contents, ..]) => Container::read(*contents)
                .map(Self::Pkcs12)
                .map_err(malformed(Form::Pkcs12)),
            ([Tag::ObjectIdentifier, ..], [kind, ..]) if is_pkcs7(*kind) => {
                Ok(Self::Foreign(ForeignForm::Pkcs7))
            }
            (integers, _) if integers.iter().take(9).all(|tag| *tag == Tag::Integer) => {
                match integers.len() {
                    6 => Ok(Self::Dsa),
                    9.. => Ok(Self::Pkcs1Private(der)),
                    _ => Err(not_der()),
                }
            }
            _ => Err(not_der()),
        }
    }

    /// Returns the format, or the foreign format as the error.
    pub(crate) fn form(&self) -> Result<Form, ForeignForm> {
        Ok(match self {
            Self::Spki(_) => Form::SpkiPublicKey,
            Self::Pkcs1Public(_) => Form::Pkcs1PublicKey,
            Self::Certificate(_) => Form::Certificate,
            Self::CertificateRequest(_) => Form::CertificateRequest,
            Self::Pkcs8 { .. } => Form::Pkcs8PrivateKey,
            Self::Pkcs1Private(_) => Form::Pkcs1PrivateKey,
            Self::EncryptedPkcs8 { .. } => Form::EncryptedPkcs8PrivateKey,
            Self::Ec(_) => Form::EcPrivateKey,
            Self::Pkcs12(_) => Form::Pkcs12,
            Self::Dsa => Form::DsaPrivateKey,
            Self::Jwk(key) => key.form,
            Self::Foreign(found) => return Err(*found),
        })
    }

    /// Returns the bits of the public key for comparison; empty if there is no unencrypted public key.
    pub(crate) fn public_bits(&self) -> &'a [u8] {
        match self {
            Self::Spki(spki) | Self::Certificate(spki) | Self::CertificateRequest(spki) => {
                spki.subject_public_key.raw_bytes()
            }
            Self::Pkcs1Public(der) => der,
            Self::Jwk(key) => &key.pkcs1,
            _ => &[],
        }
    }

    /// Returns the algorithm of the key, if the structure contains it.
    pub(crate) fn algorithm(&self) -> Option<KeyAlgorithm> {
        match self {
            Self::Spki(spki) | Self::Certificate(spki) | Self::CertificateRequest(spki) => {
                Some(KeyAlgorithm::of(&spki.algorithm))
            }
            Self::Pkcs8 { algorithm, .. } => Some(KeyAlgorithm::of(algorithm)),
            Self::Pkcs1Public(_) | Self::Pkcs1Private(_) => Some(KeyAlgorithm::Rsa),
            Self::Ec(curve) => Some(KeyAlgorithm::Ec(curve.clone())),
            Self::Dsa => Some(KeyAlgorithm::Dsa),
            Self::Jwk(key) => Some(key.algorithm.clone()),
            Self::EncryptedPkcs8 { .. } | Self::Pkcs12(_) | Self::Foreign(_) => None,
        }
    }
}

fn members(sequence: &[u8]) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(sequence)?;
    let outer = AnyRef::decode(&mut reader)?;
    reader.finish()?;
    members_of(outer)
}

pub(crate) fn members_of(sequence: AnyRef<'_>) -> der::Result<Vec<AnyRef<'_>>> {
    sequence.sequence(|reader| {
        let mut members = Vec::new();
        while !reader.is_finished() {
            members.push(AnyRef::decode(reader)?);
        }
        Ok(members)
    })
}

fn pkcs8<'a>(algorithm: AnyRef<'a>, key: AnyRef<'a>) -> der::Result<Shape<'a>> {
    Ok(Shape::Pkcs8 {
        algorithm: algorithm.decode_as()?,
        key: key.decode_as::<&OctetStringRef>()?.as_bytes(),
    })
}

fn encrypted_pkcs8<'a>(algorithm: AnyRef<'a>, ciphertext: AnyRef<'a>) -> der::Result<Shape<'a>> {
    Ok(Shape::EncryptedPkcs8 {
        algorithm: algorithm.decode_as()?,
        ciphertext: ciphertext.decode_as::<&OctetStringRef>()?.as_bytes(),
    })
}

/// Distinguishes certificates (RFC 5280 §4.1) from requests (RFC 2986 §4.1) and extracts the public key.
///
/// Signature, validity and names are ignored: only the key matters here.
fn signed_shape(signed: AnyRef<'_>) -> Result<Shape<'_>, KeyError> {
    let malformed = |form| KeyError::Malformed { form };
    let members = members_of(signed).map_err(|_| malformed(Form::Certificate))?;
    let unversioned = match members.as_slice() {
        [version, rest @ ..] if version.tag() != Tag::Integer => rest,
        all => all,
    };
    match unversioned {
        // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, …
        [_, _, _, _, _, key, ..] => match key.decode_as() {
            Ok(spki) => Ok(Shape::Certificate(spki)),
            Err(_) => Err(malformed(Form::Certificate)),
        },
        // version, subject, subjectPKInfo, attributes
        [_, _, key, ..] => match key.decode_as() {
            Ok(spki) => Ok(Shape::CertificateRequest(spki)),
            Err(_) => Err(malformed(Form::CertificateRequest)),
        },
        _ => Err(malformed(Form::Certificate)),
    }
}

/// Returns the curve in the `[0]` parameters of an `ECPrivateKey` (RFC 5915 §3).
fn sec1_curve(members: &[AnyRef<'_>]) -> Option<String> {
    let parameters = members
        .iter()
        .find(|member| matches!(member.tag(), Tag::ContextSpecific { number, .. } if number.value() == 0))?;
    ObjectIdentifier::from_der(parameters.value())
        .ok()
        .map(algorithm::curve_name)
}

fn is_pkcs7(kind: AnyRef<'_>) -> bool {
    kind.decode_as::<ObjectIdentifier>()
        .is_ok_and(|oid| oid.to_string().starts_with(PKCS7_PREFIX))
}
