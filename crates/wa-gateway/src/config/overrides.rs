//! The flags, which override the environment and the file.

use std::fmt;

use crate::config::setting::Setting;

/// The flags of the command line. A flag overrides the environment, the environment overrides the file.
///
/// ```
/// use wa_gateway::Overrides;
///
/// let mut flags = Overrides::new();
/// assert!(flags.set("listen", "0.0.0.0:8080"));
/// assert!(!flags.set("lisen", "0.0.0.0:8080"));
/// ```
#[derive(Clone, Default)]
pub struct Overrides(Vec<(&'static str, String)>);

impl Overrides {
    /// Creates an empty set of flags.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a flag, named without its dashes; a flag of a list can be added several times. Returns false if
    /// there is no such flag ([`Setting::flag`] names them).
    pub fn set(&mut self, flag: &str, value: impl Into<String>) -> bool {
        let known = Setting::all()
            .filter_map(Setting::flag)
            .find(|known| *known == flag);
        if let Some(flag) = known {
            self.0.push((flag, value.into()));
        }
        known.is_some()
    }

    pub(crate) fn get(&self, flag: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(name, _)| *name == flag)
            .map(|(_, value)| value.clone())
            .collect()
    }
}

/// Prints only the names: a value can be a URL with a token.
impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(flag, _)| flag))
            .finish()
    }
}
