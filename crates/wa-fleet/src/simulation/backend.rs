//! The key store of a simulation.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use wa_keystore::{Backend, BackendError, Created, Listed, Object};
use zeroize::Zeroizing;

use super::world::{World, moment};

/// The store as one actor reaches it. Without an actor, calls do not stop and do not fail.
#[derive(Clone)]
pub(super) struct SimulatedBackend {
    pub(super) world: World,
    pub(super) actor: Option<usize>,
    /// Events with higher numbers are not shown: a stale listing.
    pub(super) shown: Option<usize>,
}

impl SimulatedBackend {
    pub(super) fn direct(world: &World) -> Self {
        Self {
            world: world.clone(),
            actor: None,
            shown: None,
        }
    }

    async fn pause(&self, what: String) {
        if let Some(actor) = self.actor {
            self.world.call(actor, what).await;
        }
    }

    fn hides(&self, path: &str) -> bool {
        let Some(shown) = self.shown else {
            return false;
        };
        let number = path
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_suffix(".json")?.parse::<usize>().ok());
        path.starts_with("sets/") && number.is_some_and(|number| number > shown)
    }

    fn insert(&self, path: &str, content: &Bytes) {
        let mut state = self.world.lock();
        let now = state.now;
        state.version += 1;
        state.objects.insert(path.to_owned(), (content.to_vec(), now));
    }

    fn fault(&self) -> usize {
        let mut state = self.world.lock();
        if self.actor.is_none() || state.store_faults == 0 {
            return 0;
        }
        let fault = state.random.pick(&[20, 1, 1, 1]);
        state.store_faults -= usize::from(fault > 0);
        fault
    }
}

#[async_trait]
impl Backend for SimulatedBackend {
    async fn create(&self, path: &str, content: Bytes) -> Result<Created, BackendError> {
        self.pause(format!("create {path}")).await;
        if self.world.lock().objects.contains_key(path) {
            return Ok(Created::Existed);
        }
        let timed_out = || Err(BackendError::new("writing", path, "it timed out"));
        match self.fault() {
            0 => {
                self.insert(path, &content);
                Ok(Created::New)
            }
            1 => timed_out(),
            2 => {
                self.insert(path, &content);
                self.world
                    .log(format!("the creation of {path} times out, and took effect"));
                timed_out()
            }
            _ => Ok(Created::Existed),
        }
    }

    async fn overwrite(&self, path: &str, content: Bytes) -> Result<(), BackendError> {
        self.pause(format!("overwrite {path}")).await;
        self.insert(path, &content);
        Ok(())
    }

    async fn read(&self, path: &str) -> Result<Option<Object>, BackendError> {
        // To stop at each of many reads of what never changes would find nothing.
        if !self.world.lock().objects.contains_key(path) {
            self.pause(format!("read {path}")).await;
        }
        if self.hides(path) {
            return Ok(None);
        }
        let object = self.world.lock().objects.get(path).cloned();
        Ok(object.map(|(content, at)| Object::new(Zeroizing::new(content), Some(moment(at)))))
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, BackendError> {
        self.pause(format!("list {folder}")).await;
        let state = self.world.lock();
        let mut listed: Vec<Listed> = Vec::new();
        for path in state.objects.keys() {
            let Some(rest) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let (name, is_folder) = rest
                .split_once('/')
                .map_or((rest, false), |(name, _)| (name, true));
            if !self.hides(path) && listed.last().is_none_or(|last| last.name != name) {
                listed.push(Listed {
                    name: name.to_owned(),
                    is_folder,
                });
            }
        }
        Ok(listed)
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        self.pause(format!("delete {path}")).await;
        let mut state = self.world.lock();
        state.version += 1;
        state.objects.remove(path);
        Ok(())
    }
}

impl fmt::Debug for SimulatedBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedBackend")
    }
}
