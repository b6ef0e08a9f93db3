//! A rotation under load: two gateways behind one balancer share a key store, phones keep old keys, one
//! gateway is killed and started again. Every exchange is answered at its first attempt.

mod balancer;
mod load;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Notify;
use wa_cloud::fleet::{
    GeneratedKeys, GraphRegistry, HttpProber, Progress, RotateOptions, SetOperator, Stage,
};
use wa_cloud::graph::{AccessToken, AppSecret, GraphClient};
use wa_cloud::keystore::{Directory, KeyStore};
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};

use crate::support::{APP_SECRET, Process, wa};
use balancer::Balancer;
use load::{Counts, Load};

const SET: &str = "default";

/// Everything that takes part: Graph, the store, two gateways, the balancer and the backend.
struct Site {
    folder: TempDir,
    emulator: Emulator,
    store: KeyStore,
    gateways: [Option<Process>; 2],
    balancer: Balancer,
    backend: SocketAddr,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore::open_or_create(Directory::new(folder.path().join("store")));
        let mut site = Self {
            store: store.await.unwrap(),
            folder,
            emulator: Emulator::builder().start().await.unwrap(),
            gateways: [None, None],
            balancer: Balancer::start().await,
            backend: backend().await,
        };
        site.start_gateway(0);
        site.start_gateway(1);
        site
    }

    fn start_gateway(&mut self, which: usize) {
        let config = format!(
            "listen = \"127.0.0.1:0\"\nkey_store = \"store\"\ninstance = \"gateway-{which}\"\n\
             [admin]\nlisten = \"off\"\n\
             [[endpoint]]\npath = \"/flow\"\nupstream = \"http://{}/\"\n",
            self.backend
        );
        let path = self.file(&format!("gateway-{which}.toml"));
        std::fs::write(&path, config).unwrap();
        let mut command = wa();
        command
            .args(["gateway", "--config"])
            .arg(&path)
            .env("WA_APP_SECRET", APP_SECRET);
        let log = std::fs::File::create(self.file(&format!("gateway-{which}.log"))).unwrap();
        let mut process = Process::start(command, Stdio::from(log));
        let ready = process.read_until("\n");
        let address = ready.trim().strip_prefix("ready ").unwrap().parse().unwrap();
        self.balancer.set(which, address);
        self.gateways[which] = Some(process);
    }

    /// Kills a gateway: it neither completes its exchanges nor marks its record.
    fn kill_gateway(&mut self, which: usize) {
        let mut process = self.gateways[which].take().unwrap();
        process.child.kill().unwrap();
        process.child.wait().unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        let folder: &Path = self.folder.path();
        folder.join(name)
    }

    /// Returns an operator as `wa keys rotate` uses it, with short waits. `reached` is notified at a step.
    fn operator(&self, step: Stage, reached: &Arc<Notify>) -> SetOperator {
        let client = GraphClient::builder(AccessToken::new(DEFAULT_ACCESS_TOKEN).unwrap())
            .base_url(self.emulator.base_url())
            .build()
            .unwrap();
        let prober = HttpProber::new(AppSecret::new(APP_SECRET).unwrap(), None).unwrap();
        let mut policy = wa_cloud::fleet::Policy::default();
        policy.poll = Duration::from_millis(100);
        policy.wait = Duration::from_mins(10);
        policy.settle = Duration::from_millis(500);
        let reached = Arc::clone(reached);
        SetOperator::new(self.store.clone(), SET, Arc::new(GraphRegistry::new(client)))
            .unwrap()
            .author("test")
            .prober(Arc::new(prober))
            .key_source(Arc::new(GeneratedKeys::new(None)))
            .policy(policy)
            .observer(move |progress| match progress {
                Progress::Done { stage, .. } if stage == step => reached.notify_one(),
                _ => {}
            })
    }

    fn first(&self) -> RotateOptions {
        RotateOptions {
            numbers: vec![DEFAULT_PHONE_NUMBER_ID.parse().unwrap()],
            endpoint: Some(self.balancer.url()),
            ..RotateOptions::default()
        }
    }

    /// Rotates under load, and kills a gateway when a step is complete; it is down for half a second.
    async fn rotate_under_load(&mut self, phones: u32, pause: Duration, step: Stage) -> Counts {
        let reached = Arc::new(Notify::new());
        let operator = self.operator(step, &reached);
        let first = operator.rotate(&self.first()).await.unwrap();
        assert!(first.is_valid(), "{first:?}");
        while reached_now(&reached).await {}

        let load = Load::start(&self.balancer.url(), self.emulator.base_url(), phones, pause).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let forced = RotateOptions {
            force: true,
            ..RotateOptions::default()
        };
        let rotating = tokio::spawn(async move { operator.rotate(&forced).await });
        reached.notified().await;
        self.kill_gateway(1);
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.start_gateway(1);
        let second = rotating.await.unwrap().unwrap();
        assert!(
            second.is_valid() && second.previous == Some(first.key),
            "{second:?}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
        load.stop().await
    }
}

/// True if a step was notified before; then it is forgotten.
async fn reached_now(reached: &Notify) -> bool {
    tokio::time::timeout(Duration::from_millis(1), reached.notified())
        .await
        .is_ok()
}

/// A backend that responds with a screen.
async fn backend() -> SocketAddr {
    let respond = || async {
        // So that exchanges are in flight when a gateway is killed.
        tokio::time::sleep(Duration::from_millis(20)).await;
        r#"{"screen": "DONE", "data": {}}"#
    };
    let router = axum::Router::new().fallback(respond);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn assert_no_failure(site: &Site, counts: &Counts) {
    eprintln!("{counts:?}, retried by the balancer: {}", site.balancer.retried());
    assert!(counts.failures.is_empty(), "{counts:?}");
    assert!(counts.old_key > 0 && counts.new_key > 0, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_exchange_fails_while_a_set_rotates_and_a_gateway_is_killed() {
    let mut site = Site::new().await;
    let pause = Duration::from_millis(30);
    let counts = site.rotate_under_load(10, pause, Stage::Promoted).await;
    assert_no_failure(&site, &counts);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test -p wa-cli --test it rotation:: -- --ignored --nocapture"]
async fn no_exchange_fails_at_half_of_capacity_whenever_a_gateway_is_killed() {
    for step in [
        Stage::Stored,
        Stage::Served,
        Stage::Proved,
        Stage::Promoted,
        Stage::Uploaded,
    ] {
        let mut site = Site::new().await;
        let reached = Arc::new(Notify::new());
        let operator = site.operator(step, &reached);
        operator.rotate(&site.first()).await.unwrap();
        let capacity = load::capacity(&site.balancer.url(), site.emulator.base_url()).await;
        let phones = 16_u32;
        let pause = Duration::from_secs_f64(2.0 * f64::from(phones) / capacity);
        eprintln!("killed after {step}: capacity {capacity:.0}/s, a phone pauses {pause:?}");
        let counts = site.rotate_under_load(phones, pause, step).await;
        assert_no_failure(&site, &counts);
    }
}
