//! Describes the contents of any key file without a passphrase.

mod advice;

use std::fmt;

use der::{Decode as _, Encode as _, asn1::UintRef};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};

use crate::{
    Advice, Contents, Encoding, Encryption, Fingerprint, ForeignForm, Form, KeyAlgorithm, KeyError,
    pkcs12::Container,
    protection::{Scheme, Traditional},
    public_key::bit_length,
    select::{self, Found},
    shape::Shape,
    text::{Block, Value},
};

/// Describes every key, certificate and request in an input, whether usable for WhatsApp or not.
///
/// It takes no passphrase and derives no cipher key, so its cost does not depend on the parameters in the
/// file. The contents of an encrypted key remain unknown.
///
/// ```
/// # let text = include_str!("../tests/data/openssl/pkcs1-public.pem");
/// let inspection = wa_keys::inspect(text)?;
/// let key = inspection.main();
/// assert_eq!(key.kind().to_string(), "PKCS#1 public key");
/// assert_eq!((key.bits(), key.exponent()), (Some(2048), Some(65537)));
/// assert!(inspection.problem().is_none());
/// # Ok::<(), wa_keys::KeyError>(())
/// ```
///
/// # Errors
///
/// [`KeyError::Empty`], [`KeyError::TooLarge`], [`KeyError::NotAKey`], [`KeyError::Damaged`] or
/// [`KeyError::Malformed`] if nothing can be recognized, and [`KeyError::NotRsa`] for an SSH key of another
/// algorithm. Every other problem is in [`Inspection::problem`].
pub fn inspect(input: impl AsRef<[u8]>) -> Result<Inspection, KeyError> {
    Contents::read(input)?.inspect()
}

/// Describes blocks that were read in this encoding.
pub(crate) fn describe(encoding: Encoding, blocks: &[Block]) -> Result<Inspection, KeyError> {
    let items = blocks.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let rank = |item: &Item| match item.kind {
        Kind::Key(form) if form.is_private() => 0,
        Kind::Key(_) => 1,
        Kind::Foreign(_) => 2,
    };
    let problem = match Found::sort(blocks).and_then(|found| found.public_half(None)) {
        Ok(_) | Err(KeyError::PassphraseNeeded { .. }) => None,
        Err(problem) => Some(problem),
    };
    let main = (0..items.len()).min_by_key(|index| items.get(*index).map(rank));
    match main {
        Some(main) if main < items.len() => Ok(Inspection {
            encoding,
            items,
            main,
            problem,
        }),
        _ => Err(KeyError::NotAKey),
    }
}

/// A description of the contents of an input.
#[derive(Debug)]
pub struct Inspection {
    encoding: Encoding,
    items: Vec<Item>,
    main: usize,
    problem: Option<KeyError>,
}

impl Inspection {
    /// Returns the encoding of the input.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns all items in their order in the input; there is at least one.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the main item: the first private key, else the first public key, else the first item.
    #[expect(
        clippy::indexing_slicing,
        reason = "`inspect` sets `main` below the number of items"
    )]
    pub fn main(&self) -> &Item {
        &self.items[self.main]
    }

    /// Returns whether the input contains a private key, encrypted or not.
    pub fn is_private(&self) -> bool {
        self.items.iter().any(|item| item.kind.is_private())
    }

    /// Returns the error with which parsing the input fails; `None` if it succeeds or needs only a
    /// passphrase.
    ///
    /// In addition to the problem of a key ([`Item::problem`]), this can be [`KeyError::SeveralKeys`].
    pub fn problem(&self) -> Option<&KeyError> {
        self.problem.as_ref()
    }

    /// Returns suggestions that make the input usable or safer, without duplicates.
    pub fn advice(&self) -> Vec<Advice> {
        advice::of(self)
    }
}

/// The kind of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A format that this crate parses, or refuses for its algorithm or contents.
    Key(Form),
    /// A format that this crate recognizes but does not parse.
    Foreign(ForeignForm),
}

impl Kind {
    /// Returns whether the item contains a private key.
    pub fn is_private(self) -> bool {
        match self {
            Self::Key(form) => form.is_private(),
            Self::Foreign(form) => form.is_private(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(form) => form.fmt(f),
            Self::Foreign(form) => form.fmt(f),
        }
    }
}

/// A key, certificate or request.
#[derive(Debug)]
pub struct Item {
    kind: Kind,
    algorithm: Option<KeyAlgorithm>,
    numbers: Option<(usize, Option<u64>)>,
    encryption: Option<Encryption>,
    fingerprint: Option<Fingerprint>,
    problem: Option<KeyError>,
}

impl Item {
    /// Returns the kind of the item.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the algorithm; `None` if the item is encrypted or foreign.
    pub fn algorithm(&self) -> Option<&KeyAlgorithm> {
        self.algorithm.as_ref()
    }

    /// Returns the length of the modulus of an RSA key in bits.
    pub fn bits(&self) -> Option<usize> {
        self.numbers.map(|(bits, _)| bits)
    }

    /// Returns the public exponent of an RSA key, if it fits into 64 bits.
    pub fn exponent(&self) -> Option<u64> {
        self.numbers.and_then(|(_, exponent)| exponent)
    }

    /// Returns the encryption and its cost; `None` if the item is not encrypted, or with an unsupported
    /// scheme.
    pub fn encryption(&self) -> Option<Encryption> {
        self.encryption
    }

    /// Returns the fingerprint of the public half; `None` if the item is encrypted.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Returns the reason for which WhatsApp cannot use the key; `None` if it can, or if the key is encrypted
    /// with a supported scheme at a cost within [`limits`](crate::limits).
    pub fn problem(&self) -> Option<&KeyError> {
        self.problem.as_ref()
    }
}

fn item(block: &Block) -> Result<Item, KeyError> {
    let shape = match &block.value {
        Value::Der(der) => Shape::of(der, block.line)?,
        Value::Jwk(key) => Shape::Jwk(key),
        Value::Foreign(found) => Shape::Foreign(*found),
        Value::Traditional { dek, .. } => {
            let kind = Kind::Key(Form::TraditionalEncryptedPrivateKey);
            return Ok(encrypted(
                kind,
                Traditional::read(dek)
                    .map(|found| (found.encryption, Ok(())))
                    .map_err(|error| error.at_line(block.line)),
            ));
        }
    };
    Ok(match (shape.form(), &shape) {
        (Err(found), _) => plain(Kind::Foreign(found), &shape, Err(KeyError::Foreign { found })),
        (Ok(form), Shape::EncryptedPkcs8 { algorithm, .. }) => encrypted(
            Kind::Key(form),
            Scheme::read(algorithm).map(|found| (found.encryption, found.check_cost())),
        ),
        (Ok(form), Shape::Pkcs12(container)) => container_item(form, container),
        (Ok(form @ Form::CertificateRequest), _) => {
            plain(Kind::Key(form), &shape, Err(KeyError::CertificateRequest))
        }
        (Ok(form), _) if form.is_private() => {
            let key = select::from_private_shape(form, &shape);
            plain(
                Kind::Key(form),
                &shape,
                key.map(|key| key.public_key().fingerprint()),
            )
        }
        (Ok(form), _) => {
            let key = select::from_public_shape(form, &shape);
            plain(Kind::Key(form), &shape, key.map(|key| key.fingerprint()))
        }
    })
}

fn container_item(form: Form, container: &Container<'_>) -> Item {
    let kind = Kind::Key(form);
    match container.scheme() {
        Some(scheme) => encrypted(kind, scheme.map(|found| (found.encryption, found.check_cost()))),
        None => match container.decrypt_key(None) {
            // The key is not encrypted.
            Ok((der, _)) => match Shape::of(&der, None) {
                Ok(shape) => {
                    let key = select::from_private_shape(form, &shape);
                    plain(kind, &shape, key.map(|key| key.public_key().fingerprint()))
                }
                Err(problem) => encrypted(kind, Err(problem)),
            },
            Err(problem) => encrypted(kind, Err(problem)),
        },
    }
}

fn encrypted(kind: Kind, read: Result<(Encryption, Result<(), KeyError>), KeyError>) -> Item {
    let (encryption, problem) = match read {
        Ok((encryption, cost)) => (Some(encryption), cost.err()),
        Err(problem) => (None, Some(problem)),
    };
    Item {
        kind,
        algorithm: None,
        numbers: None,
        encryption,
        fingerprint: None,
        problem,
    }
}

fn plain(kind: Kind, shape: &Shape<'_>, key: Result<Fingerprint, KeyError>) -> Item {
    let (fingerprint, problem) = match key {
        Ok(fingerprint) => (Some(fingerprint), None),
        Err(problem) => (unchecked_fingerprint(shape), Some(problem)),
    };
    let algorithm = shape.algorithm();
    Item {
        kind,
        numbers: numbers(shape),
        algorithm,
        encryption: None,
        fingerprint,
        problem,
    }
}

/// Returns the fingerprint of a public key that was refused, so that a user can identify it.
fn unchecked_fingerprint(shape: &Shape<'_>) -> Option<Fingerprint> {
    match shape {
        Shape::Spki(spki) | Shape::Certificate(spki) | Shape::CertificateRequest(spki) => {
            spki.to_der().ok().map(|der| Fingerprint::of_spki_der(&der))
        }
        _ => None,
    }
}

/// Returns the length of the modulus in bits and the public exponent of an RSA key, whether valid or not.
fn numbers(shape: &Shape<'_>) -> Option<(usize, Option<u64>)> {
    let measure = |n: UintRef<'_>, e: UintRef<'_>| {
        let bytes = e.as_bytes();
        let exponent =
            (bytes.len() <= 8).then(|| bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
        (bit_length(n.as_bytes()), exponent)
    };
    let of_public = |der| {
        RsaPublicKeyRef::from_der(der)
            .ok()
            .map(|key| measure(key.modulus, key.public_exponent))
    };
    let of_private = |der| {
        RsaPrivateKeyRef::from_der(der)
            .ok()
            .map(|key| measure(key.modulus, key.public_exponent))
    };
    match shape {
        Shape::Spki(spki) | Shape::Certificate(spki) | Shape::CertificateRequest(spki)
            if shape
                .algorithm()
                .is_some_and(|algorithm| algorithm.is_rsa_family()) =>
        {
            of_public(spki.subject_public_key.raw_bytes())
        }
        Shape::Pkcs1Public(der) => of_public(der),
        Shape::Pkcs8 { key, .. }
            if shape
                .algorithm()
                .is_some_and(|algorithm| algorithm.is_rsa_family()) =>
        {
            of_private(key)
        }
        Shape::Pkcs1Private(der) => of_private(der),
        Shape::Jwk(key) if key.form.is_private() => of_private(&key.pkcs1),
        Shape::Jwk(key) => of_public(&key.pkcs1),
        _ => None,
    }
}
