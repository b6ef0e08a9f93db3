//! What is in the store before a run.

use futures_util::FutureExt as _;
use wa_keystore::{Change, Clock as StoreClock, KeyStore};

use super::backend::SimulatedBackend;
use super::world::{SET, World};

/// Writes the events from before the run.
pub(super) fn prepare(world: &World, scheduled: bool) {
    let backend = SimulatedBackend::direct(world);
    let clock = world.clone();
    let prepared = async {
        let store = KeyStore::open_or_create(backend).await.unwrap();
        let store = store.with_clock(StoreClock::new(move || clock.time()));
        let set = store.set(SET).unwrap().by("before");
        let mut log = set.read().await.unwrap();
        let configured = Change::Configured {
            add: vec!["1".to_owned(), "2".to_owned()],
            remove: Vec::new(),
            endpoint: Some("https://example.com/flow".to_owned()),
            title: None,
        };
        set.append(&mut log, configured, None).await.unwrap();
        for number in [0, 1] {
            let key = World::key(number);
            set.add(&mut log, &key).await.unwrap();
            set.promote(&mut log, key.fingerprint()).await.unwrap();
        }
        let key = World::key(0).fingerprint();
        let disabled = Change::Disabled {
            key,
            compromised: false,
        };
        set.append(&mut log, disabled, None).await.unwrap();
        if scheduled {
            set.append(&mut log, Change::DestroyScheduled { key }, None)
                .await
                .unwrap();
        }
    };
    prepared.now_or_never().unwrap();
}
