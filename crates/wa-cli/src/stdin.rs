//! Standard input, which gives what it holds only once.

use std::io::{self, StdinLock};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Usage;

/// Gives standard input to the first that asks: whoever comes second would find it empty, and is refused.
pub(crate) fn take() -> Result<StdinLock<'static>, Usage> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        Err(Usage::StandardInputTwice)
    } else {
        Ok(io::stdin().lock())
    }
}
