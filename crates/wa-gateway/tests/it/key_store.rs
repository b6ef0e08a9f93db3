//! Endpoints whose keys come from a key store that changes while they serve.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::Method;
use wa_gateway::{Gateway, StartError};
use wa_keys::Fingerprint;
use wa_keystore::{Change, Directory, KeySet, KeyStore, ProtectedKey, SetLog};

use crate::support::{Backend, Files, Phone, admin, configure, eventually, init, key, metric, ping, start};

/// A key store in the directory of a gateway, with one key set.
struct Store {
    path: PathBuf,
    keys: KeyStore,
    set: KeySet,
    log: SetLog,
}

impl Store {
    async fn new(files: &Files) -> Self {
        let path = files.path().join("store");
        let store = KeyStore::open_or_create(Directory::new(&path)).await.unwrap();
        let set = store.set("one").unwrap();
        let log = set.read().await.unwrap();
        Self {
            path,
            keys: store,
            set,
            log,
        }
    }

    /// With the first key as primary.
    async fn with_primary(files: &Files) -> Self {
        let mut store = Self::new(files).await;
        store.add(0).await;
        store.promote(0).await;
        store
    }

    async fn add(&mut self, which: usize) {
        let key = ProtectedKey::unencrypted(key(which));
        self.set.add(&mut self.log, &key).await.unwrap();
    }

    async fn promote(&mut self, which: usize) {
        self.set.promote(&mut self.log, fingerprint(which)).await.unwrap();
    }

    async fn disable(&mut self, which: usize) {
        let change = Change::Disabled {
            key: fingerprint(which),
            compromised: false,
        };
        self.set.append(&mut self.log, change, None).await.unwrap();
    }

    /// Makes the store unreachable: a file takes its place.
    fn take_away(&self) {
        std::fs::rename(&self.path, self.path.with_extension("away")).unwrap();
        std::fs::write(&self.path, "").unwrap();
    }

    fn bring_back(&self) {
        std::fs::remove_file(&self.path).unwrap();
        std::fs::rename(self.path.with_extension("away"), &self.path).unwrap();
    }
}

fn fingerprint(which: usize) -> Fingerprint {
    key(which).public_key().fingerprint()
}

/// A configuration without key files.
fn config(upstream: &str, top: &str, more: &str) -> String {
    format!(
        "listen = \"127.0.0.1:0\"\nwatch_interval = \"50ms\"\nkey_store = \"store\"\ninstance = \"gateway-1\"\n{top}\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n\
         [[endpoint]]\nname = \"shop\"\npath = \"/flow\"\nupstream = \"{upstream}\"\n{more}\n"
    )
}

async fn status(gateway: &Gateway, which: usize) -> u16 {
    Phone::with_key(gateway, which)
        .send(&ping())
        .await
        .status
        .as_u16()
}

/// Waits until a key has a state in the metrics; returns how long that took.
async fn until(gateway: &Gateway, which: usize, state: &str, expected: u64) -> Duration {
    let begun = Instant::now();
    let fingerprint = fingerprint(which).to_string();
    eventually("the key changes", || async {
        let labels = [("fingerprint", fingerprint.as_str()), ("state", state)];
        metric(gateway, "wa_gateway_key_state", &labels) == expected
    })
    .await;
    begun.elapsed()
}

#[tokio::test]
async fn changes_of_a_store_serve_within_two_seconds_from_its_creation_on() {
    let (files, backend) = (Files::empty(), Backend::saying(200, "{}").await);
    let gateway = start(&files, &config(&backend.url(), "", "")).await;
    assert_eq!(status(&gateway, 0).await, 421);

    let mut store = Store::with_primary(&files).await;
    let mut longest = until(&gateway, 0, "primary", 1).await;
    assert_eq!(status(&gateway, 0).await, 200);
    store.add(1).await;
    longest = longest.max(until(&gateway, 1, "pending", 1).await);
    assert_eq!((status(&gateway, 0).await, status(&gateway, 1).await), (200, 200));
    store.promote(1).await;
    longest = longest.max(until(&gateway, 1, "primary", 1).await);
    store.disable(0).await;
    longest = longest.max(until(&gateway, 0, "enabled", 0).await);
    assert_eq!((status(&gateway, 0).await, status(&gateway, 1).await), (421, 200));
    assert!(longest <= Duration::from_secs(2), "{longest:?}");

    let records = store.keys.records().await.unwrap();
    assert_eq!(records[0].instance, "gateway-1");
    assert!(records[0].serves("one", fingerprint(1), 3) && !records[0].stopped);
    assert_eq!(
        metric(&gateway, "wa_gateway_key_set_last_event", &[("set", "one")]),
        5
    );
    gateway.shutdown(Duration::from_secs(1)).await;
    assert!(store.keys.records().await.unwrap()[0].stopped);
}

#[tokio::test]
async fn a_key_serves_from_its_first_request_on_before_the_next_poll() {
    let (files, backend) = (Files::empty(), Backend::saying(200, "{}").await);
    let mut store = Store::with_primary(&files).await;
    let gateway = start(&files, &config(&backend.url(), "key_store_poll = \"60m\"", "")).await;
    assert_eq!(status(&gateway, 2).await, 421);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    store.add(1).await;
    assert_eq!(status(&gateway, 1).await, 200);
}

#[tokio::test]
async fn key_files_are_previous_keys_beside_a_store_that_has_a_primary() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let mut store = Store::new(&files).await;
    let gateway = start(&files, &config(&backend.url(), "", "keys = \"keys\"")).await;
    until(&gateway, 0, "primary", 1).await;
    store.add(1).await;
    store.promote(1).await;
    until(&gateway, 1, "primary", 1).await;
    until(&gateway, 0, "enabled", 1).await;
    files.write_key("2.pem", 2);
    until(&gateway, 2, "enabled", 1).await;
    for which in 0..3 {
        assert_eq!(status(&gateway, which).await, 200, "{which}");
    }
}

#[tokio::test]
async fn an_unreachable_store_changes_nothing_but_a_metric() {
    let (files, backend) = (Files::empty(), Backend::saying(200, "{}").await);
    let mut store = Store::with_primary(&files).await;
    let text = config(&backend.url(), "key_store_poll = \"50ms\"", "");
    let gateway = start(&files, &text).await;
    let is_up = || async { metric(&gateway, "wa_gateway_key_store_up", &[]) };
    assert_eq!(is_up().await, 1);
    store.take_away();
    eventually("the outage shows", || async { is_up().await == 0 }).await;
    assert_eq!(status(&gateway, 0).await, 200);
    assert_eq!(admin(&gateway, Method::GET, "/readyz", "").await.0, 200);

    let error = Gateway::start(configure(&files, &text)).await.unwrap_err();
    assert!(matches!(&error, StartError::KeyStore { .. }), "{error:?}");
    assert!(error.remedy().is_some());

    store.bring_back();
    eventually("the store is back", || async { is_up().await == 1 }).await;
    store.add(1).await;
    until(&gateway, 1, "pending", 1).await;
}

#[tokio::test]
async fn a_cache_directory_allows_a_start_without_the_store() {
    let (files, backend) = (Files::empty(), Backend::saying(200, "{}").await);
    let store = Store::with_primary(&files).await;
    let text = config(
        &backend.url(),
        "key_store_poll = \"50ms\"\nkey_store_cache = \"cache\"",
        "",
    );
    drop(start(&files, &text).await);
    store.take_away();
    let gateway = start(&files, &text).await;
    assert_eq!(status(&gateway, 0).await, 200);
    assert_eq!(metric(&gateway, "wa_gateway_key_store_up", &[]), 0);
    store.bring_back();
    eventually("the store is read", || async {
        metric(&gateway, "wa_gateway_key_store_up", &[]) == 1
    })
    .await;
}

#[tokio::test]
async fn encrypted_keys_open_with_a_passphrase_that_a_command_prints_once() {
    let (files, backend) = (Files::empty(), Backend::saying(200, "{}").await);
    let mut store = Store::new(&files).await;
    for (which, passphrase) in [(0, "first one"), (1, "second one")] {
        let passphrase = wa_keys::Passphrase::new(passphrase);
        let key = ProtectedKey::encrypt(key(which), &passphrase).unwrap();
        store.set.add(&mut store.log, &key).await.unwrap();
    }
    let count = files.path().join("count");
    let command = format!("echo 'second one'; echo run >> {}", count.display());
    files.write("first", "first one\n");
    let top = format!("key_store_passphrase_file = \"first\"\nkey_store_passphrase_command = {command:?}");
    let gateway = start(&files, &config(&backend.url(), &top, "")).await;
    assert_eq!((status(&gateway, 0).await, status(&gateway, 1).await), (200, 200));
    gateway.reload().await.unwrap();
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "run\n");

    // A start without a passphrase fails, because no key could be opened.
    let error = Gateway::start(configure(&files, &config(&backend.url(), "", ""))).await;
    assert!(matches!(error, Err(StartError::KeyStore { .. })));
}

#[tokio::test]
async fn a_check_opens_every_key_of_the_store() {
    let files = Files::new();
    let mut store = Store::with_primary(&files).await;
    store.add(1).await;
    let change = Change::Configured {
        add: vec!["106540352242922".to_owned()],
        remove: Vec::new(),
        endpoint: None,
        title: None,
    };
    store.set.append(&mut store.log, change, None).await.unwrap();
    let text = config("http://127.0.0.1:9/", "", "");
    let report = configure(&files, &text).check().unwrap();
    let endpoint = &report.endpoints()[0];
    assert_eq!(endpoint.keys(), [fingerprint(0), fingerprint(1)]);
    assert_eq!(endpoint.numbers(), ["106540352242922"]);
    let shown = report.to_string();
    assert!(
        shown.contains("key store at ") && shown.contains("(pending)"),
        "{shown}"
    );

    let encrypted = ProtectedKey::encrypt(key(2), &wa_keys::Passphrase::new("unknown")).unwrap();
    store.set.add(&mut store.log, &encrypted).await.unwrap();
    let errors = configure(&files, &text).check().unwrap_err();
    assert!(
        errors.to_string().contains("key_store: cannot use the key store"),
        "{errors}"
    );
    assert!(errors.problems()[0].remedy().is_some(), "{errors}");

    store.take_away();
    assert!(configure(&files, &text).check().is_err());
    std::fs::remove_file(&store.path).unwrap();
    let report = configure(&files, &text).check().unwrap();
    assert!(report.warnings()[0].contains("no key store"), "{report}");
}

#[tokio::test]
async fn an_endpoint_serves_its_own_key_sets_and_a_reload_adds_one() {
    let (files, backend) = (Files::empty(), Backend::saying(200, "{}").await);
    let store = Store::with_primary(&files).await;
    let url = backend.url();
    let text = config(&url, "", "key_sets = \"one\"");
    let gateway = start(&files, &text).await;

    let other = store.keys.set("two").unwrap();
    let mut log = other.read().await.unwrap();
    other
        .add(&mut log, &ProtectedKey::unencrypted(key(1)))
        .await
        .unwrap();
    let more =
        format!("[[endpoint]]\nname = \"bank\"\npath = \"/bank\"\nkey_sets = \"two\"\nupstream = \"{url}\"");
    files.write("gateway.toml", format!("{text}\n{more}"));
    gateway.reload().await.unwrap();
    let at = |path: &str, which| {
        let url = format!("http://{}{path}", gateway.local_addr());
        let phone = Phone::with_key(&gateway, which).at(url);
        async move { phone.send(&init()).await.status.as_u16() }
    };
    assert_eq!((at("/flow", 0).await, at("/bank", 1).await), (200, 200));
    assert_eq!((at("/flow", 1).await, at("/bank", 0).await), (421, 421));
    let records = store.keys.records().await.unwrap();
    let running: Vec<_> = records.iter().filter(|record| !record.stopped).collect();
    assert_eq!((records.len(), running.len()), (2, 1));
    assert!(running[0].serves("two", fingerprint(1), 1) && running[0].serves("one", fingerprint(0), 2));
}
