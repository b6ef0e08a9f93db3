//! The emulator, a key store in a directory, and an endpoint that serves from it and writes its record.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};
use wa_fleet::{GeneratedKeys, GraphRegistry, HttpProber, Policy, Progress, RotateOptions, SetOperator};
use wa_flows::{FlowEndpoint, FlowRequest, FlowResponse, KeyRing};
use wa_graph::{AccessToken, GraphClient, PhoneNumberId};
use wa_keys::{Fingerprint, PrivateKey};
use wa_keystore::{Directory, EventId, InstanceRecord, KeyReport, KeyStore, SetReport};
use wa_secrets::AppSecret;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const SET: &str = "default";

pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    pub(crate) store: KeyStore,
    pub(crate) endpoint: String,
    pub(crate) progress: Arc<Mutex<Vec<Progress>>>,
    _folder: tempfile::TempDir,
}

pub(crate) fn number() -> PhoneNumberId {
    DEFAULT_PHONE_NUMBER_ID.parse().unwrap()
}

impl Stage {
    /// Starts the emulator and an endpoint. The key store has no set.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore::open_or_create(Directory::new(folder.path().join("keys")))
            .await
            .unwrap();
        Self {
            emulator: Emulator::builder().start().await.unwrap(),
            endpoint: serve(store.clone()).await,
            store,
            progress: Arc::default(),
            _folder: folder,
        }
    }

    pub(crate) fn operator(&self) -> SetOperator {
        let client = GraphClient::builder(AccessToken::new(DEFAULT_ACCESS_TOKEN).unwrap())
            .base_url(self.emulator.base_url())
            .build()
            .unwrap();
        let prober = HttpProber::new(AppSecret::new(SECRET).unwrap(), None).unwrap();
        let mut policy = Policy::default();
        policy.poll = Duration::from_millis(20);
        policy.wait = Duration::from_secs(20);
        policy.settle = Duration::from_millis(50);
        let progress = Arc::clone(&self.progress);
        SetOperator::new(self.store.clone(), SET, Arc::new(GraphRegistry::new(client)))
            .unwrap()
            .author("test")
            .prober(Arc::new(prober))
            .key_source(Arc::new(GeneratedKeys::new(None)))
            .policy(policy)
            .observer(move |event| progress.lock().unwrap().push(event))
    }

    /// What the first rotation names.
    pub(crate) fn first(&self) -> RotateOptions {
        RotateOptions {
            numbers: vec![number()],
            endpoint: Some(self.endpoint.clone()),
            ..RotateOptions::default()
        }
    }

    /// The fingerprint that the emulator has registered.
    pub(crate) fn registered(&self) -> Option<Fingerprint> {
        let pem = self
            .emulator
            .number(DEFAULT_PHONE_NUMBER_ID)
            .unwrap()
            .business_public_key?;
        Some(wa_keys::PublicKey::parse(pem).unwrap().fingerprint())
    }
}

/// An endpoint that follows the store every 20 ms, and writes its record after each poll.
async fn serve(store: KeyStore) -> String {
    let placeholder = PrivateKey::generate().unwrap();
    let ring = KeyRing::new(&placeholder).unwrap();
    let handler = |_: FlowRequest| async { Ok(FlowResponse::screen("HELLO", serde_json::json!({}))) };
    let endpoint = FlowEndpoint::builder(ring.clone(), handler)
        .app_secret(AppSecret::new(SECRET).unwrap())
        .build()
        .unwrap();
    let router = axum::Router::new().route_service("/flow", endpoint);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/flow", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    tokio::spawn(async move {
        let mut record = InstanceRecord::new("gw-1", EventId::random().unwrap());
        loop {
            let report = poll(&store, &ring).await;
            record.sets.insert(SET.to_owned(), report);
            store.write_record(&record).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    url
}

async fn poll(store: &KeyStore, ring: &KeyRing) -> SetReport {
    let set = store.set(SET).unwrap();
    let log = set.read().await.unwrap();
    let mut next: Option<KeyRing> = None;
    let mut report = SetReport {
        last: log.last(),
        id: log.events().last().map(|event| event.id),
        ..SetReport::default()
    };
    for key in log.served() {
        let locked = set.private_key(key.fingerprint).await.unwrap();
        let private = locked.unlock(&[]).unwrap();
        next = Some(match next {
            None => KeyRing::new(&private).unwrap(),
            Some(ring) => ring.with_previous(&private).unwrap(),
        });
        let served = KeyReport {
            revision: 1,
            last_request: None,
        };
        report.keys.insert(key.fingerprint, served);
    }
    if let Some(next) = next {
        ring.replace(&next);
    }
    report
}
