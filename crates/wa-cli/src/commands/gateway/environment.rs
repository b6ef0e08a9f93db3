//! The environment of a program that runs for long: the file of `--env-file` is read again when it is asked to reload.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use crate::settings::Environment;

/// The environment of the moment; clones share it.
#[derive(Clone)]
pub(super) struct Followed(Arc<Mutex<Arc<Environment>>>);

impl Followed {
    pub(super) fn new(environment: Arc<Environment>) -> Self {
        Self(Arc::new(Mutex::new(environment)))
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.latest().get(name).map(|value| value.as_str().to_owned())
    }

    /// Reads the file again; after an error what was there stays.
    pub(super) fn refresh(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let fresh = self
            .latest()
            .again()
            .map_err(|failure| failure.chain().join(": "))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }

    fn latest(&self) -> Arc<Environment> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
