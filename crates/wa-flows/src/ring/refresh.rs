//! Re-reads the keys of a ring from their source when a request decrypts with none of them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// The least time between two refreshes of a ring.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest time that a request waits for a refresh.
const PATIENCE: Duration = Duration::from_secs(2);

/// A source of keys that a ring asks when a signed request decrypts with none of its keys, so that a key
/// serves from its first request on, even if a regular poll of the source has not found it yet.
///
/// A ring calls it at most once a second, and for every such request alike, whether the request was for an
/// unknown key, altered or malformed: the response does not reveal which it was.
///
/// ```
/// use tokio::sync::{mpsc, oneshot};
/// use wa_flows::{KeyRing, RingSource};
///
/// /// Asks the task that polls the key files.
/// struct Poller(mpsc::Sender<oneshot::Sender<()>>);
///
/// impl RingSource for Poller {
///     async fn refresh(&self) {
///         let (done, is_done) = oneshot::channel();
///         if self.0.send(done).await.is_ok() {
///             let _ = is_done.await;
///         }
///     }
/// }
///
/// # fn example(poller: Poller) {
/// let ring = KeyRing::empty();
/// ring.set_source(poller);
/// # }
/// ```
pub trait RingSource: Send + Sync + 'static {
    /// Re-reads the keys and sets them in the ring, if they have changed. The request waits for up to two
    /// seconds; then the future is dropped.
    fn refresh(&self) -> impl Future<Output = ()> + Send;
}

/// A source and the time of its last refresh.
#[derive(Clone)]
pub(super) struct Refresher {
    source: Arc<dyn AnySource>,
    last: Arc<Mutex<Option<Instant>>>,
}

impl Refresher {
    pub(super) fn new(source: impl RingSource) -> Self {
        Self {
            source: Arc::new(source),
            last: Arc::default(),
        }
    }

    /// Refreshes the keys, or waits for a refresh in progress. Does nothing if the last one began less than
    /// [`PAUSE`] ago.
    pub(super) async fn refresh(&self) {
        let refresh = async {
            let mut last = self.last.lock().await;
            if last.is_none_or(|last| last.elapsed() >= PAUSE) {
                *last = Some(Instant::now());
                self.source.refresh_boxed().await;
            }
        };
        // If the source is slow, the request is tried with the keys that the ring has at that time.
        let _ = timeout(PATIENCE, refresh).await;
    }
}

/// An object-safe [`RingSource`].
trait AnySource: Send + Sync {
    fn refresh_boxed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<S: RingSource> AnySource for S {
    fn refresh_boxed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.refresh())
    }
}
