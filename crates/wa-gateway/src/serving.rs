//! The state that all connections share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wa_keystore::ServedKeys;

use crate::admin::Media;
use crate::config::Settings;
use crate::current::Current;
use crate::key_store::StoreKeys;
use crate::metrics::Metrics;
use crate::routes::Routes;
use crate::tls::Certificate;

/// The state that all connections share; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Serving {
    pub(crate) settings: Current<Settings>,
    pub(crate) routes: Current<Routes>,
    pub(crate) media: Current<Media>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) stored: Stored,
}

/// The keys that the key store has now. Its lock orders changes of these keys with changes of the routes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    served: Arc<Mutex<Option<Arc<ServedKeys>>>>,
    store: Arc<Mutex<Weak<StoreKeys>>>,
}

impl Stored {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Arc<ServedKeys>>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the key store in use.
    pub(crate) fn store(&self) -> Option<Arc<StoreKeys>> {
        let store = self.store.lock();
        store.unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Sets the key store in use.
    pub(crate) fn set_store(&self, store: &Arc<StoreKeys>) {
        let mut current = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::downgrade(store);
    }
}
