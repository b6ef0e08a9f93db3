//! Each role works with the permissions that the documentation grants it, and no others.

use async_trait::async_trait;
use bytes::Bytes;
use wa_keystore::{
    Backend, BackendError, Created, Follower, KeyStore, Listed, Memory, Object, Severity, StoreError,
};

use crate::support::key;

/// A place that allows what a policy lists, by the beginnings of paths.
#[derive(Debug, Clone)]
struct Limited {
    memory: Memory,
    reads: &'static [&'static str],
    creates: &'static [&'static str],
    overwrites: &'static [&'static str],
}

/// A gateway, or a service that follows a store.
fn endpoint(memory: &Memory) -> Limited {
    Limited {
        memory: memory.clone(),
        reads: &[
            "store.json",
            "sets/one/",
            "private/one",
            "public/one/",
            "instances",
        ],
        creates: &[],
        overwrites: &["instances/"],
    }
}

/// A person or job that imports and rotates.
fn operator(memory: &Memory) -> Limited {
    Limited {
        memory: memory.clone(),
        reads: &["store.json", "sets", "public/", "instances"],
        creates: &["sets/", "private/", "public/"],
        overwrites: &[],
    }
}

fn allowed(list: &[&str], path: &str) -> Result<(), BackendError> {
    if list.iter().any(|start| path.starts_with(start)) {
        return Ok(());
    }
    Err(BackendError::new("using", path, "access denied"))
}

#[async_trait]
impl Backend for Limited {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        allowed(self.creates, path)?;
        self.memory.create(path, content).await
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        allowed(self.overwrites, path)?;
        self.memory.overwrite(path, content).await
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        allowed(self.reads, path)?;
        self.memory.read(path).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        allowed(self.reads, folder)?;
        self.memory.list(folder).await
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        allowed(&[], path)
    }

    fn is_local(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_adds_and_promotes_without_reading_private_keys_and_an_endpoint_serves_them() {
    let memory = Memory::new();
    KeyStore::open_or_create(memory.clone()).await.unwrap();
    let store = KeyStore::open_or_create(operator(&memory)).await.unwrap();
    let set = store.set("one").unwrap();
    let mut log = set.read().await.unwrap();
    set.import(&mut log, &key(0)).await.unwrap();
    set.promote(&mut log, key(0).fingerprint()).await.unwrap();
    let denied = set.private_key(key(0).fingerprint()).await.unwrap_err();
    assert!(matches!(denied, StoreError::Backend(_)), "{denied}");

    let follower = Follower::builder(endpoint(&memory))
        .sets(["one"])
        .start()
        .await
        .unwrap();
    let served = follower.served();
    assert_eq!(served.set("one").unwrap().keys.len(), 1);
    follower.confirm(&served);
    follower.recorded().await;
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &key(1)).await.unwrap();
    let served = follower.changed(&served).await;
    assert_eq!(served.set("one").unwrap().keys.len(), 2);
    follower.confirm(&served);
    follower.stop().await.unwrap();
    assert!(store.records().await.unwrap()[0].stopped);

    let of_endpoint = KeyStore::open(endpoint(&memory))
        .await
        .unwrap()
        .set("one")
        .unwrap();
    let denied = of_endpoint.add(&mut log, &key(2)).await.unwrap_err();
    assert!(
        matches!(denied, StoreError::Backend(_)),
        "an endpoint chooses no key: {denied}"
    );
    let report = KeyStore::open(memory).await.unwrap().check().await.unwrap();
    assert!(
        report
            .findings
            .iter()
            .all(|finding| finding.severity() > Severity::Fault)
    );
}
