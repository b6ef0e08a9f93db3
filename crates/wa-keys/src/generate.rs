//! Key generation, the only use of the `rsa` crate.

use getrandom::SysRng;
use rsa::{
    rand_core::UnwrapErr,
    traits::{PrivateKeyParts as _, PublicKeyParts as _},
};
use zeroize::Zeroizing;

use crate::{KeyError, PrivateKey, numbers::Numbers};

impl PrivateKey {
    /// Generates a key with 2048 bits and exponent 65537 from the randomness of the operating system.
    ///
    /// It takes about a tenth of a second of one core, and much longer without optimization. In async code,
    /// call it on a thread for blocking work.
    ///
    /// # Errors
    ///
    /// [`KeyError::Randomness`] if the operating system provides none.
    pub fn generate() -> Result<Self, KeyError> {
        // `UnwrapErr` panics if the source fails. Reading once first reports a missing source as an error; a
        // source that worked once does not fail later.
        getrandom::fill(&mut [0; 32]).map_err(|error| KeyError::Randomness(Box::new(error)))?;
        let failed = || KeyError::internal("generating a key");
        let key = rsa::PrivateKey::new(&mut UnwrapErr(SysRng), 2048).map_err(|_| failed())?;
        let [p, q] = key.primes() else {
            return Err(failed());
        };
        let (Some(dp), Some(dq), Some(qinv)) = (key.dp(), key.dq(), key.crt_coefficient()) else {
            return Err(failed());
        };
        let bytes = |number: &rsa::BoxedUint| Zeroizing::new(number.to_be_bytes().into_vec());
        Self::from_numbers(&Numbers {
            n: &bytes(key.n()),
            e: &bytes(key.e()),
            d: &bytes(key.d()),
            p: &bytes(p),
            q: &bytes(q),
            dp: &bytes(dp),
            dq: &bytes(dq),
            qinv: &bytes(&Zeroizing::new(qinv)),
        })
    }
}
