//! The states of a key.

use std::fmt;

use serde::Serialize;

/// The state of a key in its key set.
///
/// ```text
/// pending ──▶ primary ──▶ enabled ──▶ disabled ──▶ destroy-scheduled ──▶ destroyed
///    │           ▲           │  ▲        │ ▲              │
///    │           └───────────┘  └────────┘ └──────────────┘
///    └──────────────────────────────────▶ disabled
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeyState {
    /// Stored and served, never uploaded.
    Pending,
    /// The only key of its set that anything uploads.
    Primary,
    /// Served, no longer uploaded: phones may still use it.
    Enabled,
    /// Not served; reversible.
    Disabled,
    /// Not served; the private key will be deleted.
    DestroyScheduled,
    /// The private key is deleted, or about to be; final.
    Destroyed,
}

impl KeyState {
    /// Returns true if endpoints decrypt with a key in this state.
    #[must_use]
    pub const fn is_served(self) -> bool {
        matches!(self, Self::Pending | Self::Primary | Self::Enabled)
    }

    /// Returns the name of the state, as events, JSON and tables write it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Primary => "primary",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::DestroyScheduled => "destroy-scheduled",
            Self::Destroyed => "destroyed",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
