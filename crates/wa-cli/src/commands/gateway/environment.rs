//! The environment of the gateway: the file of `--env-file` is re-read on each reload.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use crate::settings::Environment;

/// The current environment; clones share it.
#[derive(Clone)]
pub(super) struct ReloadableEnvironment(Arc<Mutex<Arc<Environment>>>);

impl ReloadableEnvironment {
    pub(super) fn new(environment: Arc<Environment>) -> Self {
        Self(Arc::new(Mutex::new(environment)))
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.current().get(name).map(|value| value.as_str().to_owned())
    }

    /// Re-reads the file. After an error, the previous environment stays in use.
    pub(super) fn refresh(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let fresh = self
            .current()
            .reload()
            .map_err(|failure| failure.chain().join(": "))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }

    fn current(&self) -> Arc<Environment> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
