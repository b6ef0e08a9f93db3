//! A key ring that follows a key store.

use std::time::Duration;

use wa_cloud::flows::client::PhoneKey;
use wa_cloud::flows::{KeyRing, RingState};
use wa_cloud::keys::PrivateKey;
use wa_cloud::keystore::{Directory, Follower, KeyStore, ProtectedKey};

fn opens(ring: &KeyRing, key: &PrivateKey) -> bool {
    let request = PhoneKey::new(key.public_key()).unwrap().encrypt(b"{}").unwrap();
    ring.open(request.body()).is_ok()
}

#[tokio::test]
async fn the_ring_has_the_keys_of_the_store_and_the_store_shows_that() {
    let folder = tempfile::tempdir().unwrap();
    let store = KeyStore::open_or_create(Directory::new(folder.path()))
        .await
        .unwrap();
    let set = store.set("bookings").unwrap();
    let mut log = set.read().await.unwrap();
    let [first, second] = [(); 2].map(|()| PrivateKey::generate().unwrap());
    let fingerprint = |key: &PrivateKey| key.public_key().fingerprint();
    set.add(&mut log, &ProtectedKey::unencrypted(&first))
        .await
        .unwrap();
    set.promote(&mut log, fingerprint(&first)).await.unwrap();

    let builder = Follower::builder(Directory::new(folder.path()));
    let builder = builder
        .sets(["bookings"])
        .instance("one")
        .poll(Duration::from_millis(20));
    let keys = wa_cloud::follow(builder).await.unwrap();
    assert!(opens(keys.ring(), &first) && !opens(keys.ring(), &second));

    set.add(&mut log, &ProtectedKey::unencrypted(&second))
        .await
        .unwrap();
    while !keys.ring().contains(&fingerprint(&second)) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let states: Vec<_> = keys.ring().keys().iter().map(|key| key.state).collect();
    assert_eq!(states, [RingState::Primary, RingState::Pending]);
    keys.follower().recorded().await;
    let record = || async { store.records().await.unwrap().remove(0) };
    assert!(
        record()
            .await
            .serves("bookings", fingerprint(&second), log.last())
    );
    keys.stop().await.unwrap();
    assert!(record().await.stopped);
}
