//! Well-formed but weak keys are refused, as private and as public keys, with a remedy.

use wa_keys::{KeyError, PrivateKey, PublicKey, inspect};

use crate::support::*;

type Check = fn(&KeyError) -> bool;

fn factor(expected: u32, error: &KeyError) -> bool {
    matches!(error, KeyError::SmallFactor { factor } if *factor == expected)
}

/// The keys whose weakness can be detected in the modulus.
const PUBLIC: [(&str, Check); 6] = [
    ("factor-3", |e| factor(3, e)),
    ("factor-8191", |e| factor(8191, e)),
    ("all-ones", |e| factor(3, e)),
    ("next-prime", |e| matches!(e, KeyError::ClosePrimes)),
    ("close-primes", |e| matches!(e, KeyError::ClosePrimes)),
    ("roca", |e| matches!(e, KeyError::Roca)),
];

/// The keys whose weakness can be detected only in the private key.
const PRIVATE: [(&str, Check); 3] = [
    ("near-primes", |e| matches!(e, KeyError::ClosePrimes)),
    ("composite-factor", |e| matches!(e, KeyError::CompositeFactor)),
    ("uneven-primes", |e| matches!(e, KeyError::UnevenPrimes)),
];

fn refused(name: &str, error: &KeyError, is_right: Check) {
    assert!(is_right(error), "{name}: {error:?}");
    let remedy = error.remedy().unwrap();
    assert!(remedy.contains("do not register this key"), "{name}: {remedy}");
    assert_eq!(error.action(), Some(wa_keys::Action::Generate), "{name}");
}

#[test]
fn weak_public_keys_are_refused() {
    for (name, is_right) in PUBLIC {
        let input = data(&format!("weak/{name}-public.pem"));
        refused(name, &PublicKey::parse(&input).unwrap_err(), is_right);
        let inspection = inspect(&input).unwrap();
        refused(name, inspection.problem().unwrap(), is_right);
        assert_eq!(inspection.main().bits(), Some(2048), "{name}");
    }
}

#[test]
fn weak_private_keys_are_refused() {
    for (name, is_right) in PUBLIC.into_iter().chain(PRIVATE) {
        let input = data(&format!("weak/{name}.pem"));
        refused(name, &PrivateKey::parse(&input, None).unwrap_err(), is_right);
        refused(
            name,
            &PublicKey::parse_or_derive(&input, None).unwrap_err(),
            is_right,
        );
        refused(name, inspect(&input).unwrap().problem().unwrap(), is_right);
    }
}

#[test]
fn some_weaknesses_cannot_be_detected_in_the_public_key() {
    for (name, _) in PRIVATE {
        assert!(
            PublicKey::parse(data(&format!("weak/{name}-public.pem"))).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn a_damaged_private_key_is_reported_as_damaged_before_its_factors_are_searched() {
    let mut numbers = numbers(&data("openssl/pkcs1.der"));
    // A changed modulus that is divisible by 3.
    let modulus = (0..3)
        .map(|step| {
            let mut changed = numbers[1].clone();
            changed[100] = changed[100].wrapping_add(step);
            changed
        })
        .find(|n| n.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % 3) == 0)
        .unwrap();
    assert!(factor(
        3,
        &PublicKey::parse(spki(&modulus, &[1, 0, 1])).unwrap_err()
    ));
    numbers[1] = modulus;
    assert!(matches!(
        PrivateKey::parse(pkcs1(&numbers), None),
        Err(KeyError::InconsistentNumbers { .. })
    ));
}

#[test]
fn arbitrary_moduli_are_refused_for_their_smallest_factor() {
    let all_ones = [0xff; 256];
    assert!(factor(
        3,
        &PublicKey::parse(spki(&all_ones, &[1, 0, 1])).unwrap_err()
    ));
    let mut even = all_ones;
    even[255] = 0xfe;
    assert!(matches!(
        PublicKey::parse(spki(&even, &[1, 0, 1])),
        Err(KeyError::EvenModulus)
    ));
}
