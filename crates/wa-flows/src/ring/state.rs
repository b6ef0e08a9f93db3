//! The states of the keys of a ring.

use std::fmt;

/// The state of a key in a ring. A ring decrypts with all its keys; the state determines what else the key is
/// used for.
///
/// The order is that in which a ring tries its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RingState {
    /// Its public key is the one to register.
    Primary,
    /// It was primary; phones may still encrypt with it.
    Enabled,
    /// Its public key is not registered yet.
    Pending,
}

impl RingState {
    /// All states, in the order in which their keys are tried.
    pub const ALL: [Self; 3] = [Self::Primary, Self::Enabled, Self::Pending];

    /// Returns the state as it appears in logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Enabled => "enabled",
            Self::Pending => "pending",
        }
    }
}

impl fmt::Display for RingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
