//! Telling what any file holds, without a passphrase.

mod advice;

use std::fmt;

use der::{Decode as _, Encode as _, asn1::UintRef};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};

use crate::{
    Advice, Encoding, Encryption, Fingerprint, ForeignForm, Form, KeyAlgorithm, KeyError, PublicKey,
    pkcs12::Container,
    protection::{Scheme, Traditional},
    public_key::bit_length,
    select,
    shape::Shape,
    text::{self, Block, Contents},
};

/// Tells what an input holds: every key, certificate and request in it, usable for WhatsApp or not.
///
/// No passphrase is needed and no key is derived from one, so it is quick whatever the file asks for. What an
/// encrypted key holds stays unknown.
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
/// [`KeyError::Malformed`] when nothing can be told, and [`KeyError::NotRsa`] for an SSH key of another algorithm. Whatever else is wrong is in [`Inspection::problem`].
pub fn inspect(input: impl AsRef<[u8]>) -> Result<Inspection, KeyError> {
    let input = input.as_ref();
    let (encoding, blocks) = text::read(input)?;
    let items = blocks.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let rank = |item: &Item| match item.kind {
        Kind::Key(form) if form.is_private() => 0,
        Kind::Key(_) => 1,
        Kind::Foreign(_) => 2,
    };
    let problem = match PublicKey::parse_or_derive(input, None) {
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

/// What an input holds.
#[derive(Debug)]
pub struct Inspection {
    encoding: Encoding,
    items: Vec<Item>,
    main: usize,
    problem: Option<KeyError>,
}

impl Inspection {
    /// Gives how it is written down.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Gives everything that was found, in order; there is at least one.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Gives the item that counts: the first private key, else the first public one, else the first.
    #[expect(
        clippy::indexing_slicing,
        reason = "`inspect` sets `main` below the number of items"
    )]
    pub fn main(&self) -> &Item {
        &self.items[self.main]
    }

    /// Tells whether a private key is in it, encrypted or not.
    pub fn is_private(&self) -> bool {
        self.items.iter().any(|item| item.kind.is_private())
    }

    /// Tells why it is refused wherever a key is read; nothing when it is not, or when only its passphrase is missing.
    ///
    /// Beside what is wrong with the key itself ([`Item::problem`]), that is several keys of which it is unclear which is
    /// meant.
    pub fn problem(&self) -> Option<&KeyError> {
        self.problem.as_ref()
    }

    /// Returns advice for people: how to make the input usable or safer.
    pub fn advice(&self) -> Vec<Advice> {
        advice::of(self)
    }
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A form that this crate reads or refuses by name.
    Key(Form),
    /// A form of another family.
    Foreign(ForeignForm),
}

impl Kind {
    /// Tells whether it holds a private key.
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

/// One key, certificate or request.
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
    /// Gives what it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Gives the algorithm; nothing when it is encrypted or foreign.
    pub fn algorithm(&self) -> Option<&KeyAlgorithm> {
        self.algorithm.as_ref()
    }

    /// Gives the bits of the modulus of an RSA key.
    pub fn bits(&self) -> Option<usize> {
        self.numbers.map(|(bits, _)| bits)
    }

    /// Gives the public exponent of an RSA key, if it fits into 64 bits.
    pub fn exponent(&self) -> Option<u64> {
        self.numbers.and_then(|(_, exponent)| exponent)
    }

    /// Gives how it is encrypted and at which cost; nothing when it is not, or in a way that is not read.
    pub fn encryption(&self) -> Option<Encryption> {
        self.encryption
    }

    /// Gives the fingerprint of the public half; nothing when it is encrypted.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Tells why it does not serve as a key for WhatsApp; nothing when it does, or when it is encrypted.
    pub fn problem(&self) -> Option<&KeyError> {
        self.problem.as_ref()
    }
}

fn item(block: &Block) -> Result<Item, KeyError> {
    let shape = match &block.contents {
        Contents::Der(der) => Shape::of(der, block.line)?,
        Contents::Jwk(key) => Shape::Jwk(key),
        Contents::Foreign(found) => Shape::Foreign(*found),
        Contents::Traditional { dek, .. } => {
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
        None => match container.open(None) {
            // The key is in the open.
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

/// Fingerprint of a public key that WhatsApp would not take, for telling keys apart.
fn unchecked_fingerprint(shape: &Shape<'_>) -> Option<Fingerprint> {
    match shape {
        Shape::Spki(spki) | Shape::Certificate(spki) | Shape::CertificateRequest(spki) => {
            spki.to_der().ok().map(|der| Fingerprint::of_spki_der(&der))
        }
        _ => None,
    }
}

/// Bits of the modulus and public exponent of an RSA key, sound or not.
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
