//! One suite for all backends, and backends that it must refuse.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::yield_now;
use wa_keystore::{
    Backend, BackendError, ConformanceError, Created, Directory, Listed, Memory, Object, check_conformance,
};

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    let memory = Memory::new();
    check_conformance(&memory).await.unwrap();
    assert_eq!(memory.list("check").await.unwrap(), [], "no probe stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path().join("to be created"));
    check_conformance(&directory).await.unwrap();
    listings_show_one_level(&directory).await;
}

#[cfg(feature = "s3")]
#[tokio::test(flavor = "multi_thread")]
async fn s3_conforms() {
    let Some(server) = crate::servers::Server::moto().await else {
        return;
    };
    let storage = server.open("a/prefix/");
    check_conformance(&storage).await.unwrap();
    listings_show_one_level(&storage).await;
    assert_eq!(
        server.open("a").list("prefix").await.unwrap().len(),
        2,
        "the prefix is used"
    );
    let missing = server.open("").read("store.json").await.unwrap();
    assert!(missing.is_none());
}

#[cfg(feature = "azure")]
#[tokio::test(flavor = "multi_thread")]
async fn azure_conforms() {
    let Some(server) = crate::servers::Server::azurite().await else {
        return;
    };
    let storage = server.open("a/prefix");
    check_conformance(&storage).await.unwrap();
    listings_show_one_level(&storage).await;
}

async fn listings_show_one_level(backend: &dyn Backend) {
    for path in ["a/b.json", "a/deep/er.json", "ab/other.json"] {
        backend.create(path, Bytes::new()).await.unwrap();
    }
    let mut listed = backend.list("a").await.unwrap();
    listed.sort();
    let entries: Vec<_> = listed
        .iter()
        .map(|entry| (entry.name.as_str(), entry.is_folder))
        .collect();
    assert_eq!(entries, [("b.json", false), ("deep", true)]);
    let read = backend.read("a/b.json").await.unwrap().unwrap();
    assert!(read.modified().is_some());
}

/// How a store is dishonest.
#[derive(Debug, Clone, Copy)]
enum Lie {
    /// It ignores the condition of a create.
    IgnoresCondition,
    /// It checks the condition before it writes, so that every concurrent creator wins.
    EveryCreatorWins,
    /// It reports that an object existed although this call created it, so that no creator wins.
    NoCreatorWins,
    /// Its listings are as they were before the last change.
    StaleListing,
    /// It returns nothing for what was created a moment ago.
    StaleRead,
}

#[derive(Debug, Clone)]
struct Dishonest {
    memory: Memory,
    lie: Lie,
}

#[async_trait]
impl Backend for Dishonest {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        match self.lie {
            Lie::IgnoresCondition => self.memory.overwrite(path, content).await?,
            Lie::EveryCreatorWins => {
                if self.memory.read(path).await?.is_some() {
                    return Ok(Created::Existed);
                }
                yield_now().await;
                self.memory.overwrite(path, content).await?;
            }
            Lie::NoCreatorWins => {
                self.memory.create(path, content).await?;
                return Ok(Created::Existed);
            }
            Lie::StaleListing | Lie::StaleRead => return self.memory.create(path, content).await,
        }
        Ok(Created::New)
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        self.memory.overwrite(path, content).await
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        match self.lie {
            Lie::StaleRead => Ok(None),
            _ => self.memory.read(path).await,
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        match self.lie {
            Lie::StaleListing => Ok(Vec::new()),
            _ => self.memory.list(folder).await,
        }
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        self.memory.delete(path).await
    }
}

#[tokio::test]
async fn dishonest_stores_are_refused() {
    for lie in [
        Lie::IgnoresCondition,
        Lie::EveryCreatorWins,
        Lie::NoCreatorWins,
        Lie::StaleListing,
        Lie::StaleRead,
    ] {
        let memory = Memory::new();
        let store: Arc<dyn Backend> = Arc::new(Dishonest { memory, lie });
        let error = check_conformance(&store).await.unwrap_err();
        let expected = match (lie, &error) {
            (Lie::IgnoresCondition, ConformanceError::Replaced)
            | (Lie::NoCreatorWins, ConformanceError::Race { winners: 0, .. })
            | (Lie::StaleListing | Lie::StaleRead, ConformanceError::Stale { .. }) => true,
            (Lie::EveryCreatorWins, ConformanceError::Race { winners, .. }) => *winners > 1,
            _ => false,
        };
        assert!(expected, "{lie:?}: {error}");
        assert!(error.remedy().is_some());
    }
}
