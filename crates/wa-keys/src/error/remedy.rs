//! The remedy for each refusal: a sentence for people, and the kind of action for programs.

use std::borrow::Cow;

use super::{Action, Damage, KeyError, OpenSslSupport, Relation};
use crate::{ForeignForm, KeyAlgorithm};

const GENERATE: &str = "generate a new 2048-bit RSA key";
const WEAK: &str =
    "do not register this key, and replace it wherever it is in use; generate a new key in separate files";

pub(super) fn of(error: &KeyError) -> Option<Cow<'static, str>> {
    let text = match error {
        KeyError::Empty => "check the path, or the variable that should contain the key",
        KeyError::TooLarge { .. } => "use the key file itself, not a bundle",
        KeyError::NotAKey => {
            "a key file starts with -----BEGIN PUBLIC KEY-----, -----BEGIN PRIVATE KEY----- or similar; \
             keep these lines when you copy it"
        }
        KeyError::Foreign { found } => foreign(*found),
        KeyError::Damaged { damage, .. } => damaged(damage),
        KeyError::Malformed { .. } => "copy the key again from its source, or export it again",
        KeyError::NotRsa { found } => match found {
            KeyAlgorithm::RsaPss | KeyAlgorithm::RsaOaep => {
                "WhatsApp needs a plain RSA key (rsaEncryption); generate one"
            }
            _ => "WhatsApp needs an RSA key; generate one",
        },
        KeyError::WrongSize { .. }
        | KeyError::EvenModulus
        | KeyError::BadExponent { .. }
        | KeyError::MultiPrime => GENERATE,
        KeyError::SmallFactor { .. }
        | KeyError::ClosePrimes
        | KeyError::Roca
        | KeyError::UnevenPrimes
        | KeyError::CompositeFactor => WEAK,
        KeyError::NotOnePublicKeyBlock => "write the key as a single PEM block and register that",
        KeyError::PrivateKeyGiven { .. } => "keep it secret, and use its public key",
        KeyError::NoPrivateKey { .. } => "export it again, including its private key",
        KeyError::PublicKeyGiven { .. } => "use the private key file that belongs to it",
        KeyError::CertificateRequest => "extract its public key with OpenSSL",
        KeyError::SeveralKeys { .. } => {
            "copy the intended key into a separate file; in a certificate chain, it is usually in the first \
             certificate"
        }
        KeyError::PassphraseNeeded { .. } => "provide the passphrase of the key",
        KeyError::WrongPassphrase { .. } => "check the passphrase, including trailing spaces and letter case",
        KeyError::EmptyPassphrase => "provide a passphrase, or explicitly write the key unencrypted",
        KeyError::UnsupportedProtection { openssl, .. } => match openssl {
            OpenSslSupport::None => {
                "OpenSSL does not support it either: export the key again from the program that wrote it, as \
                 PKCS#8 with AES-256-CBC"
            }
            OpenSslSupport::Default | OpenSslSupport::Legacy => "re-encrypt it with OpenSSL",
        },
        KeyError::CostTooHigh { .. } => {
            "if you trust the file, re-encrypt it with OpenSSL at the usual cost; this can take minutes"
        }
        KeyError::RoundsOutOfRange { .. } => "leave the rounds at their default of 600000",
        KeyError::InconsistentNumbers { relation } => return Some(inconsistent(*relation)),
        KeyError::Randomness(_) | KeyError::Internal { .. } => return None,
    };
    Some(Cow::Borrowed(text))
}

pub(super) fn action(error: &KeyError) -> Option<Action> {
    match error {
        KeyError::NotRsa { .. }
        | KeyError::WrongSize { .. }
        | KeyError::EvenModulus
        | KeyError::BadExponent { .. }
        | KeyError::MultiPrime
        | KeyError::SmallFactor { .. }
        | KeyError::ClosePrimes
        | KeyError::Roca
        | KeyError::UnevenPrimes
        | KeyError::CompositeFactor
        | KeyError::InconsistentNumbers { .. } => Some(Action::Generate),
        KeyError::NotOnePublicKeyBlock | KeyError::PrivateKeyGiven { .. } => Some(Action::WritePublicKey),
        KeyError::CertificateRequest => Some(Action::ExtractRequestKey),
        KeyError::UnsupportedProtection { openssl, .. } => match openssl {
            OpenSslSupport::None => None,
            OpenSslSupport::Default => Some(Action::Reencrypt { legacy: false }),
            OpenSslSupport::Legacy => Some(Action::Reencrypt { legacy: true }),
        },
        KeyError::CostTooHigh { .. } => Some(Action::Reencrypt { legacy: false }),
        KeyError::Foreign { found } => match found {
            ForeignForm::Pgp => Some(Action::Generate),
            ForeignForm::Parameters | ForeignForm::RevocationList | ForeignForm::SshComPrivateKey => None,
            _ => Some(Action::Export(*found)),
        },
        _ => None,
    }
}

fn foreign(found: ForeignForm) -> &'static str {
    match found {
        ForeignForm::OpenSshPrivateKey => "convert a copy of it with ssh-keygen",
        ForeignForm::SshPublicKey | ForeignForm::Rfc4716PublicKey => "convert it with ssh-keygen",
        ForeignForm::SshComPrivateKey => "export it as PEM (PKCS#8 or PKCS#1) from the program that wrote it",
        ForeignForm::PuttyPrivateKey => "export it with puttygen",
        ForeignForm::BerPkcs12 => "extract the private key with OpenSSL",
        ForeignForm::Pkcs7 => "extract the certificates with OpenSSL",
        ForeignForm::JavaKeyStore => "convert it to PKCS#12 with keytool",
        ForeignForm::Pgp => "OpenPGP keys are not supported; generate an RSA key",
        ForeignForm::Parameters => "use the key itself, not its parameters",
        ForeignForm::RevocationList => "use the certificate or the public key, not a revocation list",
    }
}

fn damaged(damage: &Damage) -> &'static str {
    match damage {
        Damage::BadBoundary => "write the line as in -----BEGIN PUBLIC KEY----- and -----END PUBLIC KEY-----",
        Damage::Placeholder => {
            "replace all of it with your private key, BEGIN and END lines included; remove the lines with \
             [REPLACE THIS]"
        }
        Damage::BadHeader(_) => {
            "an encrypted key of this form needs the lines `Proc-Type: 4,ENCRYPTED` and \
             `DEK-Info: CIPHER,IV`; copy the whole file again"
        }
        Damage::MissingMember(_) => {
            "export the key again with all members: `n` and `e`; for a private key also `d`, `p`, `q`, `dp`, \
             `dq` and `qi`"
        }
        Damage::BadJsonWebKey(_) | Damage::BadMember(_) => "copy the whole key again, from `{` to `}`",
        _ => "copy the whole file again, from the BEGIN line to the END line",
    }
}

fn inconsistent(relation: Relation) -> Cow<'static, str> {
    Cow::Borrowed(match relation {
        Relation::Coefficient | Relation::ExponentP | Relation::ExponentQ => {
            "the file was altered or written by a faulty program; use a backup of it, or generate a new key"
        }
        _ => "the file was altered, or mixes two keys; use a backup of it, or generate a new key",
    })
}
