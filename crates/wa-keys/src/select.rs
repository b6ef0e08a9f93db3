//! Selects the intended key among the blocks of an input.

use crate::{
    Encryption, ForeignForm, Form, KeyAlgorithm, KeyError, Passphrase, PrivateKey, PublicKey,
    protection::{DekInfo, Scheme, Traditional},
    shape::Shape,
    text::{Block, Value},
};

/// Accepts several private keys if all are equal; encrypted keys cannot be compared.
fn same_key(first: &Private<'_>, others: &[Private<'_>]) -> Result<PrivateKey, KeyError> {
    let several = || KeyError::SeveralKeys {
        count: 1 + others.len(),
    };
    if first.form().is_encrypted() {
        return Err(several());
    }
    let key = first.parse(None).map_err(|_| several())?;
    let same = |other: &Private<'_>| {
        !other.form().is_encrypted() && other.parse(None).is_ok_and(|other| other == key)
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

/// The blocks of an input, sorted by kind.
#[derive(Default)]
pub(crate) struct Found<'a> {
    private: Vec<Private<'a>>,
    public: Vec<(Form, Shape<'a>)>,
    request: bool,
    foreign: Option<ForeignForm>,
}

impl<'a> Found<'a> {
    pub(crate) fn sort(blocks: &'a [Block]) -> Result<Self, KeyError> {
        let mut found = Self::default();
        for block in blocks {
            let shape = match &block.value {
                Value::Traditional { dek, ciphertext } => {
                    let source = Source::Traditional { dek, ciphertext };
                    found.private.push(Private {
                        line: block.line,
                        source,
                    });
                    continue;
                }
                Value::Jwk(key) => Shape::Jwk(key),
                Value::Foreign(form) => Shape::Foreign(*form),
                Value::Der(der) => Shape::of(der, block.line)?,
            };
            match shape.form() {
                Ok(form) if form.is_private() => {
                    found.private.push(Private {
                        line: block.line,
                        source: Source::Shape(form, shape),
                    });
                }
                Ok(Form::CertificateRequest) => found.request = true,
                Ok(form) => found.public.push((form, shape)),
                // A foreign private key takes precedence over other foreign formats.
                Err(form) if form.is_private() || found.foreign.is_none() => found.foreign = Some(form),
                Err(_) => {}
            }
        }
        Ok(found)
    }

    /// Returns the only public key; a private key anywhere in the input is an error.
    pub(crate) fn public_key(&self) -> Result<PublicKey, KeyError> {
        if let Some(private) = self.private.first() {
            return Err(KeyError::PrivateKeyGiven { form: private.form() });
        }
        if let Some(form) = self.foreign.filter(|form| form.is_private()) {
            return Err(KeyError::Foreign { found: form });
        }
        let mut keys = self
            .public
            .iter()
            .map(|(_, shape)| shape.public_bits())
            .collect::<Vec<_>>();
        keys.sort_unstable();
        keys.dedup();
        match (keys.len(), self.public.first()) {
            (0, _) | (_, None) => Err(self.no_key()),
            (1, Some((form, shape))) => from_public_shape(*form, shape),
            (count, _) => Err(KeyError::SeveralKeys { count }),
        }
    }

    /// Returns the only private key; its own public half and certificates may be next to it.
    pub(crate) fn private_key(&self, passphrase: Option<&Passphrase>) -> Result<PrivateKey, KeyError> {
        let key = match self.private.as_slice() {
            [] => {
                return Err(match self.public.first() {
                    Some((form, _)) => KeyError::PublicKeyGiven { form: *form },
                    None => self.no_key(),
                });
            }
            [only] => only.parse(passphrase)?,
            [first, others @ ..] => same_key(first, others)?,
        };
        // A certificate may be that of the issuer, but a bare public key must be the public half of the
        // private key.
        let is_unrelated = |(form, shape): &(Form, Shape<'_>)| {
            *form != Form::Certificate
                && from_public_shape(*form, shape).ok().as_ref() != Some(key.public_key())
        };
        if self.public.iter().any(is_unrelated) {
            Err(KeyError::SeveralKeys { count: 2 })
        } else {
            Ok(key)
        }
    }

    /// Returns the only public key, or the public half of the only private key.
    pub(crate) fn public_half(&self, passphrase: Option<&Passphrase>) -> Result<PublicKey, KeyError> {
        if self.has_private_key() {
            let key = self.private_key(passphrase)?;
            Ok(key.public_key().clone())
        } else {
            self.public_key()
        }
    }

    pub(crate) fn has_private_key(&self) -> bool {
        !self.private.is_empty()
    }

    /// Returns true if the only private key can be decrypted, but for its passphrase.
    pub(crate) fn needs_passphrase(&self) -> bool {
        matches!(self.private.as_slice(), [only] if only.source.needs_passphrase())
    }

    /// Returns the error for an input without a key.
    fn no_key(&self) -> KeyError {
        match self.foreign {
            _ if self.request => KeyError::CertificateRequest,
            Some(found) => KeyError::Foreign { found },
            None => KeyError::NotAKey,
        }
    }
}

/// A private key that is not parsed or decrypted yet.
struct Private<'a> {
    line: Option<usize>,
    source: Source<'a>,
}

/// The unparsed format of a private key.
enum Source<'a> {
    Traditional { dek: &'a DekInfo, ciphertext: &'a [u8] },
    Shape(Form, Shape<'a>),
}

impl Private<'_> {
    fn form(&self) -> Form {
        match self.source {
            Source::Traditional { .. } => Form::TraditionalEncryptedPrivateKey,
            Source::Shape(form, _) => form,
        }
    }

    fn parse(&self, passphrase: Option<&Passphrase>) -> Result<PrivateKey, KeyError> {
        self.source
            .parse(passphrase, self.form())
            .map_err(|error| error.at_line(self.line))
    }
}

impl Source<'_> {
    /// Returns true if decryption lacks nothing but a passphrase. Derives no cipher key.
    fn needs_passphrase(&self) -> bool {
        let opened = match self {
            Self::Traditional { dek, ciphertext } => {
                Traditional::read(dek).and_then(|found| found.decrypt(ciphertext, None).map(drop))
            }
            Self::Shape(
                _,
                Shape::EncryptedPkcs8 {
                    algorithm,
                    ciphertext,
                },
            ) => Scheme::read(algorithm).and_then(|found| found.decrypt(ciphertext, None).map(drop)),
            Self::Shape(_, Shape::Pkcs12(container)) => container.decrypt_key(None).map(drop),
            Self::Shape(..) => Ok(()),
        };
        matches!(opened, Err(KeyError::PassphraseNeeded { .. }))
    }

    fn parse(&self, passphrase: Option<&Passphrase>, form: Form) -> Result<PrivateKey, KeyError> {
        match self {
            Self::Traditional { dek, ciphertext } => {
                let traditional = Traditional::read(dek)?;
                let der = traditional.decrypt(ciphertext, passphrase)?;
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
                let der = scheme.decrypt(ciphertext, passphrase)?;
                decrypted(form, &der, scheme.encryption)
            }
            Self::Shape(_, Shape::Pkcs12(container)) => match container.decrypt_key(passphrase)? {
                (der, Some(encryption)) => decrypted(form, &der, encryption),
                (der, None) => from_private_shape(form, &Shape::of(&der, None)?),
            },
            Self::Shape(_, shape) => from_private_shape(form, shape),
        }
    }
}

/// Parses a decrypted value. A wrong passphrase can by chance produce valid padding around random bytes.
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
