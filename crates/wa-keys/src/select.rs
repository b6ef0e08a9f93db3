//! From the blocks of an input to the one key that is meant.

use crate::{
    Encryption, ForeignForm, Form, KeyAlgorithm, KeyError, Passphrase, PrivateKey, PublicKey,
    protection::{DekInfo, Scheme, Traditional},
    shape::Shape,
    text::{self, Block, Contents},
};

/// Finds the one public key; a private key anywhere in the input is refused.
pub(crate) fn public_key(input: &[u8]) -> Result<PublicKey, KeyError> {
    let (_, blocks) = text::read(input)?;
    let found = Found::sort(&blocks)?;
    if let Some(private) = found.private.first() {
        return Err(KeyError::PrivateKeyGiven { form: private.form() });
    }
    if let Some(form) = found.foreign.filter(|form| form.is_private()) {
        return Err(KeyError::Foreign { found: form });
    }
    let mut keys = found
        .public
        .iter()
        .map(|(_, shape)| shape.public_bits())
        .collect::<Vec<_>>();
    keys.sort_unstable();
    keys.dedup();
    match (keys.len(), found.public.first()) {
        (0, _) | (_, None) => Err(found.nothing()),
        (1, Some((form, shape))) => from_public_shape(*form, shape),
        (count, _) => Err(KeyError::SeveralKeys { count }),
    }
}

/// Finds the one private key; its own public half or certificates beside it do no harm.
pub(crate) fn private_key(input: &[u8], passphrase: Option<&Passphrase>) -> Result<PrivateKey, KeyError> {
    let (_, blocks) = text::read(input)?;
    let found = Found::sort(&blocks)?;
    let key = match found.private.as_slice() {
        [] => {
            return Err(match found.public.first() {
                Some((form, _)) => KeyError::PublicKeyGiven { form: *form },
                None => found.nothing(),
            });
        }
        [only] => only.open(passphrase)?,
        [first, others @ ..] => same_key(first, others)?,
    };
    // A certificate beside the key may belong to an issuer; a bare public key can only be meant as its half.
    let stranger = found.public.iter().any(|(form, shape)| {
        *form != Form::Certificate && from_public_shape(*form, shape).ok().as_ref() != Some(key.public_key())
    });
    if stranger {
        Err(KeyError::SeveralKeys { count: 2 })
    } else {
        Ok(key)
    }
}

/// Accepts several private keys when all are the same; encrypted ones cannot be compared.
fn same_key(first: &Private<'_>, others: &[Private<'_>]) -> Result<PrivateKey, KeyError> {
    let several = || KeyError::SeveralKeys {
        count: 1 + others.len(),
    };
    if first.form().is_encrypted() {
        return Err(several());
    }
    let key = first.open(None).map_err(|_| several())?;
    let same = |other: &Private<'_>| {
        !other.form().is_encrypted() && other.open(None).is_ok_and(|other| other == key)
    };
    if others.iter().all(same) {
        Ok(key)
    } else {
        Err(several())
    }
}

pub(crate) fn from_public_shape(form: Form, shape: &Shape<'_>) -> Result<PublicKey, KeyError> {
    match shape {
        Shape::Spki(spki) | Shape::Certificate(spki) => PublicKey::from_spki(spki, form),
        Shape::Pkcs1Public(der) => PublicKey::from_pkcs1(der, form),
        Shape::Jwk(key) if key.algorithm == KeyAlgorithm::Rsa => PublicKey::from_pkcs1(&key.pkcs1, form),
        Shape::Jwk(key) => Err(KeyError::NotRsa {
            found: key.algorithm.clone(),
        }),
        _ => Err(KeyError::NotAKey),
    }
}

/// The blocks of an input, by kind.
#[derive(Default)]
struct Found<'a> {
    private: Vec<Private<'a>>,
    public: Vec<(Form, Shape<'a>)>,
    request: bool,
    foreign: Option<ForeignForm>,
}

impl<'a> Found<'a> {
    fn sort(blocks: &'a [Block]) -> Result<Self, KeyError> {
        let mut found = Self::default();
        for block in blocks {
            let shape = match &block.contents {
                Contents::Traditional { dek, ciphertext } => {
                    let sealed = Sealed::Traditional { dek, ciphertext };
                    found.private.push(Private {
                        line: block.line,
                        sealed,
                    });
                    continue;
                }
                Contents::Jwk(key) => Shape::Jwk(key),
                Contents::Foreign(form) => Shape::Foreign(*form),
                Contents::Der(der) => Shape::of(der, block.line)?,
            };
            match shape.form() {
                Ok(form) if form.is_private() => {
                    found.private.push(Private {
                        line: block.line,
                        sealed: Sealed::Shape(form, shape),
                    });
                }
                Ok(Form::CertificateRequest) => found.request = true,
                Ok(form) => found.public.push((form, shape)),
                // A foreign private key outranks what else was found.
                Err(form) if form.is_private() || found.foreign.is_none() => found.foreign = Some(form),
                Err(_) => {}
            }
        }
        Ok(found)
    }

    /// Says why no key is there.
    fn nothing(&self) -> KeyError {
        match self.foreign {
            _ if self.request => KeyError::CertificateRequest,
            Some(found) => KeyError::Foreign { found },
            None => KeyError::NotAKey,
        }
    }
}

/// A private key that is not opened yet.
struct Private<'a> {
    line: Option<usize>,
    sealed: Sealed<'a>,
}

enum Sealed<'a> {
    Traditional { dek: &'a DekInfo, ciphertext: &'a [u8] },
    Shape(Form, Shape<'a>),
}

impl Private<'_> {
    fn form(&self) -> Form {
        match self.sealed {
            Sealed::Traditional { .. } => Form::TraditionalEncryptedPrivateKey,
            Sealed::Shape(form, _) => form,
        }
    }

    fn open(&self, passphrase: Option<&Passphrase>) -> Result<PrivateKey, KeyError> {
        self.sealed
            .open(passphrase, self.form())
            .map_err(|error| error.at_line(self.line))
    }
}

impl Sealed<'_> {
    fn open(&self, passphrase: Option<&Passphrase>, form: Form) -> Result<PrivateKey, KeyError> {
        match self {
            Self::Traditional { dek, ciphertext } => {
                let traditional = Traditional::read(dek)?;
                let der = traditional.open(ciphertext, passphrase)?;
                decrypted(form, &der, traditional.encryption)
            }
            Self::Shape(
                _,
                Shape::EncryptedPkcs8 {
                    algorithm,
                    ciphertext,
                },
            ) => {
                let scheme = Scheme::read(algorithm)?;
                let der = scheme.open(ciphertext, passphrase)?;
                decrypted(form, &der, scheme.encryption)
            }
            Self::Shape(_, Shape::Pkcs12(container)) => match container.open(passphrase)? {
                (der, Some(encryption)) => decrypted(form, &der, encryption),
                (der, None) => from_private_shape(form, &Shape::of(&der, None)?),
            },
            Self::Shape(_, shape) => from_private_shape(form, shape),
        }
    }
}

/// Reads what decryption gave; by chance a wrong passphrase can give sound padding around nonsense.
fn decrypted(form: Form, der: &[u8], encryption: Encryption) -> Result<PrivateKey, KeyError> {
    match Shape::of(der, None) {
        Ok(shape) if matches!(shape.form(), Ok(inner) if inner.is_private() && !inner.is_encrypted()) => {
            from_private_shape(form, &shape)
        }
        _ => Err(KeyError::WrongPassphrase { encryption }),
    }
}

pub(crate) fn from_private_shape(form: Form, shape: &Shape<'_>) -> Result<PrivateKey, KeyError> {
    match (shape.algorithm(), shape) {
        (Some(KeyAlgorithm::Rsa), Shape::Pkcs8 { key: der, .. } | Shape::Pkcs1Private(der)) => {
            PrivateKey::from_pkcs1(der, form)
        }
        (Some(KeyAlgorithm::Rsa), Shape::Jwk(key)) => PrivateKey::from_pkcs1(&key.pkcs1, form),
        (Some(found), _) => Err(KeyError::NotRsa { found }),
        (None, _) => Err(KeyError::Malformed { form }),
    }
}
