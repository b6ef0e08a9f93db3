//! What to do with an input, for people.

use std::borrow::Cow;

use super::{Inspection, Item, Kind};
use crate::{Cipher, Encryption, Form, KeyDerivation, KeyError, Prf, Protection};

const ENCRYPT: &str = "openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000 -in in.pem -out private.pem";

pub(super) fn of(inspection: &Inspection) -> Vec<Cow<'static, str>> {
    let mut advice: Vec<Cow<'static, str>> = inspection.items.iter().flat_map(of_item).collect();
    advice.extend(inspection.problem().and_then(KeyError::help));
    let mut seen = Vec::new();
    advice.retain(|line| {
        !seen.contains(line) && {
            seen.push(line.clone());
            true
        }
    });
    advice
}

fn of_item(item: &Item) -> Vec<Cow<'static, str>> {
    if let Some(problem) = item.problem() {
        return problem.help().into_iter().collect();
    }
    let mut advice = Vec::new();
    match item.kind {
        Kind::Key(Form::Pkcs1PublicKey) => advice.push(
            "WhatsApp takes the SPKI form (BEGIN PUBLIC KEY) only: openssl rsa -RSAPublicKey_in -in in.pem -pubout \
             -out public.pem"
                .into(),
        ),
        Kind::Key(Form::Certificate) => advice.push(
            "only the public key in it counts for WhatsApp, neither its dates nor its issuer".into(),
        ),
        Kind::Key(Form::Pkcs8PrivateKey | Form::Pkcs1PrivateKey) => {
            advice.push(format!("it is not protected by a passphrase; to protect it: {ENCRYPT}").into());
        }
        _ => {}
    }
    if let Some(encryption) = item.encryption() {
        advice.extend(of_encryption(encryption).map(Cow::Owned));
    }
    if item.exponent().is_some_and(|exponent| exponent != 65537) {
        advice.push("its public exponent is accepted but unusual; 65537 is what everybody expects".into());
    }
    advice
}

fn of_encryption(encryption: Encryption) -> Option<String> {
    let weak = match encryption.derivation {
        KeyDerivation::EvpBytesToKey => "its passphrase can be guessed fast (one round of MD5)".to_owned(),
        KeyDerivation::Pbkdf2 { rounds, .. } if rounds < u64::from(Protection::MIN_ROUNDS) => {
            format!(
                "its passphrase can be guessed fast ({rounds} rounds; {} are advised)",
                Protection::MIN_ROUNDS
            )
        }
        _ if encryption.cipher == Cipher::DesEde3Cbc => "3DES is outdated".to_owned(),
        KeyDerivation::Pbkdf2 {
            prf: Prf::HmacSha1, ..
        } => "HMAC-SHA-1 is outdated".to_owned(),
        _ => return None,
    };
    Some(format!("{weak}; to protect it better: {ENCRYPT}"))
}
