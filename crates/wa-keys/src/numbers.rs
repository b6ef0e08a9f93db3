//! Checks that the numbers of a private key are consistent (RFC 8017 §3.2), without the `rsa` crate.
//!
//! Primality of p and q is tested in [`weak`](crate::weak).

use crypto_bigint::{BoxedUint, ConcatenatingMul as _, NonZero};
use zeroize::Zeroizing;

use crate::error::Relation;

/// The numbers of a two-prime private key, big-endian.
pub(crate) struct Numbers<'a> {
    pub(crate) n: &'a [u8],
    pub(crate) e: &'a [u8],
    pub(crate) d: &'a [u8],
    pub(crate) p: &'a [u8],
    pub(crate) q: &'a [u8],
    pub(crate) dp: &'a [u8],
    pub(crate) dq: &'a [u8],
    pub(crate) qinv: &'a [u8],
}

type Secret = Zeroizing<BoxedUint>;

/// Checks every relation and returns the first that is violated.
pub(crate) fn check(numbers: &Numbers<'_>) -> Result<(), Relation> {
    let n = number(numbers.n);
    let (p, q) = (number(numbers.p), number(numbers.q));
    let in_range =
        |prime: &Secret| is_odd(prime) && prime.bit_width() > 1 && prime.bit_width() < n.bit_width();
    if !in_range(&p) || !in_range(&q) {
        return Err(Relation::Primes);
    }
    if *times(&p, &q) != *n {
        return Err(Relation::Modulus);
    }
    let (p_less_1, q_less_1) = (
        less_one(&p).ok_or(Relation::Primes)?,
        less_one(&q).ok_or(Relation::Primes)?,
    );
    let d = number(numbers.d);
    let product = times(&number(numbers.e), &d);
    if *d >= *n || !is_one(&modulo(&product, &p_less_1)) || !is_one(&modulo(&product, &q_less_1)) {
        return Err(Relation::PrivateExponent);
    }
    if *modulo(&d, &p_less_1) != *number(numbers.dp) {
        return Err(Relation::ExponentP);
    }
    if *modulo(&d, &q_less_1) != *number(numbers.dq) {
        return Err(Relation::ExponentQ);
    }
    let qinv = number(numbers.qinv);
    let modulus = NonZero::new((*p).clone())
        .into_option()
        .map(Zeroizing::new)
        .ok_or(Relation::Primes)?;
    if *qinv >= *p || !is_one(&modulo(&times(&qinv, &q), &modulus)) {
        return Err(Relation::Coefficient);
    }
    Ok(())
}

fn number(bytes: &[u8]) -> Secret {
    Zeroizing::new(BoxedUint::from_be_slice_vartime(bytes))
}

fn times(left: &BoxedUint, right: &BoxedUint) -> Secret {
    Zeroizing::new(left.concatenating_mul(right))
}

fn modulo(value: &BoxedUint, modulus: &NonZero<BoxedUint>) -> Secret {
    Zeroizing::new(value.rem(modulus))
}

fn less_one(value: &BoxedUint) -> Option<Zeroizing<NonZero<BoxedUint>>> {
    NonZero::new(value.wrapping_sub(BoxedUint::one()))
        .into_option()
        .map(Zeroizing::new)
}

fn is_odd(value: &BoxedUint) -> bool {
    value.bit_vartime(0)
}

fn is_one(value: &BoxedUint) -> bool {
    value.is_one().into()
}
