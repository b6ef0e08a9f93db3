//! Reports authenticated requests to the HTTP server.

use std::fmt;
use std::sync::Arc;

use http::Extensions;

/// A callback in a request's extensions, called when the signature is verified and the request is not a
/// replay.
///
/// Until then nothing proves that the request comes from Meta. A server that runs out of connections can
/// close those first whose callback was not called. The callback runs at most once per request, on the
/// serving thread, and must not block. If the endpoint does not check signatures, it runs when the request is
/// decrypted.
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
    /// Creates a callback that all clones share.
    pub fn new(callback: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    /// Calls the callback in a request's extensions, if there is one.
    pub(crate) fn call_in(extensions: &Extensions) {
        if let Some(callback) = extensions.get::<Self>() {
            callback.call();
        }
    }

    /// Calls the callback; for a service that authenticates requests by other means.
    pub fn call(&self) {
        (self.0)();
    }
}

impl fmt::Debug for OnAuthenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnAuthenticated")
    }
}
