//! Keys and places for the tests.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use wa_keys::PrivateKey;
use wa_keystore::{Backend, BackendError, Created, Listed, Memory, Object, ProtectedKey};

/// One of a few keys that are generated once.
pub(crate) fn key(number: usize) -> ProtectedKey {
    static KEYS: OnceLock<Vec<PrivateKey>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| (0..4).map(|_| PrivateKey::generate().unwrap()).collect());
    ProtectedKey::unencrypted(&keys[number])
}

/// The same keys, encrypted with the passphrase `secret`.
#[cfg(feature = "s3")]
pub(crate) fn encrypted(number: usize) -> Arc<ProtectedKey> {
    static KEYS: OnceLock<[Arc<ProtectedKey>; 2]> = OnceLock::new();
    let passphrase = wa_keys::Passphrase::new("secret");
    let keys = KEYS.get_or_init(|| {
        [0, 1].map(|_| {
            let private = PrivateKey::generate().unwrap();
            Arc::new(ProtectedKey::encrypt(&private, &passphrase).unwrap())
        })
    });
    Arc::clone(&keys[number])
}

/// What happens to a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not carried out, and the caller gets a time-out.
    Lost,
    /// It is carried out, and the caller gets a time-out.
    TimedOutAfterwards,
    /// It is carried out, and the caller gets `Existed`, as after a repeated request.
    ReportedAsExisting,
    /// It is not carried out, and the caller gets `Existed`, as S3's 409 is reported.
    RefusedAsExisting,
    /// It is not carried out, and the caller gets `New`, as from a store that lets every creator win.
    FalselyNew,
}

/// Memory whose creates below `sets/` fail with the given faults in order, and then succeed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faulty {
    pub(crate) memory: Memory,
    faults: Arc<Mutex<Vec<Fault>>>,
    pub(crate) creates: Arc<AtomicUsize>,
}

impl Faulty {
    pub(crate) fn fail(&self, faults: &[Fault]) {
        let mut next = faults.to_vec();
        next.reverse();
        *self.faults.lock().unwrap() = next;
    }
}

#[async_trait]
impl Backend for Faulty {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        if !path.starts_with("sets/") {
            return self.memory.create(path, content).await;
        }
        self.creates.fetch_add(1, Ordering::Relaxed);
        let fault = self.faults.lock().unwrap().pop();
        let timed_out = || BackendError::new("writing", path, "it timed out");
        match fault {
            None => self.memory.create(path, content).await,
            Some(Fault::Lost) => Err(timed_out()),
            Some(Fault::TimedOutAfterwards) => {
                self.memory.create(path, content).await?;
                Err(timed_out())
            }
            Some(Fault::ReportedAsExisting) => {
                self.memory.create(path, content).await?;
                Ok(Created::Existed)
            }
            Some(Fault::RefusedAsExisting) => Ok(Created::Existed),
            Some(Fault::FalselyNew) => Ok(Created::New),
        }
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        self.memory.overwrite(path, content).await
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        self.memory.read(path).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        self.memory.list(folder).await
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        self.memory.delete(path).await
    }
}

/// Memory that can be out of reach or hang, and counts calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switched {
    pub(crate) memory: Memory,
    pub(crate) down: Arc<AtomicBool>,
    pub(crate) hangs: Arc<AtomicBool>,
    pub(crate) remote: Arc<AtomicBool>,
    pub(crate) reads: Arc<AtomicUsize>,
    pub(crate) lists: Arc<AtomicUsize>,
}

impl Switched {
    async fn reach(&self, path: &str) -> Result<(), BackendError> {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::Relaxed) {
            return Err(BackendError::new("reading", path, "the network is down"));
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for Switched {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        self.reach(path).await?;
        self.memory.create(path, content).await
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        self.reach(path).await?;
        self.memory.overwrite(path, content).await
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.reach(path).await?;
        self.memory.read(path).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.reach(folder).await?;
        self.memory.list(folder).await
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        self.reach(path).await?;
        self.memory.delete(path).await
    }

    fn is_local(&self) -> bool {
        !self.remote.load(Ordering::Relaxed)
    }
}

/// Memory whose caller is killed at one of its calls: that call and all later ones fail.
#[derive(Debug, Clone)]
pub(crate) struct Killed {
    memory: Memory,
    calls_left: Arc<AtomicUsize>,
    /// True if the last call still takes effect.
    takes_effect: bool,
}

impl Killed {
    pub(crate) fn new(memory: &Memory, calls: usize, takes_effect: bool) -> Self {
        Self {
            memory: memory.clone(),
            calls_left: Arc::new(AtomicUsize::new(calls)),
            takes_effect,
        }
    }

    pub(crate) fn survived(&self) -> bool {
        self.calls_left.load(Ordering::Relaxed) > 0
    }

    async fn call<T>(
        &self,
        path: &str,
        call: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, BackendError> {
        let left = self.calls_left.load(Ordering::Relaxed);
        self.calls_left.store(left.saturating_sub(1), Ordering::Relaxed);
        match left {
            1 if self.takes_effect => drop(call.await?),
            0 | 1 => {}
            _ => return call.await,
        }
        Err(BackendError::new("calling", path, "the process was killed"))
    }
}

#[async_trait]
impl Backend for Killed {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        self.call(path, self.memory.create(path, content)).await
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        self.call(path, self.memory.overwrite(path, content)).await
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        self.call(path, self.memory.read(path)).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        self.call(folder, self.memory.list(folder)).await
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        self.call(path, self.memory.delete(path)).await
    }

    fn is_local(&self) -> bool {
        true
    }
}
