//! What to do about each refusal.

use std::borrow::Cow;

use super::{Damage, KeyError, Relation};
use crate::{ForeignForm, KeyAlgorithm};

const GENERATE: &str = "make a new key: openssl genrsa -out private.pem 2048";
const WEAK: &str = "do not register this key, and replace it wherever it is in use; make a new key in files of its own: \
     wa keys generate --private new-private.pem --public new-public.pem";
const CONVERT_PRIVATE: &str = "convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000 -in in.pem -out private.pem \
     (OpenSSL 3 needs `-provider legacy -provider default` for RC2, RC4 and single DES)";

pub(super) fn of(error: &KeyError) -> Option<Cow<'static, str>> {
    let text = match error {
        KeyError::Empty => "check the path, or the variable that should hold the key",
        KeyError::TooLarge { .. } => "give the key file itself, not a bundle",
        KeyError::NotAKey => {
            "a key file starts with -----BEGIN PUBLIC KEY-----, -----BEGIN PRIVATE KEY----- or the like; \
             keep these lines when you copy it"
        }
        KeyError::Foreign { found } => foreign(*found),
        KeyError::Damaged { damage, .. } => damaged(damage),
        KeyError::Malformed { .. } => "copy the key again from its source, or export it again with openssl",
        KeyError::NotRsa { found } => match found {
            KeyAlgorithm::RsaPss | KeyAlgorithm::RsaOaep => {
                "WhatsApp needs a plain RSA key (rsaEncryption); make one: openssl genrsa -out private.pem 2048"
            }
            _ => "WhatsApp needs an RSA key; make one: openssl genrsa -out private.pem 2048",
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
        KeyError::NotOnePublicKeyBlock => {
            "write it as one PEM block, and set that: openssl pkey -pubin -in in.pem -pubout -out public.pem"
        }
        KeyError::PrivateKeyGiven { .. } => {
            "keep it secret and give its public half: openssl pkey -in private.pem -pubout -out public.pem"
        }
        KeyError::PublicKeyGiven { .. } => "give the private key file that belongs to it",
        KeyError::CertificateRequest => {
            "take the public key out of it: openssl req -in in.pem -pubkey -noout -out public.pem"
        }
        KeyError::SeveralKeys { .. } => {
            "put the one key that you mean into a file of its own; of a certificate chain, the first: \
             openssl x509 -in in.pem -pubkey -noout -out public.pem"
        }
        KeyError::PassphraseNeeded { .. } => "give the passphrase of the key",
        KeyError::WrongPassphrase { .. } => {
            "check the passphrase (also for a line end or a blank at its end); \
             `openssl pkey -in private.pem -noout` tries it"
        }
        KeyError::EmptyPassphrase => "give a passphrase, or write the key unencrypted on purpose",
        KeyError::UnsupportedProtection { .. } => CONVERT_PRIVATE,
        KeyError::CostTooHigh { .. } => {
            "if you trust the file, convert it with a usual cost: \
             openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000 -in in.pem -out private.pem"
        }
        KeyError::RoundsOutOfRange { .. } => "leave the rounds at their default of 600000",
        KeyError::InconsistentNumbers { relation } => return Some(inconsistent(*relation)),
        KeyError::Randomness(_) | KeyError::Internal { .. } => return None,
    };
    Some(Cow::Borrowed(text))
}

fn foreign(found: ForeignForm) -> &'static str {
    match found {
        ForeignForm::OpenSshPrivateKey => {
            "convert a copy of it: cp in.pem private.pem && ssh-keygen -p -m PKCS8 -f private.pem"
        }
        ForeignForm::SshPublicKey => "convert it: ssh-keygen -e -m PKCS8 -f in.pub > public.pem",
        ForeignForm::PuttyPrivateKey => {
            "convert it: puttygen in.ppk -O private-openssh -o private.pem, then ssh-keygen -p -m PKCS8 -f private.pem"
        }
        ForeignForm::Pkcs12 => "take the key out of it: openssl pkcs12 -in in.p12 -nocerts -out private.pem",
        ForeignForm::Pkcs7 => {
            "take the certificates out of it: openssl pkcs7 -in in.p7b -print_certs -out certificates.pem \
             (add -inform DER if it is binary)"
        }
        ForeignForm::JavaKeyStore => {
            "convert it: keytool -importkeystore -srckeystore in.jks -destkeystore in.p12 -deststoretype PKCS12, \
             then openssl pkcs12 -in in.p12 -nocerts -out private.pem"
        }
        ForeignForm::JsonWebKey => "export the key as PEM (PKCS#8 or SPKI) from the tool that made it",
        ForeignForm::Pgp => {
            "OpenPGP keys do not serve here; make an RSA key: openssl genrsa -out private.pem 2048"
        }
        ForeignForm::Parameters => "give the key itself, not its parameters",
        ForeignForm::RevocationList => "give the certificate or the public key, not a revocation list",
    }
}

fn damaged(damage: &Damage) -> &'static str {
    match damage {
        Damage::BadBoundary => "write the line as in -----BEGIN PUBLIC KEY----- and -----END PUBLIC KEY-----",
        Damage::BadHeader(_) => {
            "an encrypted key of this form needs the lines `Proc-Type: 4,ENCRYPTED` and `DEK-Info: CIPHER,IV`; \
             copy the whole file again"
        }
        _ => "copy the whole file again, from the BEGIN line to the END line",
    }
}

fn inconsistent(relation: Relation) -> Cow<'static, str> {
    Cow::Borrowed(match relation {
        Relation::Coefficient | Relation::ExponentP | Relation::ExponentQ => {
            "the file was altered or written by a faulty program; use a backup of it, or make a new key: \
             openssl genrsa -out private.pem 2048"
        }
        _ => {
            "the file was altered, or mixes two keys (`openssl rsa -check -in private.pem -noout` says the same); \
             use a backup of it, or make a new key: openssl genrsa -out private.pem 2048"
        }
    })
}
