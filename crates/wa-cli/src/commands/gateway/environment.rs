//! The environment of a program that runs for long: the file of `--env-file` is followed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::settings::Environment;

/// Looks variables up in the file of `--env-file` as it is at the time.
pub(super) struct Followed {
    latest: Mutex<(Arc<Environment>, Option<SystemTime>)>,
}

impl Followed {
    pub(super) fn new(environment: Arc<Environment>) -> Self {
        let changed = environment.path().and_then(last_changed);
        Self {
            latest: Mutex::new((environment, changed)),
        }
    }

    /// The variable's value; a file that cannot be read any more is said once, and its last good values stay.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (environment, seen) = &mut *latest;
        let changed = environment.path().and_then(last_changed);
        if changed != *seen {
            *seen = changed;
            match Environment::load(environment.path()) {
                Ok(fresh) => *environment = Arc::new(fresh),
                Err(failure) => tracing::error!(
                    problem = failure.chain().join(": "),
                    "the changed settings of --env-file cannot be used; the last good ones stay"
                ),
            }
        }
        environment.get(name).map(|value| value.as_str().to_owned())
    }
}

fn last_changed(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}
