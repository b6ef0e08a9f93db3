//! Suggestions for a user about an inspected input.

use super::{Inspection, Item, Kind};
use crate::{Action, Advice, Cipher, Encryption, Form, KeyDerivation, KeyError, Prf, Protection};

pub(super) fn of(inspection: &Inspection) -> Vec<Advice> {
    let mut advice: Vec<Advice> = inspection.items.iter().flat_map(of_item).collect();
    advice.extend(inspection.problem().and_then(of_error));
    // A key that is refused cannot be converted.
    if inspection.problem().is_some() {
        advice.retain(|line| line.action() != Some(Action::Convert));
    }
    let mut seen = Vec::new();
    advice.retain(|line| {
        let is_new = !seen.contains(line);
        if is_new {
            seen.push(line.clone());
        }
        is_new
    });
    advice
}

fn of_item(item: &Item) -> Vec<Advice> {
    if let Some(problem) = item.problem() {
        return of_error(problem).into_iter().collect();
    }
    let mut advice = Vec::new();
    match item.kind {
        Kind::Key(Form::Pkcs1PublicKey | Form::PublicJsonWebKey) => advice.push(Advice::new(
            "write it as SPKI (BEGIN PUBLIC KEY), the only format that WhatsApp accepts",
            Some(Action::WritePublicKey),
        )),
        Kind::Key(Form::Certificate) => advice.push(Advice::new(
            "WhatsApp uses only the public key in it, neither its dates nor its issuer",
            None,
        )),
        Kind::Key(Form::Pkcs8PrivateKey | Form::Pkcs1PrivateKey | Form::PrivateJsonWebKey) => {
            advice.push(Advice::new(
                "write a copy that is protected by a passphrase",
                Some(Action::Convert),
            ));
        }
        _ => {}
    }
    if let Some(encryption) = item.encryption() {
        advice.extend(of_encryption(encryption));
    }
    if item.exponent().is_some_and(|exponent| exponent != 65537) {
        advice.push(Advice::new(
            "its public exponent is accepted but unusual; 65537 is the usual one",
            None,
        ));
    }
    advice
}

fn of_error(problem: &KeyError) -> Option<Advice> {
    problem
        .remedy()
        .map(|remedy| Advice::new(remedy, problem.action()))
}

fn of_encryption(encryption: Encryption) -> Option<Advice> {
    let weak = match encryption.derivation {
        KeyDerivation::EvpBytesToKey => "its passphrase can be guessed quickly (one round of MD5)".to_owned(),
        KeyDerivation::Pkcs12 { rounds } => {
            format!("its passphrase can be guessed quickly ({rounds} rounds of SHA-1)")
        }
        KeyDerivation::Pbkdf2 { rounds, .. } if rounds < u64::from(Protection::MIN_ROUNDS) => {
            format!(
                "its passphrase can be guessed quickly ({rounds} rounds; {} are recommended)",
                Protection::MIN_ROUNDS
            )
        }
        _ if encryption.cipher == Cipher::DesEde3Cbc => "3DES is outdated".to_owned(),
        KeyDerivation::Pbkdf2 {
            prf: Prf::HmacSha1, ..
        } => "HMAC-SHA-1 is outdated".to_owned(),
        _ => return None,
    };
    let text = format!("write a better protected copy, because {weak}");
    Some(Advice::new(text, Some(Action::Convert)))
}
