//! Standard input, which can be read only once.

use std::io::{self, StdinLock};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Usage;

/// Locks standard input for its only reader.
///
/// # Errors
///
/// [`Usage::StandardInputTwice`] for every call after the first, which would find the input empty.
pub(crate) fn take() -> Result<StdinLock<'static>, Usage> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        Err(Usage::StandardInputTwice)
    } else {
        Ok(io::stdin().lock())
    }
}
