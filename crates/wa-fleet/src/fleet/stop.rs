//! Asks a run to stop after what is in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a run over many numbers to start nothing new. Clones share it.
///
/// ```
/// let stop = wa_fleet::Stop::default();
/// stop.clone().request();
/// assert!(stop.is_requested());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns true if it was asked to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
