//! Detects well-formed but weak keys, whose private key anyone can compute from the public key.
//!
//! The checks of primality and of the distance of the primes follow FIPS 186-5 (§A.1.1, §A.1.3), the trial
//! division SP 800-89 (§5.3.3, with a higher bound). The checks of a private key take variable time. That is
//! acceptable because they run only when a key is loaded, which no client of an endpoint can trigger or
//! measure.

use std::sync::LazyLock;

use crypto_bigint::{Limb, NonZero, Odd, U1024, U2048};
use crypto_primes::hazmat::MillerRabin;
use zeroize::Zeroizing;

use crate::KeyError;

/// Bytes of a modulus of 2048 bits.
const MODULUS_BYTES: usize = 256;
/// Bits of each prime: FIPS 186-5 §A.1.1 requires half the length of the modulus for both.
const PRIME_BITS: u32 = 1024;
/// The primes must differ by more than 2 to the power of this number (FIPS 186-5 §A.1.3, step 5.4).
const MIN_DISTANCE_BITS: u32 = PRIME_BITS - 100;
/// Miller-Rabin rounds for each prime, with random bases.
///
/// A random composite number passes with a probability below 2⁻⁷⁰ (Damgård, Landrock, Pomerance 1993, for
/// 1024 bits); one that is crafted to pass, with at most 1/16 each time that it is loaded.
const PRIMALITY_ROUNDS: usize = 2;
/// Trial division of the modulus stops at this bound. SP 800-89 requires 752; this costs a tenth of a
/// millisecond.
const SMALL_FACTOR_BOUND: u32 = 8192;
/// Steps of Fermat's method. The first few factor the keys of CVE-2022-26320; `badkeys` also does 100.
const FERMAT_STEPS: usize = 100;

static SMALL_PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let is_prime = |n: u32| {
        (3..)
            .step_by(2)
            .take_while(|divisor| divisor * divisor <= n)
            .all(|divisor| !n.is_multiple_of(divisor))
    };
    (3..SMALL_FACTOR_BOUND)
        .step_by(2)
        .filter(|n| is_prime(*n))
        .collect()
});

/// Returns an error for an odd modulus with small factors, close primes or the form of ROCA.
pub(crate) fn check_modulus(modulus: &[u8]) -> Result<(), KeyError> {
    let modulus: &[u8; MODULUS_BYTES] = modulus
        .try_into()
        .map_err(|_| KeyError::internal("checking a modulus"))?;
    let n = U2048::from_be_slice(modulus);
    if let Some(factor) = small_factor(&n) {
        return Err(KeyError::SmallFactor { factor });
    }
    if has_roca_form(&n) {
        return Err(KeyError::Roca);
    }
    if fermat_factors(&n) {
        return Err(KeyError::ClosePrimes);
    }
    Ok(())
}

/// Returns an error unless the factors of a private key are two primes of 1024 bits that are far apart.
pub(crate) fn check_primes(p: &[u8], q: &[u8]) -> Result<(), KeyError> {
    let (p, q) = (prime_of(p), prime_of(q));
    let (Some(p), Some(q)) = (p, q) else {
        return Err(KeyError::UnevenPrimes);
    };
    let distance = Zeroizing::new(if *p > *q {
        p.wrapping_sub(&q)
    } else {
        q.wrapping_sub(&p)
    });
    if distance.bit_width_vartime() <= MIN_DISTANCE_BITS {
        return Err(KeyError::ClosePrimes);
    }
    if is_prime(&p)? && is_prime(&q)? {
        Ok(())
    } else {
        Err(KeyError::CompositeFactor)
    }
}

fn is_prime(number: &U1024) -> Result<bool, KeyError> {
    let Some(odd) = Odd::new(*number).into_option() else {
        return Ok(false);
    };
    let test = MillerRabin::new(odd);
    for _ in 0..PRIMALITY_ROUNDS {
        let mut base = [0; MODULUS_BYTES / 2];
        getrandom::fill(&mut base).map_err(|error| KeyError::Randomness(Box::new(error)))?;
        // The base is between 2 and 2¹⁰²³, so it is less than the number, which has 1024 bits.
        base[0] &= 0x7f;
        base[MODULUS_BYTES / 2 - 1] |= 2;
        if test.test(&U1024::from_be_slice(&base)).is_composite() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the number if it has exactly 1024 bits.
fn prime_of(bytes: &[u8]) -> Option<Zeroizing<U1024>> {
    let bytes: &[u8; MODULUS_BYTES / 2] = crate::public_key::without_leading_zeros(bytes).try_into().ok()?;
    let number = Zeroizing::new(U1024::from_be_slice(bytes));
    (number.bit_width_vartime() == PRIME_BITS).then_some(number)
}

fn small_factor(n: &U2048) -> Option<u32> {
    SMALL_PRIMES
        .iter()
        .copied()
        .find(|prime| remainder(n, *prime) == Some(0))
}

fn remainder(n: &U2048, divisor: u32) -> Option<u32> {
    let divisor = NonZero::new(Limb::from_u32(divisor)).into_option()?;
    u32::try_from(n.rem_limb(divisor).0).ok()
}

/// Tries Fermat's method: n = a² − b², with a slightly above the square root of n.
///
/// It factors a modulus whose primes differ by less than about 2⁵¹⁶, without any other knowledge.
fn fermat_factors(n: &U2048) -> bool {
    // Wrapping is exact: a² − n is far below 2²⁰⁴⁸ in every step.
    let mut a = n.floor_sqrt_vartime();
    if a.wrapping_mul(&a) == *n {
        return true;
    }
    (0..FERMAT_STEPS).any(|_| {
        a = a.wrapping_add(&U2048::ONE);
        is_square(&a.wrapping_mul(&a).wrapping_sub(n))
    })
}

fn is_square(n: &U2048) -> bool {
    // A square has one of only 44 remainders modulo 256; the root is computed for these alone.
    let low = n.as_limbs().first().map_or(0, |limb| limb.0 & 0xff);
    (0..128).any(|root| (root * root) & 0xff == low) && n.checked_sqrt_vartime().is_some()
}

/// Detects the moduli of the Infineon library (CVE-2017-15361; Nemec, Sys, Svenda, Klinec, Matyas: *The
/// Return of Coppersmith's Attack*, CCS 2017, §3.1).
///
/// Its primes are k·M + (65537ᵃ mod M), where M is a product of the first primes, at least up to 167. So n is
/// a power of 65537 modulo each of these primes, with the same exponent for all. A random n fulfills that
/// with a probability of 2⁻¹⁵⁴, and without the second condition of 2⁻²⁷.
fn has_roca_form(n: &U2048) -> bool {
    let mut exponents: Vec<Exponent> = Vec::new();
    for prime in SMALL_PRIMES.iter().copied().take_while(|prime| *prime <= 167) {
        let Some(exponent) = remainder(n, prime).and_then(|rest| Exponent::of(rest, prime)) else {
            return false;
        };
        if !exponents.iter().all(|other| other.agrees_with(exponent)) {
            return false;
        }
        exponents.push(exponent);
    }
    true
}

/// The exponents x with 65537ˣ ≡ n for one modulus: those that leave `value` modulo `order`.
#[derive(Clone, Copy)]
struct Exponent {
    value: u32,
    order: u32,
}

impl Exponent {
    /// Finds the discrete logarithm by exhaustive search, if there is one.
    fn of(rest: u32, prime: u32) -> Option<Self> {
        let mut value = None;
        let mut power = 1;
        for exponent in 0..prime {
            if exponent > 0 && power == 1 {
                return value.map(|value| Self {
                    value,
                    order: exponent,
                });
            }
            if power == rest {
                value = Some(exponent);
            }
            power = power * (65537 % prime) % prime;
        }
        None
    }

    /// Returns whether one exponent fulfills both conditions (Chinese remainder theorem).
    fn agrees_with(self, other: Self) -> bool {
        let (mut a, mut b) = (self.order, other.order);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        self.value % a == other.value % a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discrete_logarithms_to_base_65537_are_found() {
        // 65537 is 2 modulo 3 and 10 modulo 11, both of order 2, and 3 modulo 7, of order 6.
        let of = |rest, prime| Exponent::of(rest, prime).map(|found| (found.value, found.order));
        assert_eq!(of(1, 3), Some((0, 2)));
        assert_eq!(of(2, 3), Some((1, 2)));
        assert_eq!(of(10, 11), Some((1, 2)));
        assert_eq!(of(2, 11), None);
        assert_eq!(of(6, 7), Some((3, 6)));
        assert_eq!(of(0, 7), None);
    }

    #[test]
    fn roca_form_requires_one_exponent_for_all_primes() {
        let power = |exponent: u32| {
            (0..exponent).fold(U2048::ONE, |power, _| power.wrapping_mul(&U2048::from_u32(65537)))
        };
        // Small powers of 65537 have the form without being the modulus of a key.
        assert!(has_roca_form(&power(100)));
        assert!(has_roca_form(&power(127)));
        assert!(!has_roca_form(&power(100).wrapping_add(&U2048::ONE)));
        let (odd, even) = (Exponent { value: 1, order: 2 }, Exponent { value: 4, order: 6 });
        assert!(!odd.agrees_with(even) && odd.agrees_with(Exponent { value: 3, order: 6 }));
    }

    #[test]
    fn small_primes_are_the_1027_odd_primes_below_the_bound() {
        assert_eq!(SMALL_PRIMES.len(), 1027);
        assert_eq!(SMALL_PRIMES.last(), Some(&8191));
    }
}
