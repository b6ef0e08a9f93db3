//! Tells the server which requests are authenticated.

use std::fmt;
use std::sync::Arc;

use http::Extensions;

/// A callback for a request whose signature is verified and that is no replay; the server puts it into the request's
/// extensions.
///
/// Until then nothing proves that a request comes from Meta: a server that runs out of connections can close those first
/// for which this was not called. It is called at most once a request, on the serving thread, and must not block. Where
/// the signature is not checked, it is called when the request is decrypted.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use wa_flows::OnAuthenticated;
///
/// let authenticated = Arc::new(AtomicBool::new(false));
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(OnAuthenticated::new({
///     let authenticated = Arc::clone(&authenticated);
///     move || authenticated.store(true, Ordering::Relaxed)
/// }));
/// ```
#[derive(Clone)]
pub struct OnAuthenticated(Arc<dyn Fn() + Send + Sync>);

impl OnAuthenticated {
    /// Makes a callback; its clones share it.
    pub fn new(callback: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    /// Calls the one of a request, if it has one.
    pub(crate) fn call_in(extensions: &Extensions) {
        if let Some(callback) = extensions.get::<Self>() {
            callback.call();
        }
    }

    /// Calls it, for a service that authenticates requests by other means.
    pub fn call(&self) {
        (self.0)();
    }
}

impl fmt::Debug for OnAuthenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnAuthenticated")
    }
}
