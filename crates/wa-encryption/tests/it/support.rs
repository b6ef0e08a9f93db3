//! The emulator with a client for it, and a clock that does not wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};
use wa_encryption::EncryptionApi;
use wa_graph::{AccessToken, Clock, GraphClient, GraphClientBuilder, PhoneNumberId};
use wa_keys::{PrivateKey, PublicKey};

/// Two keys, made once for all tests.
pub(crate) static KEYS: LazyLock<[PublicKey; 2]> =
    LazyLock::new(|| [(); 2].map(|()| PrivateKey::generate().unwrap().public_key().clone()));

/// Time that passes only during a sleep, which returns at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestClock(Arc<Mutex<Vec<Duration>>>);

impl TestClock {
    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().iter().sum()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}

pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    pub(crate) encryption: EncryptionApi,
    pub(crate) clock: TestClock,
}

pub(crate) async fn stage() -> Stage {
    stage_with(|builder| builder).await
}

pub(crate) async fn stage_with(settings: impl FnOnce(GraphClientBuilder) -> GraphClientBuilder) -> Stage {
    let emulator = Emulator::builder().start().await.unwrap();
    let clock = TestClock::default();
    let builder = GraphClient::builder(AccessToken::new(DEFAULT_ACCESS_TOKEN).unwrap())
        .base_url(emulator.base_url())
        .clock(clock.clone());
    let encryption = EncryptionApi::new(settings(builder).build().unwrap(), number());
    Stage {
        emulator,
        encryption,
        clock,
    }
}

pub(crate) fn number() -> PhoneNumberId {
    DEFAULT_PHONE_NUMBER_ID.parse().unwrap()
}
